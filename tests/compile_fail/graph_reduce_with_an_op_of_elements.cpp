// SPDX-License-Identifier: Apache-2.0
// op combines two partial results, so it must be callable as op.T, T. and give a T
#include <string>
#include <vector>

#include <parmap/parmap.hpp>

void refused(parmap::task_graph& graph, const parmap::task<std::vector<std::string>>& words)
{
    graph.reduce("letters", words, std::string(),
                 [](std::vector<std::string> all, const std::string& word) { return all.front() + word; });
}
