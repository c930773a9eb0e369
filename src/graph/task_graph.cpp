// SPDX-License-Identifier: Apache-2.0
// Adding steps to a task graph, running it and resetting it.
#include <parmap/task_graph.hpp>

#include <numeric>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

#include "graph/graph_run.hpp"
#include "text/printable.hpp"

namespace parmap::inline v0_2 {

namespace detail {

namespace {

// Why a step has no result, by state, as in step_state.
constexpr std::string_view why_not[] = {
    "it has not run: call run() first",
    "it is running: name it as an input of the step that needs its result",
    "it was taken: reset() has it computed again",
    "it failed: run() threw its error",
    "the last run ended without it: call run() again",
};

/// Marks a graph as running as long as this lives.
class running_mark {
public:
    explicit running_mark(graph_status& status) : status_(status)
    {
        if (status_.exchange(true)) {
            throw std::logic_error("parmap: the task graph is running already: wait until run() returns");
        }
    }
    running_mark(const running_mark&) = delete;
    running_mark& operator=(const running_mark&) = delete;
    ~running_mark() { status_.store(false); }

private:
    graph_status& status_;
};

/// A step in an error text, by its name.
std::string quoted_name(const step& s)
{
    return fmt::format("\"{}\"", printable(s.name(), true));
}

}  // namespace

std::string step::called() const
{
    return fmt::format("step {} ({})", index() + 1, quoted_name(*this));
}

void step_table::find_readers()
{
    if (readers.first.size() == steps.size() + 1) return;
    std::vector<std::size_t> all(inputs.all.size());
    // first[i + 1] is the place of the next reader of step i, and in the end that of the first reader of i + 1.
    std::vector<std::size_t> first(steps.size() + 2);
    for (const std::size_t input : inputs.all) ++first[input + 2];
    std::partial_sum(first.begin(), first.end(), first.begin());
    for (std::size_t i = 0; i < steps.size(); ++i) {
        for (const std::size_t input : inputs[i]) all[first[input + 1]++] = i;
    }
    first.pop_back();
    readers = {std::move(all), std::move(first)};
}

void check_result(const step* from)
{
    if (from == nullptr) {
        throw std::logic_error("parmap: there is no result: the handle was moved from");
    }
    if (from->is_done() && from->has_result()) return;
    throw std::logic_error(fmt::format("parmap: there is no result of {}: {}", from->called(),
                                       why_not[static_cast<std::size_t>(from->state())]));
}

}  // namespace detail

task_graph::task_graph() : status_(std::make_shared<detail::graph_status>()) {}

task_graph::~task_graph() = default;

void task_graph::admit(std::shared_ptr<detail::step> step, std::span<detail::step* const> inputs)
{
    if (status_->load()) {
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
        for (const detail::step* const input : inputs) table_.inputs.all.push_back(input->index());
        table_.inputs.first.push_back(table_.inputs.all.size());
        table_.steps.push_back(std::move(step));
    } catch (...) {  // added as a whole or not at all
        table_.inputs.first.resize(table_.steps.size() + 1);
        table_.inputs.all.resize(table_.inputs.first.back());
        throw;
    }
    if (table_.steps.back()->is_map()) ++table_.maps;
    for (detail::step* const input : inputs) input->add_graph_reference();
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
            step->add_graph_reference();
        }
        step->set_state(detail::step_state::waiting);
        step->record().error = nullptr;
    }
    table_.fresh = true;
}

}  // namespace parmap::inline v0_2
