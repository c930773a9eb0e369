// SPDX-License-Identifier: Apache-2.0
// std::transform with std::execution::par.
#pragma once

#include <algorithm>
#include <execution>

namespace rivals {

struct std_transform_par {
    static constexpr const char* name = "transform";

    template <class In, class Out, class Fn>
    static void map_into(const In& in, Out& out, const Fn& fn)
    {
        std::transform(std::execution::par, in.begin(), in.end(), out.begin(), fn);
    }
};

}  // namespace rivals
