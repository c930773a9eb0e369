// SPDX-License-Identifier: Apache-2.0
// The standard library's own, which groups as it likes.
#pragma once

#include <execution>
#include <functional>
#include <numeric>

namespace rivals {

struct std_reduce_par {
    static constexpr const char* name = "reduce";

    template <class In>
    static auto sum(const In& in)
    {
        return std::transform_reduce(std::execution::par, in.begin(), in.end(), typename In::value_type{}, std::plus{},
                                     std::identity{});
    }
};

}  // namespace rivals
