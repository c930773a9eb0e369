// SPDX-License-Identifier: Apache-2.0
// The file that progress is shown on: whether it is a terminal, how to show things there, what it can show,
// and writing to it without harm to the program.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "progress_line.hpp"

namespace parmap::detail {

bool is_terminal(int fd) noexcept;

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

enum class write_result { written, dropped, broken };

/// The deadline of one who waits for nothing: long past.
inline constexpr std::chrono::steady_clock::time_point at_once{};

/// Writes a frame with one write. It is dropped when the terminal takes nothing until the deadline (^S), and
/// broken when it can take no more. SIGPIPE does not reach the program.
write_result write_frame(int fd, std::string_view frame,
                         std::chrono::steady_clock::time_point deadline) noexcept;

}  // namespace parmap::detail
