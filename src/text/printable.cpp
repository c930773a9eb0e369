// SPDX-License-Identifier: Apache-2.0
#include "text/printable.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "system/character_width.hpp"

namespace parmap::inline v0_2::detail {

namespace {

/// A character and the number of its bytes.
struct character {
    std::optional<char32_t> code;  // empty: not UTF-8
    std::size_t bytes{};
};

/// The first character of a text that is not empty (RFC 3629: shortest form, no surrogates).
character first_of(std::string_view text)
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const std::size_t bytes = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (bytes == 0 || bytes > text.size()) return {std::nullopt, 1};
    char32_t code = lead & (0x7FU >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) return {std::nullopt, 1};
        code = (code << 6U) | (byte(i) & 0x3FU);
    }
    constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    if (code < least.at(bytes) || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return {std::nullopt, 1};
    return {code, bytes};
}

/// Characters that change the direction of the text after them, or end the line.
bool redirects(char32_t code)
{
    return (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0x200E ||
           code == 0x200F || code == 0x061C || code == 0x2028 || code == 0x2029;
}

/// The cells of a character, inside a utf8_scope; negative when it cannot be shown.
int width(char32_t code)
{
    if (code >= 0x20 && code < 0x7F) return 1;
    return redirects(code) ? -1 : character_width(code);
}

/// What a part of a text takes in memory and on a terminal.
struct extent {
    std::size_t bytes{0};
    std::size_t cells{0};
};

/// The longest beginning of a text that takes at most `most` cells.
extent beginning(std::string_view text, std::size_t most)
{
    const utf8_scope scope;
    extent used;
    while (used.bytes != text.size()) {
        const auto [code, bytes] = first_of(text.substr(used.bytes));
        const auto cells = static_cast<std::size_t>(std::max(width(code.value_or(U'?')), 0));
        if (cells > most - used.cells) break;
        used.bytes += bytes;
        used.cells += cells;
    }
    return used;
}

}  // namespace

std::string printable(std::string_view text, bool utf8)
{
    const utf8_scope scope;
    std::string clean;
    while (!text.empty()) {
        const auto [code, bytes] = first_of(text);
        const bool control = code && (*code < 0x20 || (*code >= 0x7F && *code < 0xA0) || redirects(*code));
        if (control) {
            clean += ' ';
        } else if (!code || width(*code) < 0 || (*code >= 0x80 && !utf8)) {
            clean += '?';
        } else {
            clean += text.substr(0, bytes);
        }
        text.remove_prefix(bytes);
    }
    return clean;
}

std::string_view leading(std::string_view text, std::size_t most)
{
    return text.substr(0, beginning(text, most).bytes);
}

std::size_t cells(std::string_view text)
{
    return beginning(text, std::string_view::npos).cells;
}

}  // namespace parmap::inline v0_2::detail
