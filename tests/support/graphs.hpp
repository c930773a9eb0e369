// SPDX-License-Identifier: Apache-2.0
// Shared by the tests of task graphs.
#pragma once

#include <chrono>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <parmap/task_graph.hpp>

#include "keep_busy.hpp"
#include "on_workers.hpp"

namespace parmap::testing {

inline std::vector<int> numbers(int n)
{
    std::vector<int> v(static_cast<std::size_t>(n));
    std::iota(v.begin(), v.end(), 0);
    return v;
}

struct coded_error {
    int code;
};

/// The text of the Error that `call` throws.
template <class Error, class Call>
std::string message(const Call& call)
{
    try {
        call();
    } catch (const Error& e) {
        return e.what();
    }
    return "nothing was thrown";
}

/// The code of the error that the run throws.
inline int code_thrown_by(parmap::task_graph& graph, const parmap::options& options = {})
{
    try {
        graph.run(options);
    } catch (const coded_error& e) {
        return e.code;
    }
    return -1;
}

inline void on_any_number_of_workers(const std::function<void()>& body)
{
    for (int workers = 1; workers <= most_workers; ++workers) {
        SCOPED_TRACE(workers);
        on_workers(workers, body);
    }
}

/// An item with enough work for a map to fork.
inline void slowly(int)
{
    keep_busy(std::chrono::microseconds(5));
}

}  // namespace parmap::testing
