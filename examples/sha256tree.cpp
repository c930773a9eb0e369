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

using command_line::wrong_arguments;

struct arguments {
    std::optional<int> workers;
    std::vector<std::string> roots;
    bool help{false};
};

/// \throws wrong_arguments with a sentence about what is wrong.
arguments parse(const std::vector<std::string_view>& words)
{
    arguments args;
    bool options_end = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string_view word = words[i];
        if (options_end || word == "-" || !word.starts_with('-')) {
            args.roots.emplace_back(word);
        } else if (word == "--") {
            options_end = true;
        } else if (word == "--help" || word == "-h") {
            args.help = true;
        } else if (word == "--workers") {
            if (++i == words.size()) throw wrong_arguments("--workers needs a number");
            args.workers = command_line::number_for(word, words[i]);
        } else {
            throw wrong_arguments("unknown option " + std::string(word));
        }
    }
    if (args.roots.empty() && !args.help) throw wrong_arguments("no DIR was given");
    return args;
}

/// The line sha256sum prints: names that had to be escaped are marked.
std::string line(const std::string& hash, const std::string& path)
{
    const std::string name = files::escaped(path);
    return (name.size() != path.size() ? "\\" : "") + hash + "  " + name + '\n';
}

int hash_tree(const arguments& args)
{
    files::found<std::string> tree = files::below(args.roots, args.workers);

    const auto hashes = parmap::try_map(
        tree, files::sha256,
        {.max_workers = args.workers, .progress = parmap::progress_bar{.label = "hashing", .unit = "file"}});

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
    return command_line::exit_code_of("sha256tree", usage, [&] {
        const arguments args = parse({argv + 1, argv + argc});
        if (args.help) {
            std::cout << usage;
            return 0;
        }
        return hash_tree(args);
    });
}
