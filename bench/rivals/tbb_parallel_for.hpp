// SPDX-License-Identifier: Apache-2.0
// A plain tbb::parallel_for over blocked ranges, as its documentation shows.
#pragma once

#include <cstddef>

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>

namespace rivals {

struct tbb_parallel_for {
    static constexpr const char* name = "TBB";

    template <class In, class Out, class Fn>
    static void map_into(const In& in, Out& out, const Fn& fn)
    {
        tbb::parallel_for(tbb::blocked_range<std::size_t>(0, in.size()),
                          [&](const tbb::blocked_range<std::size_t>& range) {
                              for (std::size_t i = range.begin(); i != range.end(); ++i) out[i] = fn(in[i]);
                          });
    }
};

}  // namespace rivals
