// SPDX-License-Identifier: Apache-2.0
// The progress bar of parmap for oneTBB's algorithms (progress_scope) and for a serial loop (tracked).
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <vector>

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_pipeline.h>
#include <tbb/parallel_reduce.h>

#include <parmap/parmap.hpp>

namespace {

constexpr std::size_t items = 2'000;

/// About half a millisecond of work.
double work(std::size_t item)
{
    auto x = static_cast<double>(item);
    for (int i = 0; i < 100'000; ++i) x = std::sqrt(x + i);
    return x;
}

double in_parallel_for()
{
    std::vector<double> results(items);
    parmap::progress_scope progress(items, "parallel_for");
    tbb::parallel_for(std::size_t{0}, items, [&](std::size_t i) {
        results[i] = work(i);
        progress.advance();
    });
    return results.back();
}

double in_parallel_reduce()
{
    parmap::progress_scope progress(items, "parallel_reduce");
    return tbb::parallel_reduce(
        tbb::blocked_range<std::size_t>(0, items), 0.0,
        [&](const tbb::blocked_range<std::size_t>& range, double greatest) {
            for (std::size_t i = range.begin(); i != range.end(); ++i) greatest = std::max(greatest, work(i));
            progress.advance(range.size());
            return greatest;
        },
        [](double a, double b) { return std::max(a, b); });
}

double in_parallel_pipeline()
{
    parmap::progress_scope progress(items, "parallel_pipeline");
    std::size_t next = 0;
    double last = 0;
    const auto read = [&](tbb::flow_control& flow) {
        if (next == items) flow.stop();
        return next++;
    };
    const auto consume = [&](double x) {
        last = x;
        progress.advance();
    };
    tbb::parallel_pipeline(16, tbb::make_filter<void, std::size_t>(tbb::filter_mode::serial_in_order, read) &
                                   tbb::make_filter<std::size_t, double>(tbb::filter_mode::parallel, &work) &
                                   tbb::make_filter<double, void>(tbb::filter_mode::serial_in_order, consume));
    return last;
}

double in_a_serial_loop(const std::vector<std::size_t>& numbers)
{
    double last = 0;
    for (const std::size_t n : parmap::tracked(numbers, "serial")) last = work(n);
    return last;
}

}  // namespace

int main()
{
    const double expected = work(items - 1);
    const bool right = in_parallel_for() == expected && in_parallel_reduce() == expected &&
                       in_parallel_pipeline() == expected && in_a_serial_loop({items - 2, items - 1}) == expected;
    parmap::println(right ? "four ways, one result" : "the results differ");
    return right ? 0 : 1;
}
