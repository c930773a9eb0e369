// SPDX-License-Identifier: Apache-2.0
// A loop that reads, runs and consumes one item after the other.
#pragma once

#include <cstdint>
#include <vector>

namespace rivals {

struct serial_loop {
    static constexpr const char* name = "loop";

    template <class In, class Fn, class Consume>
    static void stream(const In& in, const Fn& fn, const Consume& consume)
    {
        for (const auto& item : in) consume(fn(item));
    }

    /// The result of a long step, followed by the results of a map.
    template <class Fn>
    static std::vector<std::uint64_t> side_by_side(std::uint64_t longest, const std::vector<std::uint64_t>& items,
                                                   const Fn& fn)
    {
        std::vector<std::uint64_t> results{fn(longest)};
        for (const std::uint64_t item : items) results.push_back(fn(item));
        return results;
    }
};

}  // namespace rivals
