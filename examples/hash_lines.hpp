// SPDX-License-Identifier: Apache-2.0
// The output of sha256tree and sha256tree_mpi.
#pragma once

#include <cstddef>
#include <iostream>
#include <string>
#include <string_view>

#include <parmap/parmap.hpp>

#include "files.hpp"

namespace hash_lines {

/// A line as sha256sum prints it: a backslash in front marks an escaped name.
inline std::string line(const std::string& hash, const std::string& path)
{
    const std::string name = files::escaped(path);
    return (name.size() != path.size() ? "\\" : "") + hash + "  " + name + '\n';
}

/// Prints a line for every file that could be read, and on stderr the others with the text that `reason` gives.
/// \return the exit code
int print(std::string_view program, files::found<std::string> tree, const parmap::outcome<std::string>& hashes,
          const auto& reason)
{
    for (std::size_t i = 0; i < tree.items.size(); ++i) {
        if (hashes.values[i]) std::cout << line(*hashes.values[i], tree.items[i]);
    }
    for (const parmap::failure& failed : hashes.failures) {
        tree.errors.push_back({tree.items[failed.index], reason(failed)});
    }
    return files::end_output(program, tree.errors);
}

}  // namespace hash_lines
