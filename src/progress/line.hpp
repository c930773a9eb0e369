// SPDX-License-Identifier: Apache-2.0
// Puts together what is shown of a call: a bar's line in tqdm's layout, a plain line, a line of JSON. Pure: depends
// only on the state of the call and on what the terminal can show.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <parmap/progress.hpp>

namespace parmap::inline v0_2::detail {

inline double seconds(std::chrono::nanoseconds time)
{
    return std::chrono::duration<double>(time).count();
}

/// What the terminal can show.
struct line_format {
    int columns{80};
    bool utf8{true};
};

/// The state of a call, and what only its line shows.
struct line_state {
    progress_state state;
    bool unit_scale{false};
    bool steps{false};  ///< the items are steps of a graph, which take unlike times: no share, rate or ETA is shown
    /// The age of the oldest running item, once all items are claimed.
    std::optional<std::chrono::nanoseconds> oldest{};
};

/// "hashing:  42%|████▏     | 42/100 [00:12<00:17, 3.4 file/s, 8/8 busy]", in at most columns - 1 cells; of a graph
/// "report: 7/12 steps [00:12, 8/8 busy]".
std::string render_line(const line_state& line, const line_format& format);

/// The same without a bar, in any number of cells: "hashing:  42% 42/100 [00:12<00:17, 3.4 file/s, 8/8 busy]".
std::string render_plain(const line_state& line);

/// {"t":12.0,"label":"hashing","done":42,"total":100,"rate":3.4,"eta_s":17.0,"busy":8,"workers":8,"state":"running"}
/// with t in seconds since the call began.
std::string render_json(const line_state& line);

/// When a call prints its next plain line, by its elapsed time: at 10 s, at 30 s, then each minute.
std::chrono::seconds next_plain_line(std::chrono::nanoseconds elapsed);

}  // namespace parmap::inline v0_2::detail
