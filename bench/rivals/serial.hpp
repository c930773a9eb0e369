// SPDX-License-Identifier: Apache-2.0
// A plain serial loop.
#pragma once

#include <cstddef>

namespace rivals {

struct serial {
    static constexpr const char* name = "serial";

    template <class In, class Out, class Fn>
    static void map_into(const In& in, Out& out, const Fn& fn)
    {
        for (std::size_t i = 0; i < in.size(); ++i) out[i] = fn(in[i]);
    }
};

}  // namespace rivals
