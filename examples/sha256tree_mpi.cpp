// SPDX-License-Identifier: Apache-2.0
// sha256tree on every CPU of every rank: `mpirun -n 4 --bind-to none sha256tree_mpi DIR...` prints what sha256tree
// prints. The two programs differ in the session, in the call, and in that only rank 0 prints.
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <parmap/mpi.hpp>
#include <parmap/parmap.hpp>

#include "command_line.hpp"
#include "files.hpp"
#include "hash_lines.hpp"

namespace {

constexpr std::string_view usage =
    "usage: sha256tree_mpi [--workers N] DIR...\n"
    "Prints the SHA-256 of every regular file below each DIR, in the order of their paths, as\n"
    "sha256sum does. Every rank must see the same files. Symbolic links are not followed.\n"
    "  --workers N  threads of each rank that hash (default: every CPU)\n"
    "Exit code: 0, 1 for a failure (unreadable files are named on stderr), 2 for wrong arguments.\n";

/// The system's text of the error. An exception arrives as its text, "path: reason", from any rank.
std::string reason(const parmap::failure& failed)
{
    try {
        std::rethrow_exception(failed.error);
    } catch (const parmap::mpi::item_error& e) {
        const std::size_t colon = e.text().rfind(": ");
        return colon == std::string::npos ? e.text() : e.text().substr(colon + 2);
    }
}

int hash_tree(const parmap::mpi::session& session, const std::vector<std::string>& roots, std::optional<int> workers)
{
    const files::found<std::string> tree = files::below(roots, workers);
    const auto hashes = parmap::mpi::try_map(
        MPI_COMM_WORLD, tree, files::sha256,
        {.max_workers = workers, .progress = parmap::progress_bar{.label = "hashing", .unit = "file"}});
    return session.rank() == 0 ? hash_lines::print("sha256tree_mpi", tree, hashes, reason) : 0;
}

}  // namespace

int main(int argc, char** argv)
{
    const parmap::mpi::session session(argc, argv);
    std::optional<int> workers;
    return command_line::run("sha256tree_mpi", usage, {argv + 1, argv + argc},
                             {command_line::number_option("--workers", workers)},
                             [&](const std::vector<std::string>& roots) {
                                 return hash_tree(session, command_line::at_least_one("DIR", roots), workers);
                             });
}
