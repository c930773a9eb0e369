// SPDX-License-Identifier: Apache-2.0
#include "progress_line.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

namespace parmap::detail {

namespace {

/// One cell a code point.
std::size_t cells(std::string_view text)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

/// The first `most` cells of the text.
std::string_view leading(std::string_view text, std::size_t most)
{
    std::size_t end = text.size();
    while (cells(text.substr(0, end)) > most) --end;
    return text.substr(0, end);
}

/// A label comes from the user's data: no control character of it may reach the terminal.
std::string printable(std::string_view text)
{
    std::string clean(text);
    std::ranges::replace_if(
        clean, [](char c) { return static_cast<unsigned char>(c) < 0x20U || c == 0x7F; }, ' ');
    return clean;
}

std::string duration(std::chrono::nanoseconds time)
{
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
    if (seconds < 3600) return fmt::format("{:02}:{:02}", seconds / 60, seconds % 60);
    return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::string speed(double rate, std::string_view unit)
{
    if (rate > 0 && rate < 1) return fmt::format("{:.2f} s/{}", 1 / rate, unit);
    if (rate < 100) return fmt::format("{:.1f} {}/s", rate, unit);
    return fmt::format("{:.0f} {}/s", rate, unit);
}

std::string bar(double share, std::size_t width, bool utf8)
{
    constexpr std::array<std::string_view, 8> eighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const auto filled = static_cast<std::size_t>(share * static_cast<double>(width) * 8);
    const std::size_t whole = filled / 8;
    const std::string_view part = utf8 ? eighths.at(filled % 8) : "";
    std::string text;
    for (std::size_t i = 0; i < whole; ++i) text += utf8 ? "█" : "#";
    text += part;
    text.append(width - whole - (part.empty() ? 0 : 1), ' ');
    return text;
}

/// What the line holds; the narrower the terminal, the less.
struct parts {
    bool elapsed;
    bool rate;
    bool busy;
};

std::string timing(const progress_state& state, const parts& show)
{
    std::string text;
    const bool running = state.phase == progress_phase::running;
    if (show.elapsed) text += duration(state.elapsed);
    if (running) text += "<" + (state.eta ? duration(*state.eta) : "?");
    if (show.rate)
        text += fmt::format("{}{}", text.empty() ? "" : ", ", speed(state.rate, printable(state.unit)));
    if (show.busy && running) text += fmt::format(", {}/{} busy", state.busy, state.workers);
    return text.empty() ? text : " [" + text + "]";
}

std::string_view ending(progress_phase phase)
{
    switch (phase) {
        case progress_phase::failed:
            return " failed";
        case progress_phase::cancelled:
            return " cancelled";
        default:
            return "";
    }
}

}  // namespace

std::string render_line(const progress_state& state, const line_format& format)
{
    const auto most = static_cast<std::size_t>(std::max(format.columns - 1, 0));
    const bool all = state.done == *state.total;
    const double share = all ? 1 : static_cast<double>(state.done) / static_cast<double>(*state.total);
    const int percent = all ? 100 : std::min(99, static_cast<int>(share * 100));
    const std::string label = state.label.empty() ? "" : printable(state.label) + ": ";
    const std::string head = fmt::format("{}{:3}%", label, percent);

    // Dropped in this order as the terminal gets narrower: busy, rate, bar, elapsed.
    constexpr std::size_t narrowest_bar = 10;
    std::string line;
    for (const auto& [show, with_bar] :
         {std::pair{parts{true, true, true}, true}, std::pair{parts{true, true, false}, true},
          std::pair{parts{true, false, false}, true}, std::pair{parts{true, false, false}, false},
          std::pair{parts{false, false, false}, false}}) {
        const std::string tail =
            fmt::format(" {}/{}{}{}", state.done, *state.total, timing(state, show), ending(state.phase));
        const std::size_t fixed = cells(head) + cells(tail);
        line = head + tail;
        if (with_bar && fixed + narrowest_bar + 2 <= most) {
            return fmt::format("{}|{}|{}", head, bar(share, most - fixed - 2, format.utf8), tail);
        }
        if (!with_bar && fixed <= most) return line;
    }
    return std::string(leading(line, most));
}

}  // namespace parmap::detail
