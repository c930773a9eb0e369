// SPDX-License-Identifier: Apache-2.0
// The options of parmap::mpi as those of one machine.
#pragma once

#include <parmap/mpi/options.hpp>
#include <parmap/options.hpp>

namespace parmap::inline v0_2::mpi::detail {

/// All that the two have in common: everything but mpi::options::results, and trace and max_in_flight.
inline parmap::options local_options(const mpi::options& requested)
{
    return {.max_workers = requested.max_workers,
            .progress = requested.progress,
            .stop = requested.stop,
            .timeout = requested.timeout,
            .grain_size = requested.grain_size};
}

}  // namespace parmap::inline v0_2::mpi::detail
