// SPDX-License-Identifier: Apache-2.0
// Initialises and finalises MPI, and includes its header.
#pragma once

#include <mpi.h>

#include <parmap/detail/config.hpp>

namespace parmap::inline v0_2::mpi {

/// Initialises MPI and finalises it at its end, unless the program has initialised MPI itself. One a program, first in
/// main:
///
/// ```cpp
/// const parmap::mpi::session session(argc, argv);
/// auto squares = parmap::mpi::map(MPI_COMM_WORLD, std::views::iota(0, 100), [](int x) { return x * x; });
/// if (session.rank() == 0) std::cout << squares[9] << '\n';
/// ```
///
/// Without mpirun or mpiexec the program runs as one rank. Finalising waits for all ranks, and a collective call for
/// the ranks that have not made it: catch an exception that other ranks do not have in main, and call MPI_Abort.
class PARMAP_EXPORT session {
public:
    /// \param argc,argv  those of main; MPI may remove arguments of its own
    /// \throws std::runtime_error  when MPI was finalized before, or offers less than MPI_THREAD_FUNNELED
    session(int& argc, char**& argv);
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    ~session();

    /// \return the number of this rank in MPI_COMM_WORLD, from 0.
    int rank() const noexcept { return rank_; }
    /// \return how many ranks there are.
    int size() const noexcept { return size_; }

private:
    bool owns_;
    int rank_{};
    int size_{};
};

namespace detail {

/// \throws std::logic_error  when MPI cannot be called with this communicator on this thread; the text says what to do
void require_usable(MPI_Comm communicator);

}  // namespace detail

}  // namespace parmap::inline v0_2::mpi
