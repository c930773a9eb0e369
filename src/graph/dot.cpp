// SPDX-License-Identifier: Apache-2.0
// The picture of a task graph, in the language of Graphviz.
#include <chrono>
#include <cstddef>
#include <ranges>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <parmap/errors.hpp>
#include <parmap/task_graph.hpp>

#include "text/printable.hpp"

namespace parmap::inline v0_2 {

namespace detail {

namespace {

/// The text in a string of Graphviz's language. Line ends stay; other control characters become printable.
std::string escaped(std::string_view text)
{
    std::string dot;
    for (const auto line : std::views::split(text, '\n')) {
        if (line.begin() != text.begin()) dot += "\\n";
        for (const char c : printable(std::string_view(line.begin(), line.end()), true)) {
            if (c == '"' || c == '\\') dot += '\\';
            if (c == '&') {
                dot += "&amp;";  // or the name of a character begins with it
            } else {
                dot += c;
            }
        }
    }
    return dot;
}

std::string in_words(std::chrono::nanoseconds time)
{
    const auto ns = static_cast<double>(time.count());
    if (ns < 1e3) return fmt::format("{} ns", time.count());
    if (ns < 1e6) return fmt::format("{:.3g} us", ns / 1e3);
    if (ns < 1e9) return fmt::format("{:.3g} ms", ns / 1e6);
    return fmt::format("{:.1f} s", ns / 1e9);
}

// By state, as in step_state.
constexpr std::string_view colours[] = {"white", "lightyellow", "palegreen", "lightcoral", "lightgrey"};

/// What is below the name of a step.
std::string outcome(const step& s, step_state state)
{
    const step_record& record = s.record();
    if (state == step_state::failed)
        return fmt::format("failed after {}: {}", in_words(record.took), failure{s.index(), record.error}.what());
    if (state == step_state::waiting) return "";
    if (state == step_state::running) return "running";
    if (state == step_state::skipped) return "skipped";
    return record.items ? fmt::format("{} items, {}", *record.items, in_words(record.took)) : in_words(record.took);
}

}  // namespace

}  // namespace detail

std::string task_graph::dot() const
{
    std::string dot =
        "digraph parmap {\n"
        "    rankdir=LR;\n"
        "    node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n";
    for (const auto& step : table_.steps) {
        const detail::step_state state = step->state();
        const std::string outcome = detail::outcome(*step, state);
        dot += fmt::format("    s{} [label=\"{}{}{}\", fillcolor={}];\n", step->index(), detail::escaped(step->name()),
                           outcome.empty() ? "" : "\\n", detail::escaped(outcome),
                           detail::colours[static_cast<std::size_t>(state)]);
        for (const std::size_t input : table_.inputs[step->index()]) {
            dot += fmt::format("    s{} -> s{};\n", input, step->index());
        }
    }
    return dot + "}\n";
}

}  // namespace parmap::inline v0_2
