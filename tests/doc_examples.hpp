// SPDX-License-Identifier: Apache-2.0
// What the examples in comments, README.md and the guides use without a declaration: data, and functions for it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cctype>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <future>
#include <iostream>
#include <limits>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>
#include <random>
#include <ranges>
#include <set>
#include <source_location>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <signal.h>
#include <unistd.h>

#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_sort.h>
#include <tbb/task_arena.h>
#include <parmap/parmap.hpp>

/// Holds a comment's `// got == wanted` to its word.
template <class T>
void expect(const T& got, const std::type_identity_t<T>& wanted,
            const std::source_location& where = std::source_location::current())
{
    if (got == wanted) return;
    std::cerr << where.file_name() << ':' << where.line() << ": the value is not what the comment says\n";
    std::exit(1);
}

inline double square(double x)
{
    return x * x;
}
inline void solve(std::vector<double>& row)
{
    row.assign(row.size(), 1.0);
}
inline void read(const std::vector<double>& /*row*/) {}

inline std::vector<std::string> files_below(const std::string& dir)
{
    return {dir + "/one.txt", dir + "/two.md"};
}
inline std::string read(const std::string& path)
{
    return "the text of " + path;
}
inline std::string extension(const std::string& path)
{
    return path.substr(path.rfind('.'));
}
inline std::string type_of(const std::string& path)
{
    return extension(path);
}
inline std::string sha256(const std::string& path)
{
    return std::to_string(std::hash<std::string>()(path));
}
inline std::size_t size_of(const std::string& path)
{
    return path.size();
}
inline int count_lines(const std::string& path)
{
    return static_cast<int>(path.size());
}
inline int count_words(const std::string& text)
{
    return static_cast<int>(text.size());
}
inline bool convert(const std::string& path)
{
    return path != "two.md";
}

inline std::string fetch(const std::string& url)
{
    return "the page " + url;
}
inline void show(const std::string& /*url*/, const std::string& /*page*/) {}
inline void store(const std::string& /*text*/) {}

inline std::string join(const std::vector<std::string>& paths, const std::vector<std::string>& /*hashes*/,
                        const std::vector<int>& /*lines*/, const std::vector<std::string>& /*types*/)
{
    return std::to_string(paths.size()) + " files, ";
}
inline std::string write_report(const std::vector<std::string>& paths, const std::vector<int>& /*lines*/,
                                std::size_t bytes)
{
    return std::to_string(paths.size()) + " files, " + std::to_string(bytes) + " bytes\n";
}

struct counting_gauge {
    void set(std::uint64_t count) { shown = count; }
    std::uint64_t shown{0};
};

/// Each example has its own.
struct surroundings {
    std::vector<std::string> files{"one.txt", "two.md", "three.txt"};
    std::vector<std::string> urls{"a", "b"};
    std::string dir{"here"};
    std::string path{"one.txt"};
    std::vector<std::vector<double>> rows{{1, 2}, {3, 4}};
    std::vector<double> xs{1, 2, 3};
    std::vector<double> ys{4, 5, 6};
    std::vector<double> widths{1, 2};
    std::vector<double> heights{3, 4};
    std::vector<double> masses{1, 2};
    std::vector<double> speeds{3, 4};
    std::stop_source source;
    counting_gauge gauge;
    parmap::task_graph graph;
};
