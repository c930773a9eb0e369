// SPDX-License-Identifier: Apache-2.0
// A stranger's program over ranks: results, an error that crosses the library, and one rank where nobody launches more.
#include <cstddef>
#include <functional>
#include <iostream>
#include <ranges>
#include <stdexcept>
#include <string>

#include <parmap/mpi.hpp>

int main(int argc, char** argv)
{
    const parmap::mpi::session session(argc, argv);
    const auto numbers = std::views::iota(0, 1000);
    const auto sum = parmap::mpi::map_reduce(MPI_COMM_WORLD, numbers, [](int x) { return x; }, 0, std::plus(),
                                             {.results = parmap::mpi::results::everywhere});
    std::size_t failed = 0;
    try {
        parmap::mpi::for_each(MPI_COMM_WORLD, numbers, [](int x) {
            if (x == 700) throw std::runtime_error("the seven hundredth");
        });
    } catch (const parmap::mpi::item_error& e) {
        failed = e.index();
    }
    const bool right = sum == 499500 && failed == 700;
    std::cout << "rank " << session.rank() << " of " << session.size() << ": " << (right ? "right" : "wrong") << '\n';
    return right ? 0 : 1;
}
