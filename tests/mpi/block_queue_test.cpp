// SPDX-License-Identifier: Apache-2.0
// Items that are pushed block by block, as a rank of MPI is granted them.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <latch>
#include <mutex>
#include <optional>
#include <ostream>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "mpi/block_queue.hpp"
#include "support/keep_busy.hpp"
#include "support/on_workers.hpp"
#include "support/random_cases.hpp"

namespace {

using namespace std::chrono_literals;
using parmap::stop_reason;
using parmap::detail::block_function;
using parmap::detail::block_queue;
using parmap::detail::block_result;
using parmap::detail::ended_block;
using parmap::detail::on_failure;
using parmap::detail::run_limits;
using parmap::testing::dice;
using parmap::testing::for_random_cases;
using parmap::testing::keep_busy;
using parmap::testing::most_workers;
using parmap::testing::on_workers;
using parmap::testing::with_cpus;

struct item_error {
    std::size_t index;
};

/// A queue with options of its own, on the workers that there are.
struct own_queue {
    explicit own_queue(parmap::options wanted = {}, on_failure policy = on_failure::stop)
        : requested(std::move(wanted)),
          limits(requested),
          run(limits, policy)
    {
    }

    /// Waits for the next block that ends. One has to be on its way.
    ended_block next()
    {
        while (true) {
            if (auto ended = run.take_ended()) return std::move(*ended);
            if (run.has_threads() || !run.help()) run.wait_for(1h);
        }
    }

    parmap::options requested;
    run_limits limits;
    block_queue run;
};

// Threads

TEST(BlockQueue, RunsEveryItemOnce)
{
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [] {
            std::vector<std::atomic<int>> runs(1'000);
            const auto item = [&](std::size_t i) { ++runs[i]; };
            own_queue all;
            all.run.push(0, 10, block_function(item));
            all.run.push(10, 1'000, block_function(item));
            EXPECT_EQ(all.next().ran.size + all.next().ran.size, 1'000U);
            EXPECT_EQ(all.run.take_ended().has_value(), false);
            for (const auto& count : runs) ASSERT_EQ(count, 1);
        });
    }
}

TEST(BlockQueue, BeginsBlocksInTheOrderInWhichTheyWerePushed)
{
    with_cpus(1, [] {
        std::vector<std::size_t> order;
        const auto item = [&](std::size_t i) { order.push_back(i); };
        own_queue all;
        all.run.push(3, 6, block_function(item));
        all.run.push(8, 10, block_function(item));
        all.run.push(20, 21, block_function(item));
        for (int i = 0; i < 3; ++i) all.next();
        EXPECT_EQ(order, (std::vector<std::size_t>{3, 4, 5, 8, 9, 20}));
    });
}

TEST(BlockQueue, ThreadsGoOnWithTheNextBlockWhileTheLastItemOfTheOneBeforeRuns)
{
    on_workers(2, [] {
        std::latch next_has_run(3);
        const auto item = [&](std::size_t i) {
            if (i == 0) next_has_run.wait();
            if (i >= 10) next_has_run.count_down();
        };
        own_queue all({.grain_size = 1});
        all.run.push(0, 2, block_function(item));
        all.run.push(10, 11, block_function(item));
        all.run.push(20, 22, block_function(item));
        std::vector<std::size_t> begins;
        for (int i = 0; i < 3; ++i) begins.push_back(all.next().begin);
        std::ranges::sort(begins);
        EXPECT_EQ(begins, (std::vector<std::size_t>{0, 10, 20}));
    });
}

TEST(BlockQueue, AThreadThatHadNothingLeftJoinsAgainForABlockThatIsPushedLater)
{
    for (const int workers : {1, 2, most_workers}) {
        on_workers(workers, [] {
            std::size_t items = 0;
            const auto item = [&](std::size_t) { ++items; };
            own_queue all;
            for (std::size_t i = 0; i < 200; ++i) {
                all.run.push(i, i + 1, block_function(item));
                EXPECT_EQ(all.next().begin, i);
            }
            EXPECT_EQ(items, 200U);
        });
    }
}

TEST(BlockQueue, AllWorkersRunItemsAtOnceAndThePushingThreadIsNoneOfThem)
{
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [=] {
            std::latch all_are_here(workers);
            const auto pusher = std::this_thread::get_id();
            const auto item = [&](std::size_t) {
                EXPECT_NE(std::this_thread::get_id(), pusher);
                all_are_here.arrive_and_wait();
            };
            own_queue all({.grain_size = 1});
            EXPECT_TRUE(all.run.has_threads());
            all.run.push(0, static_cast<std::size_t>(workers), block_function(item));
            EXPECT_EQ(all.next().ran.completed, static_cast<std::size_t>(workers));
        });
    }
}

TEST(BlockQueue, TheCallerHelpsWhereTheOnlyWorkerIsTaken)
{
    with_cpus(1, [] {
        std::optional<own_queue> other(std::in_place);
        own_queue all({.grain_size = 1});
        EXPECT_FALSE(all.run.has_threads());
        EXPECT_FALSE(all.run.help()) << "there is nothing to do yet";
        std::size_t items = 0;
        const auto pusher = std::this_thread::get_id();
        const auto item = [&](std::size_t i) {
            EXPECT_EQ(std::this_thread::get_id(), pusher);
            EXPECT_EQ(i, items++);
        };
        all.run.push(0, 2, block_function(item));
        all.run.push(2, 3, block_function(item));
        all.run.wait_for(1us);
        EXPECT_EQ(items, 0U) << "there is no other thread";
        EXPECT_TRUE(all.run.help());
        EXPECT_EQ(items, 1U) << "a claim, then the pushing thread has other things to do";
        EXPECT_EQ(all.run.take_ended().has_value(), false);
        EXPECT_EQ(all.next().end, 2U);
        EXPECT_EQ(all.next().end, 3U);
        EXPECT_FALSE(all.run.help());
        other.reset();
        EXPECT_TRUE(own_queue().run.has_threads()) << "it was given back";
    });
}

// Ends

TEST(BlockQueue, HaltFromLeavesBlocksBelowAlone)
{
    with_cpus(1, [] {
        std::latch first_has_begun(1);
        std::latch halted(1);
        const auto item = [&](std::size_t i) {
            if (i != 0) return;
            first_has_begun.count_down();
            halted.wait();
        };
        own_queue all({.grain_size = 1});
        for (const std::size_t begin : {0U, 20U, 40U, 60U}) {
            all.run.push(begin, begin + 10, block_function(item));
        }
        first_has_begun.wait();
        EXPECT_EQ(all.run.unclaimed(), 39U);
        all.run.halt_from(40);
        EXPECT_EQ(all.run.unclaimed(), 19U);
        for (const std::size_t begin : {40U, 60U}) {
            const ended_block ended = all.next();
            EXPECT_EQ(ended.begin, begin);
            EXPECT_EQ(ended.ran.claimed, 0U);
            EXPECT_EQ(ended.ran.stopped, stop_reason::stop_requested);
        }
        all.run.halt_from(25);
        EXPECT_EQ(all.run.unclaimed(), 19U) << "the block begins below";
        halted.count_down();
        for (const std::size_t begin : {0U, 20U}) {
            const ended_block ended = all.next();
            EXPECT_EQ(ended.begin, begin);
            EXPECT_EQ(ended.ran.completed, 10U);
            EXPECT_EQ(ended.ran.stopped, stop_reason::none);
        }
    });
}

TEST(BlockQueue, AFailureEndsItsOwnBlockAlone)
{
    with_cpus(1, [] {
        const auto item = [](std::size_t i) {
            if (i == 12) throw item_error{i};
        };
        own_queue all({.grain_size = 1});
        for (const std::size_t begin : {0U, 10U, 20U}) all.run.push(begin, begin + 5, block_function(item));
        EXPECT_EQ(all.next().ran.completed, 5U);
        const ended_block failed = all.next();
        EXPECT_EQ(failed.ran.completed, 2U);
        ASSERT_EQ(failed.ran.failures.size(), 1U);
        EXPECT_EQ(failed.ran.failures[0].index, 2U) << "from the block's begin on";
        EXPECT_EQ(all.next().ran.completed, 5U);
    });
}

TEST(BlockQueue, AStopAndATimeoutEndEveryBlock)
{
    with_cpus(1, [] {
        const auto item = [](std::size_t) {};
        std::stop_source stop;
        stop.request_stop();
        const auto reason_of = [&](parmap::options requested) {
            own_queue all(std::move(requested));
            all.run.push(0, 5, block_function(item));
            all.run.push(5, 9, block_function(item));
            EXPECT_EQ(all.next().ran.claimed, 0U);
            const ended_block last = all.next();
            EXPECT_EQ(last.ran.claimed, 0U);
            return last.ran.stopped;
        };
        EXPECT_EQ(reason_of({.stop = stop.get_token()}), stop_reason::stop_requested);
        EXPECT_EQ(reason_of({.timeout = 0s}), stop_reason::timed_out);
    });
}

TEST(BlockQueue, IsDestroyedWhenTheItemsThatRunHaveEnded)
{
    for (const int workers : {1, most_workers}) {
        on_workers(workers, [=] {
            std::atomic<int> begun{0};
            std::atomic<int> ended{0};
            std::latch one_runs(1);
            std::optional<own_queue> all(std::in_place, parmap::options{.grain_size = 1});
            const auto item = [&, &run = all->run](std::size_t) {
                if (++begun == 1) one_runs.count_down();
                while (run.unclaimed() != 0) std::this_thread::yield();  // until it is halted
                keep_busy(1ms);
                ++ended;
            };
            all->run.push(0, 1'000, block_function(item));
            one_runs.wait();
            all.reset();
            EXPECT_EQ(begun, ended);
            EXPECT_LE(begun, workers);
        });
    }
}

// What it counts

TEST(BlockQueue, CountsTheItemsTheirThreadsAndTheirTime)
{
    on_workers(3, [] {
        own_queue all({.grain_size = 1});
        EXPECT_EQ(all.run.done(), 0U);
        EXPECT_EQ(all.run.busy(), 0);
        EXPECT_EQ(all.run.busy_time(), 0ns);
        EXPECT_EQ(all.run.unclaimed(), 0U);
        std::latch three_run(3);
        std::latch go_on(1);
        const auto item = [&](std::size_t i) {
            keep_busy(1ms);
            if (i >= 3) return;
            three_run.count_down();
            go_on.wait();
        };
        all.run.push(0, 4, block_function(item));
        all.run.push(4, 6, block_function(item));
        three_run.wait();
        EXPECT_EQ(all.run.busy(), 3);
        EXPECT_EQ(all.run.done(), 0U);
        EXPECT_EQ(all.run.unclaimed(), 3U);
        go_on.count_down();
        all.next();
        all.next();
        EXPECT_EQ(all.run.busy(), 0);
        EXPECT_EQ(all.run.done(), 6U);
        EXPECT_GE(all.run.busy_time(), 6ms);
        EXPECT_EQ(all.run.unclaimed(), 0U);
    });
}

TEST(BlockQueue, KeepsToTheQuantumOfTheFunction)
{
    on_workers(most_workers, [] {
        const auto body = [](std::size_t begin, std::size_t end) noexcept -> block_result {
            EXPECT_EQ(begin % 8, 0U);
            EXPECT_TRUE(end % 8 == 0 || end == 1'003);
            return {end - begin, nullptr};
        };
        own_queue all;
        all.run.push(64, 512, block_function(body, 8));
        all.run.push(800, 1'003, block_function(body, 8));
        EXPECT_EQ(all.next().ran.completed + all.next().ran.completed, 448U + 203U);
    });
}

// Random cases

struct scenario {
    struct range {
        std::size_t begin;
        std::size_t end;
    };

    int workers;
    bool is_in_arena;
    bool is_replacement_taken;
    std::size_t grain_size;
    on_failure policy;
    std::vector<range> blocks;
    std::vector<bool> unlucky;
    std::size_t ahead;                    // blocks that are pushed before one has ended
    std::optional<std::size_t> halts_at;  // this index, when it is the next to be pushed or past
    std::optional<std::size_t> stops_at;

    friend std::ostream& operator<<(std::ostream& out, const scenario& s)
    {
        out << s.workers << " workers, grain " << s.grain_size << ", ahead " << s.ahead << ", "
            << (s.policy == on_failure::stop ? "stop" : "proceed") << (s.is_in_arena ? "" : ", no arena")
            << (s.is_replacement_taken ? ", no replacement" : "");
        if (s.halts_at) out << ", halts at " << *s.halts_at;
        if (s.stops_at) out << ", stops at " << *s.stops_at;
        out << ", blocks";
        for (const range& block : s.blocks) out << ' ' << block.begin << '-' << block.end;
        out << ", unlucky";
        for (std::size_t i = 0; i < s.unlucky.size(); ++i) {
            if (s.unlucky[i]) out << ' ' << i;
        }
        return out;
    }
};

scenario random_scenario(dice& random)
{
    scenario s{.workers = 1 + static_cast<int>(random.below(most_workers)),
               .is_in_arena = random.one_in(2),
               .is_replacement_taken = random.one_in(5),
               .grain_size = random.one_of<std::size_t>({0, 0, 1, 7}),
               .policy = random.one_of({on_failure::stop, on_failure::proceed}),
               .blocks = {},
               .unlucky = {},
               .ahead = 1 + random.below(4),
               .halts_at = {},
               .stops_at = {}};
    std::size_t end = 0;
    const std::size_t longest = random.one_of<std::size_t>({1, 10, 100, 1'000});
    for (std::size_t n = 1 + random.below(10); n != 0; --n) {
        const std::size_t begin = end + random.below(2) * random.below(50);
        end = begin + 1 + random.below(longest);
        s.blocks.push_back({begin, end});
    }
    const std::size_t unlucky_one_in = random.one_of<std::size_t>({3, 100, 1'000, SIZE_MAX});
    for (std::size_t i = 0; i < end; ++i) s.unlucky.push_back(random.one_in(unlucky_one_in));
    if (random.one_in(4)) s.halts_at = random.below(end);
    if (random.one_in(10)) s.stops_at = random.below(end);
    return s;
}

/// Runs a scenario: pushes as a rank does that is granted blocks, and compares.
class scenario_run {
public:
    explicit scenario_run(const scenario& s)
        : s_(s),
          runs_(s.unlucky.size()),
          own_({.stop = stop_.get_token(), .grain_size = s.grain_size}, s.policy)
    {
    }

    void play()
    {
        std::size_t pushed = 0;
        std::size_t ended = 0;
        while (ended != s_.blocks.size()) {
            if (pushed != s_.blocks.size() && pushed - ended < s_.ahead) {
                const auto [begin, end] = s_.blocks[pushed++];
                if (s_.halts_at && begin >= *s_.halts_at) halt_from(*s_.halts_at);
                own_.run.push(begin, end, block_function(item_));
                own_.run.halt_from(end_);
            } else {
                ended_.push_back(own_.next());
                ++ended;
                const ended_block& block = ended_.back();
                if (s_.policy == on_failure::stop && !block.ran.failures.empty()) {
                    halt_from(block.begin + block.ran.failures.front().index);
                }
            }
        }
    }

    void check()
    {
        std::ranges::sort(ended_, {}, &ended_block::begin);
        ASSERT_EQ(ended_.size(), s_.blocks.size());
        std::uint64_t completed = 0;
        std::vector<bool> ran(runs_.size(), false);
        for (std::size_t n = 0; n < ended_.size(); ++n) {
            const ended_block& block = ended_[n];
            ASSERT_EQ(block.begin, s_.blocks[n].begin);
            ASSERT_EQ(block.end, s_.blocks[n].end);
            check_alone(block, ran);
            if (block.begin < end_ && !stop_.stop_requested()) check_whole(block);
            completed += block.ran.completed;
        }
        for (std::size_t i = 0; i < runs_.size(); ++i) ASSERT_EQ(runs_[i], ran[i] ? 1 : 0) << "item " << i;
        EXPECT_EQ(own_.run.done(), completed);
        EXPECT_EQ(own_.run.busy(), 0);
        EXPECT_EQ(own_.run.unclaimed(), 0U);
        EXPECT_FALSE(own_.run.take_ended().has_value());
    }

private:
    void run_item(std::size_t i)
    {
        runs_[i].fetch_add(1, std::memory_order_relaxed);
        if (i == s_.stops_at) stop_.request_stop();
        if (s_.unlucky[i]) throw item_error{i};
    }

    void halt_from(std::size_t index)
    {
        end_ = std::min(end_, index);
        own_.run.halt_from(end_);
    }

    /// The result of the block is consistent. Notes which of its items ran by that result.
    void check_alone(const ended_block& block, std::vector<bool>& ran) const
    {
        const auto& result = block.ran;
        ASSERT_EQ(result.size, block.end - block.begin);
        ASSERT_LE(result.claimed, result.size);
        std::size_t lost = 0;
        const auto first = ran.begin() + static_cast<std::ptrdiff_t>(block.begin);
        std::fill_n(first, result.claimed, true);
        for (const auto& failed : result.failures) {
            ASSERT_LT(failed.index, failed.end);
            ASSERT_LE(failed.end, result.claimed);
            EXPECT_TRUE(s_.unlucky[block.begin + failed.index]);
            std::fill(first + static_cast<std::ptrdiff_t>(failed.index) + 1,
                      first + static_cast<std::ptrdiff_t>(failed.end), false);
            lost += failed.end - failed.index;
        }
        EXPECT_EQ(result.completed, result.claimed - lost);
    }

    /// For a block that was not halted.
    void check_whole(const ended_block& block) const
    {
        std::vector<std::size_t> unlucky;
        for (std::size_t i = block.begin; i < block.end; ++i) {
            if (s_.unlucky[i]) unlucky.push_back(i - block.begin);
        }
        EXPECT_EQ(block.ran.stopped, stop_reason::none);
        if (s_.policy == on_failure::proceed || unlucky.empty()) {
            ASSERT_EQ(block.ran.failures.size(), unlucky.size());
            EXPECT_EQ(block.ran.completed, block.ran.size - unlucky.size());
        } else {
            ASSERT_FALSE(block.ran.failures.empty());
            EXPECT_EQ(block.ran.failures.front().index, unlucky.front());
        }
    }

    struct item {
        scenario_run& of;
        void operator()(std::size_t i) const { of.run_item(i); }
    };

    const scenario& s_;
    std::vector<std::atomic<int>> runs_;
    std::stop_source stop_;
    const item item_{*this};
    std::size_t end_{SIZE_MAX};  // halted from here on
    std::vector<ended_block> ended_;
    own_queue own_;
};

TEST(BlockQueue, RandomBlocksRunEveryItemOnceUpToTheFirstThatFailsOrIsHalted)
{
    for_random_cases(5'000, [](dice& random) {
        const scenario s = random_scenario(random);
        const auto play = [&] {
            SCOPED_TRACE(::testing::Message() << s);
            std::optional<own_queue> other;
            if (s.is_replacement_taken) other.emplace();
            scenario_run all(s);
            all.play();
            all.check();
        };
        s.is_in_arena ? on_workers(s.workers, play) : with_cpus(s.workers, play);
    });
}

TEST(BlockQueue, RandomBlocksMayBeLeftToTheDestructor)
{
    for_random_cases(2'000, [](dice& random) {
        on_workers(1 + static_cast<int>(random.below(most_workers)), [&] {
            std::vector<std::atomic<int>> runs(1 + random.below(1'000));
            const auto item = [&](std::size_t i) { runs[i].fetch_add(1, std::memory_order_relaxed); };
            std::uint64_t completed = 0;
            {
                own_queue all({.grain_size = random.below(3)});
                std::size_t end = 0;
                while (end != runs.size()) {
                    const std::size_t begin = std::exchange(end, end + 1 + random.below(runs.size() - end));
                    all.run.push(begin, end, block_function(item));
                    if (random.one_in(3)) completed += all.next().ran.completed;
                }
            }
            std::uint64_t ran = 0;
            for (const auto& count : runs) {
                ASSERT_LE(count, 1);
                ran += static_cast<std::uint64_t>(count);
            }
            EXPECT_GE(ran, completed);
        });
    });
}

}  // namespace
