// SPDX-License-Identifier: Apache-2.0
// What sha256tree prints, on one machine and on many.
#pragma once

#include <cstddef>
#include <iostream>
#include <string>
#include <string_view>

#include <parmap/parmap.hpp>

#include "files.hpp"

namespace hash_lines {

/// The line sha256sum prints: names that had to be escaped are marked.
inline std::string line(const std::string& hash, const std::string& path)
{
    const std::string name = files::escaped(path);
    return (name.size() != path.size() ? "\\" : "") + hash + "  " + name + '\n';
}

/// Prints a line for every file that could be read, and says on stderr which could not, with the words of `reason`.
/// \return the exit code
int print(std::string_view program, files::found<std::string> tree, const parmap::outcome<std::string>& hashes,
          const auto& reason)
{
    for (std::size_t i = 0; i < tree.items.size(); ++i) {
        if (hashes.values[i]) std::cout << line(*hashes.values[i], tree.items[i]);
    }
    for (const parmap::failure& failed : hashes.failures) {
        tree.complaints.push_back({tree.items[failed.index], reason(failed)});
    }
    return files::end_output(program, tree.complaints);
}

}  // namespace hash_lines
