// SPDX-License-Identifier: Apache-2.0
// Makes text safe to show on a terminal, and measures it in cells.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace parmap::inline v0_2::detail {

/// The text without what could do harm. Control characters and line separators become blanks. What is not UTF-8 becomes
/// '?', and so does every character beyond ASCII when the terminal shows no UTF-8.
std::string printable(std::string_view text, bool utf8);

/// The cells that printable text takes: two for wide characters, none for combining ones.
std::size_t cells(std::string_view text);

/// The longest beginning of printable text that takes at most `most` cells.
std::string_view leading(std::string_view text, std::size_t most);

}  // namespace parmap::inline v0_2::detail
