// SPDX-License-Identifier: Apache-2.0
// Maps, streams and graphs inside oneTBB's algorithms, inside each other, and with locks held. A program of its own,
// because it counts threads: no other test may change how many oneTBB makes.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <iterator>
#include <latch>
#include <mutex>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <tbb/flow_graph.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_sort.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <parmap/parmap.hpp>

#include "scheduler/workers.hpp"
#include "support/keep_busy.hpp"
#include "support/on_workers.hpp"

namespace {

/// An item with enough work for a map to fork.
int slowly(int x)
{
    parmap::testing::keep_busy(std::chrono::microseconds(5));
    return x + 1;
}

std::vector<int> expected(int n)
{
    std::vector<int> v(static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i) v[static_cast<std::size_t>(i)] = i + 1;
    return v;
}

void expect_right_map(int n = 200)
{
    EXPECT_EQ(parmap::map(std::views::iota(0, n), slowly), expected(n));
}

void expect_right_streams(int n = 100)
{
    std::vector<int> in_order;
    for (const int x : parmap::stream(std::views::iota(0, n), slowly)) in_order.push_back(x);
    EXPECT_EQ(in_order, expected(n));
    std::vector<int> as_completed(static_cast<std::size_t>(n));
    for (auto&& [index, x] : parmap::as_completed(std::views::iota(0, n), slowly)) as_completed[index] = x;
    EXPECT_EQ(as_completed, expected(n));
}

/// A graph with maps that run at the same time and a step that calls oneTBB.
void expect_right_graph(int n = 100)
{
    parmap::task_graph graph;
    const auto numbers = graph.add("numbers", [n] { return std::views::iota(0, n); });
    const auto once = graph.map("once", numbers, slowly);
    const auto reversed = graph.add(
        "reverse",
        [](std::vector<int> v) {
            tbb::parallel_sort(v, std::greater<>());
            return v;
        },
        once);
    const auto twice = graph.map("twice", once, slowly);
    graph.run();
    EXPECT_EQ(once.get(), expected(n));
    EXPECT_TRUE(std::ranges::equal(reversed.get(), std::views::reverse(once.get())));
    EXPECT_TRUE(std::ranges::equal(twice.get(), std::views::iota(2, n + 2)));
}

/// Maps, streams and a graph all give the right results.
void expect_right_algorithms()
{
    expect_right_map();
    expect_right_streams();
    expect_right_graph();
}

std::ptrdiff_t threads_now()
{
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

/// The largest number of threads of the process that a call of look() saw.
class thread_peak {
public:
    void look()
    {
        const std::ptrdiff_t now = threads_now();
        std::ptrdiff_t before = most_.load();
        while (before < now && !most_.compare_exchange_weak(before, now)) {
        }
    }
    std::ptrdiff_t most() const { return most_; }

private:
    std::atomic<std::ptrdiff_t> most_{0};
};

TEST(Composition, InsideParallelFor)
{
    tbb::parallel_for(0, 50, [](int) { expect_right_algorithms(); });
}

TEST(Composition, InsideATaskGroup)
{
    tbb::task_group group;
    for (int i = 0; i < 50; ++i) group.run([] { expect_right_algorithms(); });
    group.wait();
}

TEST(Composition, InsideAFlowGraphNode)
{
    tbb::flow::graph graph;
    std::atomic<int> done{0};
    tbb::flow::function_node<int, int> node(graph, tbb::flow::unlimited, [&](int x) {
        expect_right_algorithms();
        ++done;
        return x;
    });
    for (int i = 0; i < 50; ++i) node.try_put(i);
    graph.wait_for_all();
    EXPECT_EQ(done, 50);
}

TEST(Composition, InsideNestedMaps)
{
    parmap::for_each(std::views::iota(0, 6),
                     [](int) { parmap::for_each(std::views::iota(0, 4), [](int) { expect_right_algorithms(); }); });
}

TEST(Composition, InsideANarrowerArena)
{
    tbb::task_arena(1).execute([] { expect_right_algorithms(); });
}

TEST(Composition, FromManyThreadsAtOnce)
{
    std::vector<std::jthread> callers;
    for (int i = 0; i < 16; ++i) {
        callers.emplace_back([] {
            for (int k = 0; k < 10; ++k) expect_right_algorithms();
        });
    }
}

TEST(Composition, NeverMoreThreadsThanCpusAndTheReporter)
{
    thread_peak peak;
    const auto watch = [&](const parmap::progress_state&) { peak.look(); };
    parmap::for_each(std::views::iota(0, 8),
                     [&](int) {
                         parmap::for_each(std::views::iota(0, 4), [&](int) {
                             parmap::for_each(std::views::iota(0, 50), [&](int x) { slowly(x), peak.look(); },
                                              {.grain_size = 1});
                         });
                         tbb::parallel_for(0, 4, [&](int) {
                             parmap::for_each(std::views::iota(0, 50), [&](int x) { slowly(x), peak.look(); },
                                              {.max_workers = 2, .grain_size = 1});
                         });
                     },
                     {.progress = watch, .grain_size = 1});
    EXPECT_LE(peak.most(), parmap::num_cpus() + 1);
}

// Besides the main thread: CPUs - 1 threads of oneTBB, one that replaces a sleeping consumer, and the reporter.
TEST(Composition, StreamsMakeNoMoreThreadsThanCpusAndTheReporter)
{
    thread_peak peak;
    const auto watch = [&](const parmap::progress_state&) { peak.look(); };
    parmap::for_each(std::views::iota(0, 8),
                     [&](int) {
                         for (auto&& x : parmap::as_completed(std::views::iota(0, 50), slowly)) {
                             static_cast<void>(x);
                             peak.look();
                         }
                     },
                     {.progress = watch, .grain_size = 1});
    const std::ptrdiff_t made = peak.most() - 1;  // all but the main thread
    EXPECT_LE(made, parmap::num_cpus() + 1);
}

TEST(Composition, GraphsMakeNoMoreThreadsThanCpusAndTheReporter)
{
    thread_peak peak;
    const auto watch = [&](const parmap::progress_state&) { peak.look(); };
    parmap::task_graph graph;
    const auto list = graph.add("list", [] { return expected(50); });
    for (int i = 0; i < 8; ++i) {
        graph.map("map", list, [&](int x) { slowly(x), peak.look(); });
        graph.add("step", [&] {
            parmap::for_each(expected(50), [&](int x) { slowly(x), peak.look(); }, {.grain_size = 1});
            tbb::parallel_for(0, 50, [&](int x) { slowly(x), peak.look(); });
            parmap::task_graph inner;
            for (int k = 0; k < 20; ++k) inner.add("step", [&] { slowly(0), peak.look(); });
            inner.run({.max_workers = 2});
        });
    }
    graph.run({.progress = watch, .grain_size = 1});
    EXPECT_LE(peak.most(), parmap::num_cpus() + 1);
}

// On four CPUs, an arena of two threads limits the steps of a graph and the items of its maps.
TEST(Composition, AGraphNeverRunsOnMoreThreadsThanTheArenaAroundIt)
{
    const tbb::global_control four(tbb::global_control::max_allowed_parallelism, 4);
    std::atomic<int> now{0};
    std::atomic<int> most{0};
    const auto counted = [&](int x) {
        const int here = ++now;
        int before = most;
        while (before < here && !most.compare_exchange_weak(before, here)) {
        }
        x = slowly(x);
        --now;
        return x;
    };
    parmap::testing::with_cpus(4, [&] {
        parmap::task_graph graph;
        std::vector<parmap::task<int>> sums;
        for (int i = 0; i < 8; ++i) {
            const auto once = graph.add("once", [&] { return parmap::map(std::views::iota(0, 500), counted); });
            const auto twice = graph.map("twice", once, counted);
            sums.push_back(graph.reduce("sum", twice, 0, [&](int a, int b) { return counted(a + b) - 1; }));
        }
        const auto total = graph.add(
            "total", [](parmap::task_results<int> all) { return std::accumulate(all.begin(), all.end(), 0); }, sums);
        tbb::task_arena(2).execute([&] { graph.run({.grain_size = 1}); });
        EXPECT_EQ(total.get(), 8 * (499 * 500 / 2 + 2 * 500));
    });
    EXPECT_LE(most, 2);
}

// A thread that waits for its map must not run another task: the task may wait for a lock that the thread holds.
TEST(Composition, AThreadThatWaitsForItsMapRunsNoOtherTask)
{
    const tbb::global_control two(tbb::global_control::max_allowed_parallelism, 2);
    parmap::detail::assume_cpus(2);
    tbb::task_arena(2).execute([&] {
        const auto caller = std::this_thread::get_id();
        std::atomic<bool> ran_another{false};
        std::latch both(2);
        parmap::for_each(std::views::iota(0, 2), [&](int) {
            both.arrive_and_wait();
            if (std::this_thread::get_id() == caller) return;  // the caller now waits for the other item
            // A task of another group, which the caller could steal for a long time.
            tbb::this_task_arena::isolate([&] {
                tbb::task_group other;
                other.run([&] { ran_another = std::this_thread::get_id() == caller; });
                for (int i = 0; i < 4000 && !ran_another; ++i) slowly(i);
                other.wait();
            });
        });
        EXPECT_FALSE(ran_another);
    });
    parmap::detail::assume_cpus(0);
}

TEST(Composition, AThreadThatComesLateBeginsWithWhatIsKnownOfTheItems)
{
    tbb::task_arena two(2);
    std::latch busy(1);
    std::latch second_block(1);
    std::latch late_began(1);
    std::latch caller_is_beyond(1);
    std::atomic<int> late_first{-1};
    std::atomic<int> claimed_next{-1};
    const std::thread::id caller = std::this_thread::get_id();
    // The other thread is busy until the caller begins its second block; that block waits for the thread.
    two.enqueue([&] {
        busy.count_down();
        second_block.wait();
    });
    busy.wait();
    two.execute([&] {
        parmap::for_each(std::views::iota(0, 10'000), [&](int i) {
            if (std::this_thread::get_id() != caller) {
                if (late_first != -1) return;
                late_first = i;
                late_began.count_down();
                caller_is_beyond.wait();
            } else if (i == 1) {
                second_block.count_down();
                late_began.wait();
            } else if (late_first != -1 && i > late_first && claimed_next == -1) {
                claimed_next = i;
                caller_is_beyond.count_down();
            }
        });
    });
    EXPECT_GT(claimed_next - late_first, 1) << "items in its first block";
}

TEST(Composition, AMapMayRunWithALockHeld)
{
    const tbb::global_control eight(tbb::global_control::max_allowed_parallelism, 8);
    for (const int inner_workers : {8, 3}) {  // in the arena of the outer loop, and in the map's own
        parmap::detail::assume_cpus(8);
        tbb::task_arena(8).execute([&] {
            std::mutex lock;
            tbb::parallel_for(0, 200, [&](int) {
                const std::lock_guard held(lock);
                parmap::for_each(std::views::iota(0, 20), slowly, {.max_workers = inner_workers, .grain_size = 1});
            });
        });
        parmap::detail::assume_cpus(0);
    }
}

// A cancelled task group around the call makes it throw: it never returns with missing results.
void expect_cancelled_inside_a_cancelled_group(int inner_workers)
{
    const tbb::global_control eight(tbb::global_control::max_allowed_parallelism, 8);
    parmap::detail::assume_cpus(8);
    tbb::task_arena(8).execute([&] {
        std::atomic<int> ran{0};
        tbb::task_group group;
        group.run_and_wait([&] {
            EXPECT_THROW(parmap::for_each(std::views::iota(0, 1'000'000),
                                          [&](int x) {
                                              if (++ran == 500) group.cancel();
                                              slowly(x);
                                          },
                                          {.max_workers = inner_workers}),
                         parmap::cancelled);
        });
        EXPECT_LT(ran, 1'000'000);
    });
    parmap::detail::assume_cpus(0);
}

TEST(Composition, ACancelledGroupAroundTheCallCancelsIt)
{
    expect_cancelled_inside_a_cancelled_group(8);
}

TEST(Composition, ACancelledGroupCancelsAMapInAnArenaOfItsOwn)
{
    expect_cancelled_inside_a_cancelled_group(3);
}

TEST(Composition, AMapInsideAnAlreadyCancelledGroupThrowsCancelled)
{
    const tbb::global_control eight(tbb::global_control::max_allowed_parallelism, 8);
    for (const int inner_workers : {8, 3}) {
        parmap::detail::assume_cpus(8);
        tbb::task_arena(8).execute([&] {
            tbb::task_group group;
            group.run_and_wait([&] {
                group.cancel();
                EXPECT_THROW(parmap::for_each(std::views::iota(0, 10), slowly, {.max_workers = inner_workers}),
                             parmap::cancelled);
            });
        });
        parmap::detail::assume_cpus(0);
    }
}

TEST(Composition, ACancelledGroupCancelsTheStreamsInside)
{
    const auto expect_cancelled = [](const auto& make) {
        tbb::task_group group;
        std::atomic<int> ran{0};
        group.run_and_wait([&] {
            auto results = make([&](int x) {
                if (++ran == 100) group.cancel();
                return slowly(x);
            });
            EXPECT_THROW(for ([[maybe_unused]] auto&& x : results){}, parmap::cancelled);
        });
        EXPECT_LT(ran, 1'000'000);
    };
    const auto numbers = std::views::iota(0, 1'000'000);
    expect_cancelled([&](auto fn) { return parmap::stream(numbers, fn, {.max_workers = 2}); });
    expect_cancelled([&](auto fn) { return parmap::as_completed(numbers, fn, {.max_workers = 2}); });
}

// A cancelled task group around a graph ends its run in the caller's arena, in a narrower one, and in the graph's own.
template <class Add>
void expect_cancelled_graph(const Add& add)
{
    const tbb::global_control eight(tbb::global_control::max_allowed_parallelism, 8);
    for (const int width : {8, 3}) {
        for (const int workers : {8, 2}) {
            parmap::detail::assume_cpus(8);
            tbb::task_arena(width).execute([&] {
                tbb::task_group group;
                group.run_and_wait([&] {
                    parmap::task_graph graph;
                    add(graph, group);
                    try {
                        graph.run({.max_workers = workers});
                        ADD_FAILURE() << "nothing was left out";
                    } catch (const parmap::cancelled& c) {
                        EXPECT_EQ(c.reason(), parmap::stop_reason::stop_requested);
                        EXPECT_LT(c.completed(), c.total());
                        EXPECT_EQ(c.total(), graph.size());
                    }
                });
            });
            parmap::detail::assume_cpus(0);
        }
    }
}

TEST(Composition, ACancelledGroupCancelsTheGraphInside)
{
    expect_cancelled_graph([](parmap::task_graph& graph, tbb::task_group& group) {
        group.cancel();
        for (int i = 0; i < 10; ++i) graph.add("step", [i] { slowly(i); });
    });
    expect_cancelled_graph([](parmap::task_graph& graph, tbb::task_group& group) {
        auto last = graph.add("first", [] {});
        for (int i = 0; i < 100'000; ++i) {
            last = graph.add(
                "step",
                [&group, i] {
                    if (i == 100) group.cancel();
                    slowly(i);
                },
                last);
        }
    });
    expect_cancelled_graph([](parmap::task_graph& graph, tbb::task_group& group) {
        graph.map("map", graph.add("list", [] { return std::views::iota(0, 2'000'000'000); }), [&](int i) {
            if (i == 100) group.cancel();
        });
    });
}

TEST(Composition, AGraphThatWasCancelledGoesOnInTheNextRun)
{
    parmap::task_graph graph;
    std::atomic<int> calls{0};
    const auto list = graph.add("list", [&] {
        ++calls;
        return expected(1000);
    });
    const auto map = graph.map("map", list, slowly);
    tbb::task_group group;
    group.run_and_wait([&] {
        group.cancel();
        EXPECT_THROW(graph.run({.max_workers = 2}), parmap::cancelled);
    });
    graph.run();
    EXPECT_EQ(map.get().back(), 1001);
    EXPECT_EQ(calls, 1);
}

thread_local bool in_a_step = false;

/// The work of a step; fails on a thread that waits inside another step.
void wait_for_one_tbb(int n)
{
    EXPECT_FALSE(in_a_step) << "a thread that waits inside a step runs another";
    in_a_step = true;
    tbb::parallel_for(0, 20, [n](int i) { slowly(i + n); });
    in_a_step = false;
}

TEST(Composition, AThreadThatWaitsInsideAStepRunsNothingElseOfTheGraph)
{
    const tbb::global_control eight(tbb::global_control::max_allowed_parallelism, 8);
    for (const int width : {8, 3}) {  // as wide as the graph, which then has an arena of its own; and narrower
        parmap::detail::assume_cpus(8);
        tbb::task_arena(width).execute([&] {
            parmap::task_graph graph;
            const auto list = graph.add("list", [] { return expected(10); });
            for (int n = 0; n < 50; ++n) {
                graph.map("map", list, wait_for_one_tbb);
                const auto step = graph.add("step", [n] { wait_for_one_tbb(n); });
                graph.add(
                    "next", [n] { wait_for_one_tbb(n); }, step);
            }
            graph.run({.grain_size = 1});
        });
        parmap::detail::assume_cpus(0);
    }
}

TEST(Composition, StepsMayUseOneTbbWithALockHeld)
{
    std::mutex lock;
    parmap::task_graph graph;
    const auto sum = [&](int n) {
        const std::lock_guard held(lock);
        std::atomic<int> all{0};
        tbb::parallel_for(0, 100, [&](int i) { all += slowly(i) - 1 + n; });
        return all.load();
    };
    const auto list = graph.add("list", [] { return expected(50); });
    std::vector<parmap::task<int>> steps;
    for (int n = 0; n < 50; ++n) steps.push_back(graph.add("step", [&sum, n] { return sum(n); }));
    const auto map = graph.map("map", list, sum);
    graph.run({.grain_size = 1});
    for (int n = 0; n < 50; ++n) {
        EXPECT_EQ(steps[static_cast<std::size_t>(n)].get(), 4950 + 100 * n);
        EXPECT_EQ(map.get()[static_cast<std::size_t>(n)], 5050 + 100 * n);
    }
}

TEST(Composition, AStreamMayBeConsumedWithALockHeld)
{
    std::mutex lock;
    tbb::parallel_for(0, 50, [&](int) {
        const std::lock_guard held(lock);
        expect_right_streams();
    });
}

TEST(Composition, AnItemOfAStreamMayUseOneTbbWithALockHeld)
{
    std::mutex lock;
    for (auto&& sum : parmap::as_completed(std::views::iota(0, 200), [&](int n) {
             const std::lock_guard held(lock);
             std::atomic<int> all{0};
             tbb::parallel_for(0, 100, [&](int i) { all += slowly(i) - 1 + n; });
             return all.load();
         })) {
        EXPECT_EQ(sum.value, 4950 + 100 * static_cast<int>(sum.index));
    }
}

TEST(Composition, AnExceptionInAnOuterLoopCancelsTheMapsInside)
{
    std::atomic<int> complete{0};
    EXPECT_THROW(tbb::parallel_for(0, 100,
                                   [&](int outer) {
                                       if (outer == 10) throw std::logic_error("outer");
                                       try {
                                           expect_right_map(2000);
                                           ++complete;
                                       } catch (const parmap::cancelled&) {
                                       }
                                   }),
                 std::logic_error);
    EXPECT_LT(complete, 100);
}

TEST(Composition, AnItemMayUseOneTbb)
{
    const auto sums = parmap::map(std::views::iota(0, 20), [](int n) {
        std::atomic<int> sum{0};
        tbb::parallel_for(0, 100, [&](int i) { sum += i + n; });
        return sum.load();
    });
    for (int n = 0; n < 20; ++n) EXPECT_EQ(sums[static_cast<std::size_t>(n)], 4950 + 100 * n);
}

}  // namespace
