// SPDX-License-Identifier: Apache-2.0
// Prints what sha256sum prints for every regular file below the given directories, on every CPU.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <parmap/parmap.hpp>

#include "command_line.hpp"
#include "files.hpp"
#include "hash_lines.hpp"

namespace {

constexpr std::string_view usage =
    "usage: sha256tree [--workers N] DIR...\n"
    "Prints the SHA-256 of every regular file below each DIR, in the order of their paths, as\n"
    "sha256sum does. Symbolic links are not followed.\n"
    "  --workers N  threads to use; 0 or 1: only the main thread (default: every CPU)\n"
    "Exit code: 0, 1 for a failure (unreadable files are named on stderr), 2 for wrong arguments.\n";

int hash_tree(const std::vector<std::string>& roots, std::optional<int> workers)
{
    const files::found<std::string> tree = files::below(roots, workers);
    const auto hashes =
        parmap::try_map(tree, files::sha256,
                        {.max_workers = workers, .progress = parmap::progress_bar{.label = "hashing", .unit = "file"}});
    return hash_lines::print("sha256tree", tree, hashes, files::reason);
}

}  // namespace

int main(int argc, char** argv)
{
    std::optional<int> workers;
    return command_line::run("sha256tree", usage, {argv + 1, argv + argc},
                             {command_line::number_option("--workers", workers)},
                             [&](const std::vector<std::string>& roots) {
                                 return hash_tree(command_line::at_least_one("DIR", roots), workers);
                             });
}
