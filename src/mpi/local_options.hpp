// SPDX-License-Identifier: Apache-2.0
// The options of parmap::mpi as those of one machine.
#pragma once

#include <parmap/mpi/options.hpp>
#include <parmap/options.hpp>

namespace parmap::inline v0_2::mpi::detail {

/// Every field that both aggregates have. A call over ranks has no trace and no max_in_flight; results are its own.
inline parmap::options local_options(const mpi::options& requested)
{
    return {.max_workers = requested.max_workers,
            .progress = requested.progress,
            .stop = requested.stop,
            .timeout = requested.timeout,
            .grain_size = requested.grain_size};
}

}  // namespace parmap::inline v0_2::mpi::detail
