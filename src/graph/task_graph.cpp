// SPDX-License-Identifier: Apache-2.0
// A task graph at rest: what may be added and run, and how it is drawn.
#include <parmap/task_graph.hpp>

#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

#include "graph/graph_run.hpp"
#include "text/printable.hpp"

namespace parmap::inline v0_2 {

namespace detail {

namespace {

std::string_view why_not(step_state state)
{
    switch (state) {
        case step_state::waiting:
            return "it has not run: call run() first";
        case step_state::running:
            return "it is running: name it as an input of the step that needs its result";
        case step_state::done:
            return "it was taken: reset() has it computed again";
        case step_state::failed:
            return "it failed: run() threw its error";
        case step_state::skipped:
            return "the last run ended without it: call run() again";
    }
    return "";
}

/// Marks a graph as running as long as this lives.
class running_mark {
public:
    explicit running_mark(graph_status& status) : status_(status)
    {
        if (status_.running.exchange(true)) {
            throw std::logic_error("parmap: the task graph is running already: wait until run() returns");
        }
    }
    running_mark(const running_mark&) = delete;
    running_mark& operator=(const running_mark&) = delete;
    ~running_mark() { status_.running.store(false); }

private:
    graph_status& status_;
};

/// As a string of Graphviz's language, which keeps its lines and nothing else that a terminal would obey.
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

/// A step in an error text, by its name.
std::string quoted_name(const step& s)
{
    return fmt::format("\"{}\"", printable(s.name(), true));
}

std::string in_words(std::chrono::nanoseconds time)
{
    const auto ns = static_cast<double>(time.count());
    if (ns < 1e3) return "< 1 us";  // the clock of a run is no more exact
    if (ns < 1e6) return fmt::format("{:.3g} us", ns / 1e3);
    if (ns < 1e9) return fmt::format("{:.3g} ms", ns / 1e6);
    return fmt::format("{:.1f} s", ns / 1e9);
}

std::string_view colour(step_state state)
{
    switch (state) {
        case step_state::waiting:
            return "white";
        case step_state::running:
            return "lightyellow";
        case step_state::done:
            return "palegreen";
        case step_state::failed:
            return "lightcoral";
        case step_state::skipped:
            return "lightgrey";
    }
    return "";
}

/// What became of it, below its name.
std::string fate(const step& s, step_state state)
{
    switch (state) {
        case step_state::waiting:
            return "";
        case step_state::running:
            return "running";
        case step_state::skipped:
            return "skipped";
        case step_state::done:
            break;
        case step_state::failed:
            return fmt::format("failed after {}: {}", in_words(s.record().took),
                               failure{s.index(), s.record().error}.what());
    }
    const step_record& record = s.record();
    const std::string took = in_words(record.took);
    return record.items ? fmt::format("{} items, {}", *record.items, took) : took;
}

}  // namespace

std::string step::called() const
{
    return fmt::format("step {} ({})", index() + 1, quoted_name(*this));
}

void step_table::find_readers()
{
    if (first_reader.size() == steps.size() + 1) return;
    std::vector<std::size_t> found(inputs.size());
    // Of step i, first[i + 1] is the place of the next reader that is found, and in the end that of i + 1's first.
    std::vector<std::size_t> first(steps.size() + 2);
    for (const std::size_t input : inputs) ++first[input + 2];
    std::partial_sum(first.begin(), first.end(), first.begin());
    for (std::size_t i = 0; i < steps.size(); ++i) {
        for (const std::size_t input : inputs_of(i)) found[first[input + 1]++] = i;
    }
    first.pop_back();
    readers = std::move(found);
    first_reader = std::move(first);
}

void check_result(const step* from)
{
    if (from == nullptr) {
        throw std::logic_error("parmap: there is no result: the handle was moved from");
    }
    if (from->is_done() && from->has_result()) return;
    throw std::logic_error(fmt::format("parmap: there is no result of {}: {}", from->called(), why_not(from->state())));
}

}  // namespace detail

task_graph::task_graph() : status_(std::make_shared<detail::graph_status>()) {}

task_graph::~task_graph() = default;

void task_graph::admit(std::shared_ptr<detail::step> step, std::span<detail::step* const> inputs)
{
    if (status_->running.load()) {
        throw std::logic_error(
            fmt::format("parmap: step {} cannot be added while the graph runs: wait until run() returns",
                        detail::quoted_name(*step)));
    }
    for (const detail::step* const input : inputs) {
        if (input == nullptr) {
            throw std::invalid_argument(
                fmt::format("parmap: an input of step {} is a handle that was moved from", detail::quoted_name(*step)));
        }
        if (input->record().graph != status_) {
            throw std::invalid_argument(
                fmt::format("parmap: step {} cannot read {}, which is of another graph: a step's inputs are "
                            "handles of its own graph",
                            detail::quoted_name(*step), input->called()));
        }
    }
    step->record().graph = status_;
    step->record().index = table_.steps.size();
    try {
        for (const detail::step* const input : inputs) table_.inputs.push_back(input->index());
        table_.first_input.push_back(table_.inputs.size());
        table_.steps.push_back(std::move(step));
    } catch (...) {  // added as a whole or not at all
        table_.first_input.resize(table_.steps.size() + 1);
        table_.inputs.resize(table_.first_input.back());
        throw;
    }
    for (detail::step* const input : inputs) input->keep_for_readers();
}

void task_graph::run(const options& options)
{
    const detail::run_limits limits(options);
    const detail::running_mark mark(*status_);
    detail::run_steps(table_, limits);
}

void task_graph::reset()
{
    const detail::running_mark mark(*status_);
    for (const auto& step : table_.steps) {
        if (step->is_done()) {
            step->drop();
            step->keep_for_readers();
        }
        step->set_state(detail::step_state::waiting);
        step->record().error = nullptr;
    }
    table_.fresh = true;
}

std::string task_graph::dot() const
{
    std::string dot =
        "digraph parmap {\n"
        "    rankdir=LR;\n"
        "    node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n";
    for (const auto& step : table_.steps) {
        const detail::step_state state = step->state();
        const std::string fate = detail::fate(*step, state);
        dot += fmt::format("    s{} [label=\"{}{}{}\", fillcolor={}];\n", step->index(), detail::escaped(step->name()),
                           fate.empty() ? "" : "\\n", detail::escaped(fate), detail::colour(state));
        for (const std::size_t input : table_.inputs_of(step->index())) {
            dot += fmt::format("    s{} -> s{};\n", input, step->index());
        }
    }
    return dot + "}\n";
}

}  // namespace parmap::inline v0_2
