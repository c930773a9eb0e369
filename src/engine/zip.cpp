// SPDX-License-Identifier: Apache-2.0
// Refuses zipped ranges of different lengths, and says which differ.
#include <algorithm>
#include <stdexcept>
#include <string>

#include <parmap/zip.hpp>

namespace parmap::inline v0_2::detail {

namespace {

/// "3, ? and 5"
std::string in_words(std::span<const std::optional<std::size_t>> lengths)
{
    std::string words;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
        if (i != 0) words += i + 1 == lengths.size() ? " and " : ", ";
        words += lengths[i] ? std::to_string(*lengths[i]) : "?";
    }
    return words;
}

/// The number, from 1, of the first range that has ended or has not.
std::string number_of(std::span<const bool> ended, bool has_ended)
{
    return std::to_string(std::ranges::find(ended, has_ended) - ended.begin() + 1);
}

}  // namespace

std::size_t common_length(std::span<const std::optional<std::size_t>> lengths)
{
    std::optional<std::size_t> common;
    for (const auto& length : lengths) {
        if (!common) common = length;
        if (length && length != common) {
            throw std::invalid_argument("parmap::zip: the ranges have " + in_words(lengths) +
                                        " elements: give it ranges of one length");
        }
    }
    return common.value_or(0);
}

bool all_ended(std::span<const bool> ended, std::size_t position)
{
    const bool first = ended.front();
    if (std::ranges::find(ended, !first) == ended.end()) return first;
    throw std::invalid_argument("parmap::zip: range " + number_of(ended, true) + " ended after " +
                                std::to_string(position) + " elements, range " + number_of(ended, false) +
                                " goes on: give it ranges of one length");
}

}  // namespace parmap::inline v0_2::detail
