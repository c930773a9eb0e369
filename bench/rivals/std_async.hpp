// SPDX-License-Identifier: Apache-2.0
// std::async for each of four shares a CPU, which balances shares of unequal cost a little.
#pragma once

#include <algorithm>
#include <cstddef>
#include <future>
#include <vector>

#include <parmap/workers.hpp>

namespace rivals {

struct std_async {
    static constexpr const char* name = "async";

    template <class In, class Out, class Fn>
    static void map_into(const In& in, Out& out, const Fn& fn)
    {
        const std::size_t shares = std::min(in.size(), 4 * static_cast<std::size_t>(parmap::num_cpus()));
        std::vector<std::future<void>> running;
        for (std::size_t s = 0; s < shares; ++s) {
            running.push_back(std::async(std::launch::async, [&, s] {
                const std::size_t end = in.size() * (s + 1) / shares;
                for (std::size_t i = in.size() * s / shares; i < end; ++i) out[i] = fn(in[i]);
            }));
        }
        for (auto& share : running) share.get();
    }
};

}  // namespace rivals
