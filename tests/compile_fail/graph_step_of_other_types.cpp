// SPDX-License-Identifier: Apache-2.0
// the step.s function cannot be called with the results of its inputs: it gets a const T& for each task.T.
#include <string>

#include <parmap/parmap.hpp>

void refused(parmap::task_graph& graph, const parmap::task<int>& number)
{
    graph.add(
        "length", [](const std::string& text) { return text.size(); }, number);
}
