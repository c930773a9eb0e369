// SPDX-License-Identifier: Apache-2.0
// A task graph at rest: what may be added and run, and how it is drawn.
#include <parmap/task_graph.hpp>

#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

#include "graph_run.hpp"

namespace parmap {

namespace detail {

namespace {

/// "step 3 ("load")", counted from 1.
std::string called(const step& s)
{
    return fmt::format("step {} (\"{}\")", s.index + 1, s.name());
}

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

/// As a string of Graphviz's language.
std::string escaped(std::string_view text)
{
    std::string dot;
    for (const char c : text) {
        if (c == '"' || c == '\\') dot += '\\';
        if (c == '\n') {
            dot += "\\n";
        } else {
            dot += c;
        }
    }
    return dot;
}

std::string in_words(std::chrono::nanoseconds time)
{
    const auto ns = static_cast<double>(time.count());
    if (ns < 1e3) return fmt::format("{:.0f} ns", ns);
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
            return fmt::format("failed after {}: {}", in_words(s.took), failure{s.index, s.error}.what());
    }
    return s.items ? fmt::format("{} items, {}", *s.items, in_words(s.took)) : in_words(s.took);
}

}  // namespace

void step::check_result() const
{
    if (is_done() && has_result()) return;
    throw std::logic_error(fmt::format("parmap: there is no result of {}: {}", called(*this),
                                       why_not(state.load(std::memory_order_acquire))));
}

}  // namespace detail

task_graph::task_graph() : status_(std::make_shared<detail::graph_status>()) {}

task_graph::~task_graph() = default;

void task_graph::admit(std::shared_ptr<detail::step> step)
{
    if (status_->running.load()) {
        throw std::logic_error(
            fmt::format("parmap: step \"{}\" cannot be added while the graph runs: wait until run() returns",
                        step->name()));
    }
    for (const detail::step* input : step->inputs()) {
        if (input == nullptr) {
            throw std::invalid_argument(
                fmt::format("parmap: an input of step \"{}\" is a handle that was moved from", step->name()));
        }
        if (input->graph != status_) {
            throw std::invalid_argument(fmt::format(
                "parmap: step \"{}\" cannot read {}, which is of another graph: a step's inputs are "
                "handles of its own graph",
                step->name(), detail::called(*input)));
        }
    }
    step->graph = status_;
    step->index = steps_.size();
    steps_.push_back(step);
    for (detail::step* input : step->inputs()) input->hold();
}

void task_graph::run(const options& options)
{
    const detail::run_limits limits(options);
    const detail::running_mark mark(*status_);
    for (const auto& step : steps_) {
        if (step->is_done()) continue;
        for (const detail::step* input : step->inputs()) {
            if (!input->is_done() || input->has_result()) continue;
            throw std::logic_error(
                fmt::format("parmap: {} reads the result of {}, which was taken: reset() has it "
                            "computed again",
                            detail::called(*step), detail::called(*input)));
        }
    }
    detail::run_steps(steps_, limits);
}

void task_graph::reset()
{
    const detail::running_mark mark(*status_);
    for (const auto& step : steps_) {
        if (!step->is_done()) continue;
        // As before its first run: it is wanted by itself, and wants its inputs.
        step->hold();
        step->drop();
        for (detail::step* input : step->inputs()) input->hold();
    }
    for (const auto& step : steps_) step->state.store(detail::step_state::waiting);
}

std::string task_graph::dot() const
{
    std::string dot =
        "digraph parmap {\n"
        "    rankdir=LR;\n"
        "    node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n";
    for (const auto& step : steps_) {
        const detail::step_state state = step->state.load(std::memory_order_acquire);
        const std::string fate = detail::fate(*step, state);
        dot += fmt::format("    s{} [label=\"{}{}{}\", fillcolor={}];\n", step->index,
                           detail::escaped(step->name()), fate.empty() ? "" : "\\n", detail::escaped(fate),
                           detail::colour(state));
        for (const detail::step* input : step->inputs()) {
            dot += fmt::format("    s{} -> s{};\n", input->index, step->index);
        }
    }
    return dot + "}\n";
}

}  // namespace parmap
