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
    "A word is a longest run of ASCII letters in one FILE; capitals count as small letters.\n"
    "  --workers N  threads to use; 0 or 1: only the main thread (default: every CPU)\n"
    "  --top N      print the N most frequent words only\n"
    "Exit code: 0, 1 for a failure (the first unreadable file is named on stderr), 2 for wrong arguments.\n";

using counts = std::unordered_map<std::string, std::uint64_t>;

/// The small letter of an ASCII letter, whatever the locale; 0 for any other character.
char small_letter(char c)
{
    if (c >= 'a' && c <= 'z') return c;
    if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
    return 0;
}

/// Counts the words of a file, which is read piece by piece.
counts count_words(const std::string& path)
{
    const command_line::input_file input(path);
    constexpr std::size_t buffer_size = std::size_t{64} << 10U;
    const auto memory = std::make_unique_for_overwrite<char[]>(buffer_size);
    const std::span buffer(memory.get(), buffer_size);
    counts found;
    std::string word;  // kept between pieces: a word may begin in one and end in the next
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

/// The sum of both. Adds the smaller map to the larger: map_reduce keeps the order of the files, but a sum of counts
/// does not depend on it, so the two may be swapped.
counts merged(counts a, counts b)
{
    if (a.size() < b.size()) std::swap(a, b);
    for (const auto& [word, count] : b) a[word] += count;
    return a;
}

int print_counts(const std::vector<std::string>& paths, std::optional<int> workers, std::optional<int> top)
{
    const counts all = parmap::map_reduce(
        paths, count_words, counts{}, merged,
        {.max_workers = workers, .progress = parmap::progress_bar{.label = "counting", .unit = "file"}});

    std::vector<std::pair<std::string_view, std::uint64_t>> sorted(all.begin(), all.end());
    std::ranges::sort(sorted, [](const auto& a, const auto& b) {
        return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    if (top) sorted.resize(std::min(sorted.size(), static_cast<std::size_t>(*top)));
    for (const auto& [word, count] : sorted) std::cout << std::setw(7) << count << ' ' << word << '\n';
    std::cout.flush();
    if (!std::cout) std::cerr << "wordcount: the output could not be written\n";
    return std::cout ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv)
{
    std::optional<int> workers;
    std::optional<int> top;
    return command_line::run(
        "wordcount", usage, {argv + 1, argv + argc},
        {command_line::number_option("--workers", workers), command_line::number_option("--top", top)},
        [&](const std::vector<std::string>& paths) {
            return print_counts(command_line::at_least_one("FILE", paths), workers, top);
        });
}
