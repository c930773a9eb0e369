// SPDX-License-Identifier: Apache-2.0
// How a bar is shown: the choice of its style, and what the terminal can show.
#pragma once

#include <optional>

#include "progress/line.hpp"

namespace parmap::inline v0_2::detail {

/// What decides a bar's style besides the bar; null pointers are unset variables.
struct style_environment {
    bool on_terminal;
    const char* progress;  // PARMAP_PROGRESS
    const char* term;      // TERM
    const char* ci;        // CI
};

/// The style that `automatic` stands for here, never `automatic`; any other stays. Empty when PARMAP_PROGRESS
/// is none of its choices.
std::optional<bar_style> choose_style(bar_style asked, const style_environment& environment) noexcept;

/// The style of a bar in this process. Says once on stderr what PARMAP_PROGRESS may be, when it is something
/// else.
bar_style style_of(const progress_bar& bar) noexcept;

/// The terminal's width now, and whether the locale's variables say UTF-8.
line_format format_of(int fd) noexcept;

}  // namespace parmap::inline v0_2::detail
