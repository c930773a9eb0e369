// SPDX-License-Identifier: Apache-2.0
// std::transform_reduce with std::execution::par, whose grouping is unspecified.
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
