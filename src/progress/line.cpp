// SPDX-License-Identifier: Apache-2.0
#include "progress/line.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "text/json.hpp"
#include "text/printable.hpp"

namespace parmap::inline v0_2::detail {

namespace {

double seconds(std::chrono::nanoseconds time)
{
    return std::chrono::duration<double>(time).count();
}

std::string duration(std::chrono::nanoseconds time)
{
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(time).count();
    if (whole < 3600) return fmt::format("{:02}:{:02}", whole / 60, whole % 60);
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

/// 950, 1.2k, 34.5M: three digits at most before the unit.
std::string scaled(double number)
{
    constexpr std::string_view prefixes = "kMGTPE";
    if (number < 1000) return fmt::format("{:.3g}", number);
    std::size_t power = 0;
    for (number /= 1000; number >= 999.95 && power + 1 < prefixes.size(); ++power) number /= 1000;
    return fmt::format("{:.1f}{}", number, prefixes[power]);
}

std::string count(const line_state& line, std::uint64_t items)
{
    return line.unit_scale ? scaled(static_cast<double>(items)) : fmt::format("{}", items);
}

std::string speed(const line_state& line, std::string_view unit)
{
    const double rate = line.state.rate;
    if (rate > 0 && rate < 1) return fmt::format("{:.2f} s/{}", 1 / rate, unit);
    if (line.unit_scale) return fmt::format("{} {}/s", scaled(rate), unit);
    return fmt::format("{:.{}f} {}/s", rate, rate < 100 ? 1 : 0, unit);
}

/// Below 100 until the last item is done.
int percent(const progress_state& state)
{
    if (state.done == *state.total) return 100;
    return std::min(99, static_cast<int>(100 * (static_cast<double>(state.done) / static_cast<double>(*state.total))));
}

std::string bar(const progress_state& state, std::size_t width, bool utf8)
{
    constexpr std::array<std::string_view, 8> eighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const double share =
        state.done == *state.total ? 1 : static_cast<double>(state.done) / static_cast<double>(*state.total);
    const std::size_t filled = std::min(8 * width, static_cast<std::size_t>(share * static_cast<double>(8 * width)));
    const std::string_view part = utf8 ? eighths.at(filled % 8) : "";
    std::string text;
    for (std::size_t i = 0; i < filled / 8; ++i) text += utf8 ? "█" : "#";
    text += part;
    text.append(width - filled / 8 - (part.empty() ? 0 : 1), ' ');
    return text;
}

/// What a line holds; the narrower the terminal, the less.
struct parts {
    bool elapsed{true};
    bool rate{true};
    bool busy{true};
};

/// Whether the items that are done say how much of the work is.
bool has_share(const line_state& line)
{
    return line.state.total && !line.steps;
}

/// When it will be done, as far as that is known.
std::string outlook(const line_state& line)
{
    const progress_state& state = line.state;
    if (state.phase != progress_phase::running || !has_share(line)) return "";
    if (line.oldest) {
        return fmt::format("{} left, oldest {}s", *state.total - state.done,
                           std::chrono::duration_cast<std::chrono::seconds>(*line.oldest).count());
    }
    return fmt::format("<{}", state.eta ? duration(*state.eta) : "?");
}

std::string timing(const line_state& line, const parts& show, std::string_view unit)
{
    const progress_state& state = line.state;
    std::string text = show.elapsed ? duration(state.elapsed) : "";
    const auto add = [&](std::string_view part) {
        if (part.empty()) return;
        if (!text.empty() && !part.starts_with('<')) text += ", ";
        text += part;
    };
    add(outlook(line));
    if (show.rate && !line.oldest && !line.steps) add(speed(line, unit));  // of the last items, a rate says nothing
    if (show.busy && state.phase == progress_phase::running && state.workers > 0) {
        add(fmt::format("{}/{} busy", state.busy, state.workers));
    }
    return text.empty() ? text : fmt::format(" [{}]", text);
}

std::string_view name(progress_phase phase)
{
    switch (phase) {
        case progress_phase::running:
            return "running";
        case progress_phase::finished:
            return "finished";
        case progress_phase::failed:
            return "failed";
        case progress_phase::cancelled:
            return "cancelled";
    }
    return "";
}

/// How it ended, when that is worth a word.
std::string ending(progress_phase phase)
{
    const bool silent = phase == progress_phase::running || phase == progress_phase::finished;
    return silent ? "" : fmt::format(" {}", name(phase));
}

/// Before the bar: "hashing:  42%".
std::string head(const line_state& line, bool utf8)
{
    const std::string label = printable(line.state.label, utf8);
    std::string share = has_share(line) ? fmt::format("{:3}%", percent(line.state)) : "";
    if (label.empty()) return share;
    return share.empty() ? label + ":" : fmt::format("{}: {}", label, share);
}

/// After the bar: "42/100 [00:12<00:17, 3.4 file/s, 8/8 busy]"; without a total "42 file [00:12, 3.4
/// file/s]"; of a graph "7/12 steps [00:12, 8/8 busy]".
std::string tail(const line_state& line, const parts& show, bool utf8)
{
    const std::string unit = printable(line.state.unit, utf8);
    std::string counts = count(line, line.state.done);
    if (line.state.total) counts += fmt::format("/{}", count(line, *line.state.total));
    if (!line.state.total || line.steps) counts += fmt::format(" {}", unit);
    return counts + timing(line, show, unit) + ending(line.state.phase);
}

/// The rows that a drawn line takes now, where the terminal may have wrapped it as it got narrower.
std::size_t rows(std::string_view line, int columns)
{
    const auto width = static_cast<std::size_t>(std::max(columns, 1));
    return std::max<std::size_t>(1, (cells(line) + width - 1) / width);
}

}  // namespace

std::string render_line(const line_state& line, const line_format& format)
{
    const auto most = static_cast<std::size_t>(std::max(format.columns - 1, 0));
    const std::string before = head(line, format.utf8);

    // Dropped in this order as the terminal gets narrower: busy, rate, bar, elapsed.
    constexpr std::size_t narrowest_bar = 10;
    for (const parts& show : {parts{}, parts{.busy = false}, parts{.rate = false, .busy = false}}) {
        const std::string after = tail(line, show, format.utf8);
        const std::size_t fixed = cells(before) + cells(after) + 3;  // two bars of the frame and a blank
        if (has_share(line) && fixed + narrowest_bar <= most) {
            return fmt::format("{}|{}| {}", before, bar(line.state, most - fixed, format.utf8), after);
        }
        if (!has_share(line) && cells(before) + 1 + cells(after) <= most) {
            return before.empty() ? after : fmt::format("{} {}", before, after);
        }
    }
    std::string narrow;
    for (const bool elapsed : {true, false}) {
        const std::string after = tail(line, {.elapsed = elapsed, .rate = false, .busy = false}, format.utf8);
        narrow = before.empty() ? after : fmt::format("{} {}", before, after);
        if (cells(narrow) <= most) return narrow;
    }
    return std::string(leading(narrow, most));
}

std::string render_plain(const line_state& line)
{
    const std::string before = head(line, true);
    const std::string after = tail(line, {}, true);
    return before.empty() ? after : fmt::format("{} {}", before, after);
}

std::string render_json(const line_state& line)
{
    const progress_state& state = line.state;
    return fmt::format(
        R"({{"t":{:.3f},"label":{},"done":{},"total":{},"rate":{:.6g},"eta_s":{},"busy":{},"workers":{},"state":"{}"}})",
        seconds(state.elapsed), detail::quoted(state.label), state.done,
        state.total ? fmt::format("{}", *state.total) : "null", state.rate,
        state.eta ? fmt::format("{:.3f}", seconds(*state.eta)) : "null", state.busy, state.workers, name(state.phase));
}

std::chrono::seconds next_plain_line(std::chrono::nanoseconds elapsed)
{
    using namespace std::chrono_literals;
    if (elapsed < 10s) return 10s;
    if (elapsed < 30s) return 30s;
    return std::chrono::floor<std::chrono::minutes>(elapsed) + 1min;
}

std::string render_frame(const drawing& drawn, const drawing& next, std::span<const std::string> above)
{
    std::size_t up = 0;
    for (const std::string& line : drawn.lines) up += rows(line, next.columns);
    std::string frame = "\r";
    if (up > 1) frame += fmt::format("\x1b[{}A", up - 1);
    // Rows that no line will cover: of lines that went, and of lines that a narrower terminal wrapped.
    const bool leftovers = up > above.size() + next.lines.size() || next.columns < drawn.columns;
    if (leftovers) frame += "\x1b[J";
    for (const std::string& line : above) frame += line + "\x1b[K\n";
    for (std::size_t i = 0; i < next.lines.size(); ++i) {
        frame += (i == 0 ? "" : "\n") + next.lines[i] + "\x1b[K";
    }
    return frame;
}

}  // namespace parmap::inline v0_2::detail
