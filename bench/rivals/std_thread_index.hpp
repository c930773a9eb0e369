// SPDX-License-Identifier: Apache-2.0
// A thread for each CPU, all taking the next item from one atomic index.
#pragma once

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include <parmap/workers.hpp>

namespace rivals {

struct std_thread_index {
    static constexpr const char* name = "index";

    template <class In, class Out, class Fn>
    static void map_into(const In& in, Out& out, const Fn& fn)
    {
        std::atomic<std::size_t> next{0};
        std::vector<std::jthread> running;
        for (int t = 0; t < parmap::num_cpus(); ++t) {
            running.emplace_back([&] {
                for (std::size_t i = next++; i < in.size(); i = next++) out[i] = fn(in[i]);
            });
        }
    }
};

}  // namespace rivals
