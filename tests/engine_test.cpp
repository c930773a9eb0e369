// SPDX-License-Identifier: Apache-2.0
// The engine alone: block sizes, claims, and oneTBB's traps.
#include <atomic>
#include <cfenv>
#include <latch>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <tbb/task_arena.h>
#include <unistd.h>

#include <parmap/detail/engine.hpp>
#include <parmap/map.hpp>

#include "engine/block_sizer.hpp"
#include "support/leave_child.hpp"
#include "support/on_workers.hpp"

namespace {

using namespace std::chrono_literals;
using parmap::detail::block_function;
using parmap::detail::block_sizer;
using parmap::detail::run_limits;
using parmap::testing::most_workers;
using parmap::testing::on_workers;

constexpr int not_in_an_arena = tbb::task_arena::not_initialized;

// Block sizes

TEST(BlockSizer, StartsWithOneItemAndGrowsToTheTarget)
{
    block_sizer sizer(0, 2);
    constexpr std::size_t plenty = 1'000'000'000;
    EXPECT_EQ(sizer.next(0, plenty), 1U);
    std::size_t before = 1;
    for (int i = 0; i < 12; ++i) {
        sizer.measured(before, std::chrono::nanoseconds(10 * before));  // 10 ns an item
        const std::size_t now = sizer.next(0, plenty);
        EXPECT_LE(now, 32 * before);
        before = now;
    }
    EXPECT_EQ(before, 5'000U - 5'000U % 64);  // 50 us
}

TEST(BlockSizer, FollowsACostThatRises)
{
    block_sizer sizer(0, 2);
    sizer.measured(5'000, 50us);
    sizer.measured(5'000, 5ms);  // now 1 us an item
    EXPECT_EQ(sizer.next(0, 1'000'000), 50U);
    sizer.measured(50, 50ms);  // now 1 ms an item
    EXPECT_EQ(sizer.next(0, 1'000'000), 1U);
}

TEST(BlockSizer, LeavesSharesForTheOthersNearTheEnd)
{
    block_sizer sizer(0, 4);
    sizer.measured(10, 10us);  // 1 us an item: wants 50
    EXPECT_EQ(sizer.next(0, 10'000), 50U);
    EXPECT_EQ(sizer.next(0, 80), 10U);
    EXPECT_EQ(sizer.next(0, 7), 1U);
    EXPECT_EQ(sizer.next(0, 1), 1U);
}

TEST(BlockSizer, DoesNotShrinkBelowTheCostOfAClaim)
{
    block_sizer sizer(0, 2);
    sizer.measured(100'000, 50us);  // 0.5 ns an item
    EXPECT_EQ(sizer.next(0, 4'000), 2'000U - 2'000U % 64);
    EXPECT_EQ(sizer.next(0, 300), 300U);
}

TEST(BlockSizer, SurvivesAClockThatStandsStillOrJumps)
{
    block_sizer sizer(0, 2);
    sizer.measured(1, 0ns);
    EXPECT_EQ(sizer.next(0, 1'000'000), 32U);
    sizer.measured(32, -5s);
    EXPECT_EQ(sizer.next(0, 1'000'000), 1024U);
    sizer.measured(1024, std::chrono::hours(1));
    EXPECT_EQ(sizer.next(0, 1'000'000), 1U);
    sizer.measured(1, 1us);
    EXPECT_EQ(sizer.next(0, 1'000'000), 32U);
}

TEST(BlockSizer, BlocksAreLongEnoughThatManyWorkersDoNotQueueForTheCursor)
{
    block_sizer sizer(0, 256);
    sizer.measured(10'000, 10ms);  // 1 us an item
    EXPECT_EQ(sizer.next(0, 100'000), 102U);
    EXPECT_EQ(sizer.next(0, 5'000), 51U) << "no block shorter than 51 us";
    EXPECT_EQ(sizer.next(0, 20), 20U);
}

TEST(BlockSizer, OneWorkerLeavesNoSharesForOthers)
{
    block_sizer sizer(0, 1, 7);
    EXPECT_EQ(sizer.next(0, 100), 7U);
    sizer.measured(7, 7ns);
    EXPECT_EQ(sizer.next(7, 100), 100U);
}

TEST(BlockSizer, LongBlocksEndOnACacheLine)
{
    block_sizer sizer(0, 2);
    sizer.measured(1'000, 10us);
    EXPECT_EQ(sizer.next(33, 1'000'000) % 64, 0U);
    EXPECT_EQ(sizer.next(33, 1'000), 256U);
    EXPECT_EQ(sizer.next(33, 400), 33U + 100U) << "too short to cut";
}

TEST(BlockSizer, KeepsToTheGrainSize)
{
    block_sizer sizer(100, 4);
    EXPECT_EQ(sizer.next(0, 1'000), 100U);
    sizer.measured(100, 1s);
    EXPECT_EQ(sizer.next(0, 1'000), 100U);
    EXPECT_EQ(sizer.next(0, 30), 30U);
    EXPECT_EQ(block_sizer(SIZE_MAX, 4).next(0, 30), 30U);
}

// Claims

TEST(Run, EveryItemRunsOnce)
{
    for (const std::size_t size : {1U, 2U, 7U, 100U, 4'096U, 100'003U}) {
        for (int workers = 1; workers <= most_workers; ++workers) {
            on_workers(workers, [&] {
                std::vector<std::atomic<int>> runs(size);
                const auto item = [&](std::size_t i) { ++runs[i]; };
                const parmap::options defaults;
                const auto ran = parmap::detail::run(size, block_function(item), run_limits(defaults));
                EXPECT_EQ(ran.claimed, size);
                EXPECT_EQ(ran.completed, size);
                for (const auto& count : runs) ASSERT_EQ(count, 1);
            });
        }
    }
}

TEST(Run, BlocksAreClaimedInIncreasingOrder)
{
    on_workers(most_workers, [] {
        std::mutex guard;
        std::map<std::thread::id, std::size_t> last;
        const auto item = [&](std::size_t i) {
            const std::lock_guard lock(guard);
            const auto [entry, first] = last.try_emplace(std::this_thread::get_id(), i);
            if (!first) {
                EXPECT_LT(entry->second, i);
            }
            entry->second = i;
        };
        const parmap::options grain{.grain_size = 3};
        parmap::detail::run(10'000, block_function(item), run_limits(grain));
    });
}

TEST(Run, ReportsWhichItemsEachFailureLeftOut)
{
    on_workers(2, [] {
        std::latch both(2);
        const auto item = [&](std::size_t i) {
            if (i == 0 || i == 10) both.arrive_and_wait();
            if (i == 5 || i == 12) throw i;
        };
        const parmap::options grain{.grain_size = 10};
        const auto ran = parmap::detail::run(100, block_function(item), run_limits(grain));
        ASSERT_EQ(ran.failures.size(), 2U);
        EXPECT_EQ(ran.claimed, 20U);
        EXPECT_EQ(ran.completed, 7U);
        EXPECT_EQ(ran.failures[0].index, 5U);
        EXPECT_EQ(ran.failures[0].end, 10U);
        EXPECT_EQ(ran.failures[1].index, 12U);
        EXPECT_EQ(ran.failures[1].end, 20U);
        EXPECT_THROW(ran.throw_unless_complete(), std::size_t);
    });
}

/// Counts how often each item runs, and expects blocks of whole quanta.
struct quantum_check {
    explicit quantum_check(std::size_t size, std::size_t items) : runs(size), quantum(items) {}

    parmap::detail::block_result operator()(std::size_t begin, std::size_t end) const noexcept
    {
        EXPECT_LT(begin, end);
        EXPECT_EQ(begin % quantum, 0U);
        EXPECT_TRUE(end % quantum == 0 || end == runs.size()) << end;
        for (std::size_t i = begin; i != end; ++i) ++runs[i];
        return {end - begin, nullptr};
    }

    mutable std::vector<std::atomic<int>> runs;
    std::size_t quantum;
};

TEST(Run, ItemsOfAQuantumStayTogether)
{
    const std::stop_source source;  // with a token, one worker also runs in blocks
    for (const std::size_t size : {1U, 5U, 100U, 10'007U}) {
        for (const std::size_t quantum : {std::size_t{1}, std::size_t{5}, std::size_t{64}, SIZE_MAX}) {
            for (const std::size_t grain : {std::size_t{0}, std::size_t{1}, std::size_t{7}, SIZE_MAX}) {
                for (int workers = 1; workers <= most_workers; ++workers) {
                    on_workers(workers, [&] {
                        const quantum_check check(size, quantum);
                        const parmap::options options{.stop = source.get_token(), .grain_size = grain};
                        const auto ran = parmap::detail::run(size, block_function(check, quantum), run_limits(options));
                        EXPECT_EQ(ran.completed, size);
                        for (const auto& count : check.runs) ASSERT_EQ(count, 1);
                    });
                }
            }
        }
    }
}

TEST(Run, AGrainIsRoundedUpToWholeQuanta)
{
    on_workers(2, [] {
        std::mutex guard;
        std::vector<std::size_t> lengths;
        const auto body = [&](std::size_t begin, std::size_t end) noexcept {
            const std::lock_guard lock(guard);
            lengths.push_back(end - begin);
            return parmap::detail::block_result{end - begin, nullptr};
        };
        const parmap::options grain{.grain_size = 11};
        parmap::detail::run(100, block_function(body, 10), run_limits(grain));
        EXPECT_EQ(lengths, std::vector<std::size_t>(5, 20));
    });
}

TEST(Run, AFailureInAQuantumIsCountedInItems)
{
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [] {
            const auto item = [](std::size_t i) {
                if (i == 23) throw i;
            };
            const auto body = [&](std::size_t begin, std::size_t end) noexcept {
                return parmap::detail::run_items(begin, end, item);
            };
            const parmap::options grain{.grain_size = 10};
            const auto ran = parmap::detail::run(1000, block_function(body, 10), run_limits(grain));
            ASSERT_EQ(ran.failures.size(), 1U);
            const auto& [index, end, error] = ran.failures[0];
            EXPECT_EQ(index, 23U);
            EXPECT_EQ(end % 10, 0U);
            EXPECT_EQ(ran.completed, ran.claimed - (end - index));
        });
    }
}

// oneTBB's traps

TEST(Traps, OneWorkerTouchesNoOneTbb)
{
    std::thread([] {
        std::vector<int> out(1000);
        parmap::map_into(std::views::iota(0, 1000), out, [](int x) { return x; }, {.max_workers = 1});
        EXPECT_EQ(tbb::this_task_arena::current_thread_index(), not_in_an_arena);
    }).join();
}

TEST(Traps, OneQuantumTouchesNoOneTbb)
{
    parmap::testing::with_cpus(2, [] {
        for (const std::size_t grain : {std::size_t{0}, std::size_t{1}, std::size_t{100}}) {
            std::thread([&] {
                const quantum_check check(10, 10);
                const parmap::options options{.grain_size = grain};
                const block_function function(check, 10);
                function.cost() = 0;  // the cost of earlier runs is unknown
                parmap::detail::run(10, function, run_limits(options));
                EXPECT_EQ(tbb::this_task_arena::current_thread_index(), not_in_an_arena);
            }).join();
        }
    });
}

TEST(Traps, WorkKnownToBeTinyTouchesNoOneTbb)
{
    const auto nothing = [](std::size_t) {};
    const block_function function(nothing);
    const auto touches_it_when_an_item_is_known_to_take = [&](float nanoseconds) {
        bool touches = false;
        std::thread([&] {
            function.cost() = nanoseconds;
            const parmap::options options;
            parmap::detail::run(4, function, run_limits(options));
            touches = tbb::this_task_arena::current_thread_index() != not_in_an_arena;
        }).join();
        return touches;
    };
    parmap::testing::with_cpus(2, [&] {
        EXPECT_TRUE(touches_it_when_an_item_is_known_to_take(0)) << "nothing is known";
        EXPECT_TRUE(touches_it_when_an_item_is_known_to_take(3'000));
        // The machine may interrupt a run, so one of many is enough.
        bool alone = false;
        for (int i = 0; i < 1000 && !alone; ++i) alone = !touches_it_when_an_item_is_known_to_take(1);
        EXPECT_TRUE(alone);
    });
}

TEST(Run, AStopIsSeenAfterOneItemThoughEarlierRunsWereTiny)
{
    std::stop_source source;
    bool stops = false;
    const auto run = [&] {
        parmap::for_each(std::views::iota(0, 10'000),
                         [&](int) {
                             if (stops) source.request_stop();
                         },
                         {.max_workers = 1, .stop = source.get_token()});
    };
    for (int i = 0; i < 3; ++i) run();
    stops = true;
    try {
        run();
        ADD_FAILURE() << "was not stopped";
    } catch (const parmap::cancelled& e) {
        EXPECT_EQ(e.completed(), 1U);
    }
}

TEST(Run, ALongFirstItemDoesNotDelayTheOthers)
{
    on_workers(2, [] {
        std::latch others(9'999);
        parmap::for_each(std::views::iota(0, 10'000), [&](int x) { x == 0 ? others.wait() : others.count_down(); });
    });
}

TEST(Traps, TheCallersRoundingModeHoldsInEveryWorker)
{
    on_workers(most_workers, [] {
        std::fesetround(FE_UPWARD);                    // the arena was made before, and keeps the mode of that time
        for (const int workers : {most_workers, 4}) {  // in the caller's arena, and in the map's own
            std::latch all_here(workers);
            const auto modes = parmap::map(std::views::iota(0, workers),
                                           [&](int) {
                                               all_here.arrive_and_wait();
                                               return std::fegetround();
                                           },
                                           {.max_workers = workers});
            EXPECT_EQ(modes, std::vector<int>(static_cast<std::size_t>(workers), FE_UPWARD));
        }
        std::fesetround(FE_TONEAREST);
    });
}

TEST(Traps, NoWarningWhenTheArenaAsksForMoreThanOneTbbAllows)
{
    ::testing::internal::CaptureStderr();
    // oneTBB allows 8 threads; the arena asks for 128, and the map inside it for 32.
    parmap::testing::with_cpus(64, [] {
        on_workers(most_workers, [] {});
        parmap::detail::run_limits const limits(parmap::options{});
        tbb::task_arena(128, 128).execute([] {
            parmap::testing::with_cpus(32, [] {
                const auto item = [](std::size_t) {};
                const parmap::options grain{.grain_size = 1};
                parmap::detail::run(10, block_function(item), run_limits(grain));
            });
        });
    });
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(Traps, AForkedChildRunsAlone)
{
    const auto sum_of = [](std::size_t n) {
        std::atomic<std::size_t> sum{0};
        parmap::for_each(std::views::iota(std::size_t{0}, n), [&](std::size_t x) { sum += x; }, {.grain_size = 1});
        return sum.load();
    };
    on_workers(most_workers, [&] { ASSERT_EQ(sum_of(1000), 499'500U); });
    const pid_t child = ::fork();
    ASSERT_NE(child, -1);
    if (child == 0) {
        parmap::testing::with_cpus(most_workers, [&] {
            std::size_t last = 0;
            const auto watch = [&](const parmap::progress_state& state) { last = state.done; };
            parmap::for_each(std::views::iota(0, 100), [](int) {}, {.progress = watch});
            parmap::testing::leave_child(sum_of(1000) == 499'500U && last == 100 ? 0 : 1);
        });
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
