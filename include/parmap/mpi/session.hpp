// SPDX-License-Identifier: Apache-2.0
// MPI from the first line of main to its last, and its header.
#pragma once

#include <mpi.h>

#include <parmap/detail/config.hpp>

namespace parmap::inline v0_2::mpi {

/// Initialises MPI, unless the program did so itself, and ends it. One for the program, in main:
///
/// ```cpp
/// const parmap::mpi::session session(argc, argv);
/// auto squares = parmap::mpi::map(MPI_COMM_WORLD, std::views::iota(0, 100), [](int x) { return x * x; });
/// if (session.rank() == 0) std::cout << squares[9] << '\n';
/// ```
///
/// Without mpirun or mpiexec the program runs as one rank.
class PARMAP_EXPORT session {
public:
    /// \param argc,argv  those of main; MPI may take arguments of its own out of them
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

}  // namespace parmap::inline v0_2::mpi
