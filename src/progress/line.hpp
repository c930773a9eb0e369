// SPDX-License-Identifier: Apache-2.0
// What is shown of a call: a line of a terminal in tqdm's layout, a plain line, a line of JSON, and the frame
// that puts lines on a terminal. Pure: functions of the state and of what the terminal can show.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <parmap/progress.hpp>

namespace parmap::inline v0_2::detail {

/// What the terminal can show.
struct line_format {
    int columns{80};
    bool utf8{true};
};

/// A call, with what only its line tells.
struct line_state {
    progress_state state;
    bool unit_scale{false};
    bool steps{false};  ///< its items are steps of a graph, of which no two take alike: no share, rate or ETA
    /// Once all items are claimed: the age of the oldest that runs.
    std::optional<std::chrono::nanoseconds> oldest{};
};

/// "hashing:  42%|████▏     | 42/100 [00:12<00:17, 3.4 file/s, 8/8 busy]", in at most columns-1 cells; of a graph
/// "report: 7/12 steps [00:12, 8/8 busy]".
std::string render_line(const line_state& line, const line_format& format);

/// The same without a bar, however long: "hashing:  42% 42/100 [00:12<00:17, 3.4 file/s, 8/8 busy]".
std::string render_plain(const line_state& line);

/// {"t":12.0,"label":"hashing","done":42,"total":100,"rate":3.4,"eta_s":17.0,"busy":8,"workers":8,"state":"running"}
/// with t in seconds since the call began.
std::string render_json(const line_state& line);

/// When a call that ran this long prints its next plain line: at 10 s, 30 s, then each minute.
std::chrono::seconds next_plain_line(std::chrono::nanoseconds elapsed);

/// What stands on the terminal below the text that scrolls: a row or more for each line.
struct drawing {
    std::vector<std::string> lines{};
    int columns{0};  ///< of the terminal when they were drawn
};

/// The bytes that put `next` in the place of `drawn`, with `above` left for good over it. The cursor rests at
/// the end of the last line and is never hidden, so a program that dies leaves nothing to repair.
std::string render_frame(const drawing& drawn, const drawing& next, std::span<const std::string> above = {});

}  // namespace parmap::inline v0_2::detail
