// SPDX-License-Identifier: Apache-2.0
// What the examples in comments of parmap::mpi use: MPI, some data and functions.
#pragma once

#include <cstddef>
#include <functional>
#include <iostream>
#include <ranges>
#include <string>
#include <vector>

#include <parmap/mpi.hpp>

struct matrix {
    std::size_t rows;
    std::vector<double> numbers;
};

inline std::string sha256(const std::string& path)
{
    return "the sum of " + path;
}
inline std::size_t count_lines(const std::string& path)
{
    return path.size();
}
inline std::vector<std::string> read_lines(const std::string& path)
{
    return {"a line of", path};
}
inline void render(const std::string& /*frame*/) {}

/// The names that the examples use.
struct surroundings {
    int argc{0};
    char** argv{nullptr};
    // It lives to the end of the program; those of examples do not.
    const parmap::mpi::session& mpi = [this]() -> const parmap::mpi::session& {
        static const parmap::mpi::session first(argc, argv);
        return first;
    }();
    std::vector<std::string> files{"one.txt", "two.md"};
    std::vector<std::string> frames{"first", "second"};
    double n = 1000;
    std::ranges::iota_view<int, int> samples = std::views::iota(0, 1000);
    static double is_inside(int i) { return i % 5 == 0 ? 0 : 1; }
};
