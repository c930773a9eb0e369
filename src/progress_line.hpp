// SPDX-License-Identifier: Apache-2.0
// The progress line, in tqdm's layout. Pure: a function of the state and what the terminal can show.
#pragma once

#include <string>

#include <parmap/progress.hpp>

namespace parmap::detail {

/// What the terminal can show.
struct line_format {
    int columns{80};
    bool utf8{true};
};

/// "hashing:  42%|████▏     | 42/100 [00:12<00:17, 3.4 file/s, 8/8 busy]", in at most columns-1 cells.
std::string render_line(const progress_state& state, const line_format& format);

}  // namespace parmap::detail
