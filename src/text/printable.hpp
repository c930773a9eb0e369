// SPDX-License-Identifier: Apache-2.0
// Text on a terminal: what may be shown of it, and how many cells it takes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace parmap::inline v0_2::detail {

/// The text with nothing in it that could do harm: control characters and line separators become blanks, what
/// is not UTF-8 becomes '?', and so does everything beyond ASCII where the terminal shows no UTF-8.
std::string printable(std::string_view text, bool utf8);

/// The cells that printable text takes: two for wide characters, none for combining ones.
std::size_t cells(std::string_view text);

/// The longest beginning of printable text that takes at most `most` cells.
std::string_view leading(std::string_view text, std::size_t most);

}  // namespace parmap::inline v0_2::detail
