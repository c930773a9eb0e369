// SPDX-License-Identifier: Apache-2.0
// What faults_test.sh runs: ranks that die in the middle of a call, and calls where MPI cannot be used.
//   mpi_faults_program MODE
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <ranges>
#include <stdexcept>
#include <string>

#include <unistd.h>

#include <parmap/mpi.hpp>

namespace {

/// A call that cannot end, in the middle of which the last rank ends.
void lose_a_rank(const parmap::mpi::session& session, void (*end_rank)())
{
    const auto results = parmap::mpi::map(MPI_COMM_WORLD, std::views::iota(0, 100'000),
                                          [&](int x) {
                                              if (x <= 1'000) return x;
                                              if (session.rank() == session.size() - 1) end_rank();
                                              for (;;) ::pause();
                                          },
                                          {.results = parmap::mpi::results::everywhere});
    std::cout << "a result of " << results.size() << " items\n";
}

int refused()
{
    try {
        parmap::mpi::for_each(MPI_COMM_WORLD, std::views::iota(0, 10), [](int) {});
        std::cout << "not refused\n";
        return EXIT_FAILURE;
    } catch (const std::logic_error& e) {
        std::cout << e.what() << '\n';
        return EXIT_SUCCESS;
    }
}

}  // namespace

int main(int argc, char** argv)
{
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "killed" || mode == "exits") {
        const parmap::mpi::session session(argc, argv);
        lose_a_rank(
            session, mode == "killed" ? [] { ::raise(SIGKILL); } : [] { ::_exit(3); });
        return EXIT_SUCCESS;
    }
    if (mode == "uninitialized") return refused();
    if (mode == "finalized") {
        {
            const parmap::mpi::session session(argc, argv);
        }
        const int rc = refused();
        try {
            const parmap::mpi::session again(argc, argv);
        } catch (const std::runtime_error& e) {
            std::cout << e.what() << '\n';
        }
        return rc;
    }
    if (mode == "single") {
        int level = 0;
        MPI_Init_thread(&argc, &argv, MPI_THREAD_SINGLE, &level);
        const int rc = level == MPI_THREAD_SINGLE ? refused() : (std::cout << "more than asked for\n", EXIT_SUCCESS);
        MPI_Finalize();
        return rc;
    }
    std::cerr << "mpi_faults_program: no such mode\n";
    return 2;
}
