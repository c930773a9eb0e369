// SPDX-License-Identifier: Apache-2.0
// Whether MPI can be called here and now.
#pragma once

#include <parmap/mpi/session.hpp>

namespace parmap::inline v0_2::mpi::detail {

inline constexpr const char* too_little_for_threads =
    "parmap::mpi: MPI offers MPI_THREAD_SINGLE, but a rank has several threads, of which one calls MPI: "
    "initialise it "
    "with MPI_Init_thread(..., MPI_THREAD_FUNNELED, ...), or leave that to parmap::mpi::session";

/// \throws std::logic_error  that says what to do
void require_usable(MPI_Comm communicator);

}  // namespace parmap::inline v0_2::mpi::detail
