// SPDX-License-Identifier: Apache-2.0
// tbb::flow::graph: a continue_node a step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include <tbb/flow_graph.h>
#include <tbb/parallel_for.h>

#include "../workloads.hpp"

namespace rivals {

struct tbb_flow_graph {
    static constexpr const char* name = "flow graph";

    template <class Fn>
    class graph {
    public:
        graph(workloads::shape shape, std::size_t steps, const Fn& fn)
        {
            for (std::size_t i = 0; i < steps; ++i) {
                nodes_.emplace_back(graph_, [fn](const tbb::flow::continue_msg&) { fn(); });
            }
            if (shape == workloads::shape::chain) {
                for (std::size_t i = 1; i < steps; ++i) tbb::flow::make_edge(nodes_[i - 1], nodes_[i]);
            } else {
                for (std::size_t i = 1; i + 1 < steps; ++i) {
                    tbb::flow::make_edge(nodes_.front(), nodes_[i]);
                    tbb::flow::make_edge(nodes_[i], nodes_.back());
                }
            }
        }

        void run()
        {
            nodes_.front().try_put(tbb::flow::continue_msg());
            graph_.wait_for_all();
        }
        void run_again() { run(); }

    private:
        tbb::flow::graph graph_;
        std::deque<tbb::flow::continue_node<tbb::flow::continue_msg>> nodes_;
    };

    /// What a long step gives, and behind it the results of a map beside it.
    template <class Fn>
    static std::vector<std::uint64_t> side_by_side(std::uint64_t longest, const std::vector<std::uint64_t>& items,
                                                   const Fn& fn)
    {
        using tbb::flow::continue_msg;
        std::vector<std::uint64_t> results(items.size() + 1);
        tbb::flow::graph graph;
        tbb::flow::continue_node<continue_msg> step(graph, [&](const continue_msg&) { results.front() = fn(longest); });
        tbb::flow::continue_node<continue_msg> map(graph, [&](const continue_msg&) {
            tbb::parallel_for(std::size_t{0}, items.size(), [&](std::size_t i) { results[i + 1] = fn(items[i]); });
        });
        step.try_put(continue_msg());
        map.try_put(continue_msg());
        graph.wait_for_all();
        return results;
    }
};

}  // namespace rivals
