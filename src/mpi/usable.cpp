// SPDX-License-Identifier: Apache-2.0
#include "mpi/usable.hpp"

#include <stdexcept>

namespace parmap::inline v0_2::mpi::detail {

void require_usable(MPI_Comm communicator)
{
    int flag = 0;
    MPI_Initialized(&flag);
    if (flag == 0) {
        throw std::logic_error(
            "parmap::mpi: MPI is not initialized: begin main with parmap::mpi::session session(argc, argv);");
    }
    MPI_Finalized(&flag);
    if (flag != 0) throw std::logic_error("parmap::mpi: MPI was finalized: make this call before that");
    if (communicator == MPI_COMM_NULL) {
        throw std::logic_error(
            "parmap::mpi: the communicator is MPI_COMM_NULL: ranks that are in no communicator make no call");
    }
    MPI_Comm_test_inter(communicator, &flag);
    if (flag != 0) {
        throw std::logic_error("parmap::mpi: this is an intercommunicator: merge it with MPI_Intercomm_merge first");
    }
    int level = 0;
    MPI_Query_thread(&level);
    if (level < MPI_THREAD_FUNNELED) throw std::logic_error(too_little_for_threads);
    MPI_Is_thread_main(&flag);
    if (flag == 0 && level == MPI_THREAD_FUNNELED) {
        throw std::logic_error(
            "parmap::mpi: MPI was initialized with MPI_THREAD_FUNNELED, so only the thread that did may "
            "call: make "
            "this call there, and none from inside an item");
    }
}

}  // namespace parmap::inline v0_2::mpi::detail
