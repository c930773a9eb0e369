// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>

#include <parmap/mpi/session.hpp>

#include "mpi/usable.hpp"

namespace parmap::inline v0_2::mpi {

namespace {

bool is_initialized()
{
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (finalized != 0) {
        throw std::runtime_error("parmap::mpi: MPI was finalized, and cannot begin again in the same process");
    }
    int initialized = 0;
    MPI_Initialized(&initialized);
    return initialized != 0;
}

}  // namespace

session::session(int& argc, char**& argv) : owns_(!is_initialized())
{
    int level = 0;
    if (owns_) {
        MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
    } else {
        MPI_Query_thread(&level);
    }
    if (level < MPI_THREAD_FUNNELED) {
        if (owns_) MPI_Finalize();
        throw std::runtime_error(detail::too_little_for_threads);
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
}

session::~session()
{
    if (owns_) MPI_Finalize();
}

}  // namespace parmap::inline v0_2::mpi
