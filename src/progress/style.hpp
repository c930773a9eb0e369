// SPDX-License-Identifier: Apache-2.0
// Chooses how a bar is shown, from the bar and the environment (PARMAP_PROGRESS=off silences it), and asks what the
// terminal can show.
#pragma once

#include <optional>

#include "progress/line.hpp"

namespace parmap::inline v0_2::detail {

/// What decides the style of a bar whose own style is automatic; null pointers are unset variables.
struct style_environment {
    bool on_terminal;
    const char* progress;  // PARMAP_PROGRESS
    const char* term;      // TERM
    const char* ci;        // CI
};

/// The style to use instead of automatic; any other style stays. Empty when PARMAP_PROGRESS has no valid value.
std::optional<bar_style> choose_style(bar_style asked, const style_environment& environment) noexcept;

/// The style of a bar in this process. When PARMAP_PROGRESS has no valid value, says so on stderr, once.
bar_style style_of(const progress_bar& bar) noexcept;

/// The terminal's width now, and whether the variables of the locale say UTF-8.
line_format format_of(int fd) noexcept;

}  // namespace parmap::inline v0_2::detail
