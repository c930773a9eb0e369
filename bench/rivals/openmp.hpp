// SPDX-License-Identifier: Apache-2.0
// OpenMP's loop, with two schedules. Its threads wait by spinning: the next loop finds them awake, and other programs
// find the CPUs busy.
#pragma once

#include <algorithm>
#include <cstddef>

#include <parmap/workers.hpp>

namespace rivals {

struct openmp_static {
    static constexpr const char* name = "OMP static";

    template <class In, class Out, class Fn>
    static void map_into(const In& in, Out& out, const Fn& fn)
    {
#pragma omp parallel for schedule(static)
        for (std::size_t i = 0; i < in.size(); ++i) out[i] = fn(in[i]);
    }
};

struct openmp_dynamic {
    static constexpr const char* name = "OMP dynamic";

    template <class In, class Out, class Fn>
    static void map_into(const In& in, Out& out, const Fn& fn)
    {
        const std::size_t shares = 64 * static_cast<std::size_t>(parmap::num_cpus());
        const std::size_t chunk = std::max<std::size_t>(in.size() / shares, 1);
#pragma omp parallel for schedule(dynamic, chunk)
        for (std::size_t i = 0; i < in.size(); ++i) out[i] = fn(in[i]);
    }
};

}  // namespace rivals
