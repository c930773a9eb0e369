// SPDX-License-Identifier: Apache-2.0
#include "progress/line.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "text/json.hpp"
#include "text/printable.hpp"

namespace parmap::inline v0_2::detail {

namespace {

std::string_view name(progress_phase phase)
{
    constexpr std::array<std::string_view, 4> names{"running", "finished", "failed", "cancelled"};
    return names.at(static_cast<std::size_t>(phase));
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

/// The part of the items that is done, from 0 to 1.
double share(const progress_state& state)
{
    return state.done == *state.total ? 1 : static_cast<double>(state.done) / static_cast<double>(*state.total);
}

/// Below 100 until the last item is done.
int percent(const progress_state& state)
{
    return state.done == *state.total ? 100 : std::min(99, static_cast<int>(100 * share(state)));
}

std::string bar(const progress_state& state, std::size_t width, bool utf8)
{
    constexpr std::array<std::string_view, 8> eighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const auto most = static_cast<double>(8 * width);
    const std::size_t filled = std::min(8 * width, static_cast<std::size_t>(share(state) * most));
    const std::string_view part = utf8 ? eighths.at(filled % 8) : "";
    std::string text;
    for (std::size_t i = 0; i < filled / 8; ++i) text += utf8 ? "█" : "#";
    text += part;
    text.append(width - filled / 8 - (part.empty() ? 0 : 1), ' ');
    return text;
}

/// The parts that a line has; on a narrow terminal not all.
struct parts {
    bool elapsed{true};
    bool rate{true};
    bool busy{true};
};

/// Whether the number of items that are done tells how much of the work is done.
bool has_share(const line_state& line)
{
    return line.state.total && !line.steps;
}

/// What is known of the time left.
std::string remaining(const line_state& line)
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
    add(remaining(line));
    if (show.rate && !line.oldest && !line.steps) add(speed(line, unit));  // a rate tells nothing of the last items
    if (show.busy && state.phase == progress_phase::running && state.workers > 0) {
        add(fmt::format("{}/{} busy", state.busy, state.workers));
    }
    return text.empty() ? text : fmt::format(" [{}]", text);
}

/// The text before the bar: "hashing:  42%".
std::string before_bar(const line_state& line, bool utf8)
{
    const std::string label = printable(line.state.label, utf8);
    std::string done = has_share(line) ? fmt::format("{:3}%", percent(line.state)) : "";
    if (label.empty()) return done;
    return done.empty() ? label + ":" : fmt::format("{}: {}", label, done);
}

/// The text after the bar: "42/100 [00:12<00:17, 3.4 file/s, 8/8 busy]"; without a total "42 file [00:12, 3.4 file/s]";
/// of a graph "7/12 steps [00:12, 8/8 busy]".
std::string after_bar(const line_state& line, const parts& show, bool utf8)
{
    const progress_state& state = line.state;
    const std::string unit = printable(state.unit, utf8);
    std::string text = detail::count(line, state.done);
    if (state.total) text += fmt::format("/{}", detail::count(line, *state.total));
    if (!state.total || line.steps) text += fmt::format(" {}", unit);
    text += timing(line, show, unit);
    const bool ended_early = state.phase == progress_phase::failed || state.phase == progress_phase::cancelled;
    return ended_early ? fmt::format("{} {}", text, name(state.phase)) : text;
}

std::string without_bar(const std::string& before, const std::string& after)
{
    return before.empty() ? after : fmt::format("{} {}", before, after);
}

}  // namespace

std::string render_line(const line_state& line, const line_format& format)
{
    const auto most = static_cast<std::size_t>(std::max(format.columns - 1, 0));
    const std::string before = before_bar(line, format.utf8);

    // A narrow terminal loses the number of busy workers first, then the rate, the bar, and the elapsed time.
    constexpr std::size_t narrowest_bar = 10;
    for (const parts& show : {parts{}, parts{.busy = false}, parts{.rate = false, .busy = false}}) {
        const std::string after = after_bar(line, show, format.utf8);
        const std::size_t texts = cells(before) + cells(after);
        if (!has_share(line) && texts + 1 <= most) return without_bar(before, after);
        const std::size_t fixed = texts + 3;  // two ends of the bar and a blank
        if (has_share(line) && fixed + narrowest_bar <= most) {
            return fmt::format("{}|{}| {}", before, bar(line.state, most - fixed, format.utf8), after);
        }
    }
    std::string narrow;
    for (const bool elapsed : {true, false}) {
        narrow = without_bar(before, after_bar(line, {.elapsed = elapsed, .rate = false, .busy = false}, format.utf8));
        if (cells(narrow) <= most) return narrow;
    }
    return std::string(leading(narrow, most));
}

std::string render_plain(const line_state& line)
{
    return without_bar(before_bar(line, true), after_bar(line, {}, true));
}

std::string render_json(const line_state& line)
{
    const progress_state& state = line.state;
    return fmt::format(
        R"({{"t":{:.3f},"label":{},"done":{},"total":{},"rate":{:.6g},"eta_s":{},"busy":{},"workers":{},"state":"{}"}})",
        seconds(state.elapsed), json_string(state.label), state.done,
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

}  // namespace parmap::inline v0_2::detail
