// SPDX-License-Identifier: Apache-2.0
// Counts how often each word occurs in some files, on every CPU.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <parmap/parmap.hpp>

#include "command_line.hpp"

namespace {

constexpr std::string_view usage =
    "usage: wordcount [--workers N] [--top N] FILE...\n"
    "Prints how often each word occurs in all FILEs together, the most frequent first, as uniq -c does.\n"
    "A word is as many ASCII letters as stand side by side in one FILE; capitals count as small letters.\n"
    "  --workers N  threads to use; 0 or 1: no other than its own (default: every CPU)\n"
    "  --top N      print the N most frequent words only\n"
    "Exit code: 0, 1 for a failure (the first unreadable file is named on stderr), 2 for wrong arguments.\n";

using command_line::wrong_arguments;

struct arguments {
    std::optional<int> workers;
    std::optional<int> top;
    std::vector<std::string> files;
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
            args.files.emplace_back(word);
        } else if (word == "--") {
            options_end = true;
        } else if (word == "--help" || word == "-h") {
            args.help = true;
        } else if (word == "--workers" || word == "--top") {
            if (++i == words.size()) throw wrong_arguments(std::string(word) + " needs a number");
            (word == "--top" ? args.top : args.workers) = command_line::number_for(word, words[i]);
        } else {
            throw wrong_arguments("unknown option " + std::string(word));
        }
    }
    if (args.files.empty() && !args.help) throw wrong_arguments("no FILE was given");
    return args;
}

using counts = std::unordered_map<std::string, std::uint64_t>;

/// The small letter of an ASCII letter, whatever the locale; 0 for any other character.
char small_letter(char c)
{
    if (c >= 'a' && c <= 'z') return c;
    if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
    return 0;
}

/// The words of a file; the file is never whole in memory.
counts count_words(const std::string& path)
{
    const command_line::input_file input(path);
    constexpr std::size_t buffer_size = std::size_t{64} << 10U;
    const auto memory = std::make_unique_for_overwrite<char[]>(buffer_size);
    const std::span buffer(memory.get(), buffer_size);
    counts found;
    std::string word;  // outlives the buffer: a word may begin in one and end in the next
    const auto end_word = [&] {
        if (!word.empty()) ++found[word];
        word.clear();
    };
    while (const std::size_t size = input.read(std::as_writable_bytes(buffer))) {
        for (const char c : buffer.first(size)) {
            if (const char letter = small_letter(c)) {
                word += letter;
            } else {
                end_word();
            }
        }
    }
    end_word();
    return found;
}

/// The counts of both. Adds the fewer words to the more: a sum of counts does not depend on the order, so here
/// the two may change places, though map_reduce keeps the order of the files.
counts merged(counts a, counts b)
{
    if (a.size() < b.size()) std::swap(a, b);
    for (const auto& [word, count] : b) a[word] += count;
    return a;
}

int print_counts(const arguments& args)
{
    const counts all = parmap::map_reduce(
        args.files, count_words, counts{}, merged,
        {.max_workers = args.workers, .progress = parmap::progress_bar{.label = "counting", .unit = "file"}});

    std::vector<std::pair<std::string_view, std::uint64_t>> sorted(all.begin(), all.end());
    std::ranges::sort(sorted, [](const auto& a, const auto& b) {
        return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    if (args.top) sorted.resize(std::min(sorted.size(), static_cast<std::size_t>(*args.top)));
    for (const auto& [word, count] : sorted) std::cout << std::setw(7) << count << ' ' << word << '\n';
    std::cout.flush();
    if (!std::cout) std::cerr << "wordcount: the output could not be written\n";
    return std::cout ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv)
{
    return command_line::exit_code_of("wordcount", usage, [&] {
        const arguments args = parse({argv + 1, argv + argc});
        if (args.help) {
            std::cout << usage;
            return 0;
        }
        return print_counts(args);
    });
}
