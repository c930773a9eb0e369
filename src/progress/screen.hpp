// SPDX-License-Identifier: Apache-2.0
// The lines at the bottom of a terminal: one for each bar, in the order in which the bars came. Draws them, and clears
// them for what println writes above.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "progress/timed_mutex.hpp"

namespace parmap::inline v0_2::detail {

/// How long println, and the end of a call, wait in all for a file that takes nothing.
inline constexpr std::chrono::milliseconds write_timeout{50};

/// The lines that are on a terminal. Each takes one row, or more where the terminal wraps it.
struct drawing {
    std::vector<std::string> lines{};
    int columns{0};  ///< of the terminal when they were drawn

    bool operator==(const drawing&) const = default;
};

/// The bytes that replace `drawn` by `next`, and leave the lines `above` over it for good. The cursor rests at the end
/// of the last line and is never hidden, so that a program that dies leaves nothing to repair. Pure.
std::string render_frame(const drawing& drawn, const drawing& next, std::span<const std::string> above = {});

/// Each function may be called from any thread. Each waits for a terminal that takes nothing (^S) until its deadline,
/// in all, and then drops the frame. Nothing more is written to a terminal that is gone.
class progress_screen {
public:
    using time_point = std::chrono::steady_clock::time_point;

    explicit progress_screen(int fd) : fd_(fd) {}

    /// The screen of a terminal, shared by the calls that draw on it. It ends with the last of them, because later the
    /// descriptor may be another file's.
    static std::shared_ptr<progress_screen> of(int fd);

    /// Sets the line of a bar, for the next frame. \param bar  tells it from the others
    void set(const void* bar, std::string line);

    /// Draws the lines, unless the terminal shows them already or does not take them at once.
    void draw();

    /// Removes the line of a bar; `last` stays above the others for good.
    void remove(const void* bar, std::optional<std::string> last, time_point deadline);

    /// Calls `write` while the terminal shows no line, if it can be cleared in time.
    void without_lines(const std::function<void()>& write, time_point deadline);

private:
    struct entry {
        const void* bar;
        std::string line;
    };

    drawing lines_now();
    void put(drawing next, const std::vector<std::string>& above, time_point deadline);

    const int fd_;

    std::mutex listing_;  // guards the next line; never held during a write
    std::vector<entry> entries_;

    timed_mutex drawing_;  // guards what follows; may be held by a write that does not return
    drawing drawn_;
    bool broken_{false};
};

}  // namespace parmap::inline v0_2::detail
