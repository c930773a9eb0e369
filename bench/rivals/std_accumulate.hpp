// SPDX-License-Identifier: Apache-2.0
// The serial left fold.
#pragma once

#include <numeric>

namespace rivals {

struct std_accumulate {
    static constexpr const char* name = "accumulate";

    template <class In>
    static auto sum(const In& in)
    {
        return std::accumulate(in.begin(), in.end(), typename In::value_type{});
    }
};

}  // namespace rivals
