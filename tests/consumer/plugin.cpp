// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <functional>
#include <vector>

#include <parmap/parmap.hpp>

// The sum of the numbers below n, three times: by a map, a stream and a graph. Each is reported, and the reporter has
// said so before this returns.
extern "C" __attribute__((visibility("default"))) int sum_below(int n)
{
    std::atomic<int> sum{0};
    std::atomic<bool> reported{false};
    const parmap::options how{.progress =
                                  [&](const parmap::progress_state& state) {
                                      if (state.phase != parmap::progress_phase::running) return;
                                      reported = true;
                                      reported.notify_all();
                                  },
                              .grain_size = 1};
    const auto numbers = std::views::iota(0, n);
    parmap::for_each(
        numbers,
        [&](int x) {
            reported.wait(false);
            sum += x;
        },
        how);
    for (const int x : parmap::stream(
             numbers, [](int x) { return x; }, how))
        sum += x;
    parmap::task_graph graph;
    const auto all = graph.add("numbers", [&] { return std::vector<int>(numbers.begin(), numbers.end()); });
    const auto total = graph.reduce("sum", graph.map("same", all, [](int x) { return x; }), 0, std::plus<>());
    graph.run(how);
    return sum + total.get();
}
