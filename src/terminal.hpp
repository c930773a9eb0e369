// SPDX-License-Identifier: Apache-2.0
// The terminal a progress line is drawn on: whether it is one, what it can show, and writing to it
// without harm to the program.
#pragma once

#include <chrono>
#include <string_view>

#include "progress_line.hpp"

namespace parmap::detail {

bool is_terminal(int fd) noexcept;

/// The terminal's width now, and whether the locale's variables say UTF-8.
line_format format_of(int fd) noexcept;

enum class write_result { written, dropped, broken };

/// Writes a frame with one write. It is dropped when the terminal takes nothing for `patience` (^S),
/// and broken when it can take no more. SIGPIPE does not reach the program.
write_result write_frame(int fd, std::string_view frame, std::chrono::milliseconds patience) noexcept;

}  // namespace parmap::detail
