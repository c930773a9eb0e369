// SPDX-License-Identifier: Apache-2.0
// Prints what sha256sum prints for every regular file below the given directories, on every CPU.
#include <cstddef>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <parmap/parmap.hpp>

#include "command_line.hpp"
#include "files.hpp"

namespace {

constexpr std::string_view usage =
    "usage: sha256tree [--workers N] DIR...\n"
    "Prints the SHA-256 of every regular file below each DIR, in the order of their paths, as\n"
    "sha256sum does. Symbolic links are not followed.\n"
    "  --workers N  threads to use; 0 or 1: no other than its own (default: every CPU)\n"
    "Exit code: 0, 1 for a failure (unreadable files are named on stderr), 2 for wrong arguments.\n";

/// The line sha256sum prints: names that had to be escaped are marked.
std::string line(const std::string& hash, const std::string& path)
{
    const std::string name = files::escaped(path);
    return (name.size() != path.size() ? "\\" : "") + hash + "  " + name + '\n';
}

int hash_tree(const std::vector<std::string>& roots, std::optional<int> workers)
{
    files::found<std::string> tree = files::below(roots, workers);

    const auto hashes = parmap::try_map(
        tree, files::sha256,
        {.max_workers = workers, .progress = parmap::progress_bar{.label = "hashing", .unit = "file"}});

    for (std::size_t i = 0; i < tree.items.size(); ++i) {
        if (hashes.values[i]) std::cout << line(*hashes.values[i], tree.items[i]);
    }
    for (const parmap::failure& failed : hashes.failures) {
        tree.complaints.push_back({tree.items[failed.index], files::reason(failed)});
    }
    return files::end_output("sha256tree", tree.complaints);
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
