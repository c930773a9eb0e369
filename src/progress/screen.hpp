// SPDX-License-Identifier: Apache-2.0
// The lines at the bottom of one terminal: one for each bar, in the order they came.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "progress/line.hpp"
#include "progress/timed_mutex.hpp"

namespace parmap::inline v0_2::detail {

/// Every function may be called from any thread. A terminal that takes nothing (^S) is waited for until the
/// deadline, in all; then the frame is dropped. A terminal that is gone stays silent.
class progress_screen {
public:
    using time_point = std::chrono::steady_clock::time_point;

    explicit progress_screen(int fd) : fd_(fd) {}

    /// The screen of a terminal, shared by the calls that draw on it. When none does, the next one makes a new screen: by
    /// then the descriptor may be another file's.
    static std::shared_ptr<progress_screen> of(int fd);

    line_format format() const;

    /// The line of a bar, from the next frame on. \param bar tells it from the others
    void set(const void* bar, std::string line);

    /// Draws the lines as they are now, when they are not on the terminal already and it takes them at once.
    void draw();

    /// Takes a bar's line off; `last` stays above the others for good.
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

    std::mutex listing_;  // guards what follows; never held during a write
    std::vector<entry> entries_;

    timed_mutex drawing_;  // guards what follows; may be held by a write that does not return
    drawing drawn_;
    bool broken_{false};
};

/// Calls `write` while no screen shows a line, as far as the terminals can be cleared in time.
void without_lines_on_any_screen(const std::function<void()>& write, std::chrono::steady_clock::time_point deadline);

}  // namespace parmap::inline v0_2::detail
