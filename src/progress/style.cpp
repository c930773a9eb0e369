// SPDX-License-Identifier: Apache-2.0
#include "progress/style.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "system/files.hpp"

namespace parmap::inline v0_2::detail {

namespace {

bool locale_is_utf8()
{
    // The first one that is set decides, as in setlocale, which a library must not call.
    for (const char* const name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const char* const value = std::getenv(name);
        if (value == nullptr || *value == '\0') continue;
        std::string lower(value);
        std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
        return lower.find("utf-8") != std::string::npos || lower.find("utf8") != std::string::npos;
    }
    return false;
}

}  // namespace

std::optional<bar_style> choose_style(bar_style asked, const style_environment& environment) noexcept
{
    if (asked != bar_style::automatic) return asked;
    const auto is_set = [](const char* value) { return value != nullptr && *value != '\0'; };
    if (is_set(environment.progress)) {
        constexpr std::array<std::pair<std::string_view, bar_style>, 4> choices{{{"terminal", bar_style::terminal},
                                                                                 {"plain", bar_style::plain},
                                                                                 {"json", bar_style::json},
                                                                                 {"off", bar_style::off}}};
        for (const auto& [name, style] : choices) {
            if (environment.progress == name) return style;
        }
        if (environment.progress != std::string_view("auto")) return std::nullopt;
    }
    const bool dumb = !is_set(environment.term) || environment.term == std::string_view("dumb");
    return dumb || is_set(environment.ci) || !environment.on_terminal ? bar_style::plain : bar_style::terminal;
}

bar_style style_of(const progress_bar& bar) noexcept
{
    if (bar.style != bar_style::automatic) return bar.style;
    style_environment here{.on_terminal = is_terminal(bar.fd),
                           .progress = std::getenv("PARMAP_PROGRESS"),
                           .term = std::getenv("TERM"),
                           .ci = std::getenv("CI")};
    if (const auto style = choose_style(bar.style, here)) return *style;
    static std::atomic_flag said;
    if (!said.test_and_set()) {
        // The value is not repeated: it may hold anything.
        write_before(at_once, 2,
                     "parmap: PARMAP_PROGRESS is none of auto, terminal, plain, json, off; taken as auto\n");
    }
    here.progress = nullptr;
    return *choose_style(bar.style, here);
}

line_format format_of(int fd) noexcept
{
    line_format format{.utf8 = locale_is_utf8()};
    format.columns = columns_of(fd).value_or(format.columns);
    return format;
}

}  // namespace parmap::inline v0_2::detail
