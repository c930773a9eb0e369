// SPDX-License-Identifier: Apache-2.0
// A thread for each CPU, each with one contiguous share of the items ("halves" on two CPUs).
#pragma once

#include <cstddef>
#include <thread>
#include <vector>

#include <parmap/workers.hpp>

namespace rivals {

struct std_thread_halves {
    static constexpr const char* name = "threads";

    template <class In, class Out, class Fn>
    static void map_into(const In& in, Out& out, const Fn& fn)
    {
        const auto threads = static_cast<std::size_t>(parmap::num_cpus());
        std::vector<std::jthread> running;
        for (std::size_t t = 0; t < threads; ++t) {
            running.emplace_back([&, begin = in.size() * t / threads, end = in.size() * (t + 1) / threads] {
                for (std::size_t i = begin; i < end; ++i) out[i] = fn(in[i]);
            });
        }
    }
};

}  // namespace rivals
