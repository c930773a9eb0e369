// SPDX-License-Identifier: Apache-2.0
// A clock that stands still, ticks coarsely, or jumps by an hour as after a suspend breaks nothing.
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <future>
#include <latch>
#include <mutex>
#include <numeric>
#include <optional>
#include <ranges>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <tbb/task_arena.h>
#include <unistd.h>

#include <parmap/detail/engine.hpp>
#include <parmap/map.hpp>
#include <parmap/map_reduce.hpp>
#include <parmap/progress_scope.hpp>
#include <parmap/stream.hpp>
#include <parmap/task_graph.hpp>

#include "faults/fake_clock.hpp"
#include "progress/eta.hpp"
#include "progress/stopped_time.hpp"
#include "support/on_workers.hpp"

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using parmap::progress_state;
using parmap::detail::block_function;
using parmap::detail::block_in_flight;
using parmap::detail::block_result;
using parmap::detail::eta_estimator;
using parmap::detail::run_limits;
using parmap::detail::stopped_time;
using parmap::testing::on_workers;
namespace fake_clock = parmap::testing::fake_clock;

/// After each test the clock runs like the machine's again, maybe far ahead.
class Clock : public ::testing::Test {
protected:
    ~Clock() override
    {
        fake_clock::tick_every(1ns);
        fake_clock::go_on();
    }
};

TEST_F(Clock, OfTheTestsIsTheOneThatTheLibraryReads)
{
    const clock::time_point before = clock::now();
    fake_clock::jump(1h);
    EXPECT_GE(clock::now() - before, 1h);
    fake_clock::stand_still();
    const clock::time_point stopped = clock::now();
    EXPECT_EQ(clock::now(), stopped);
    fake_clock::spend(5s);
    EXPECT_EQ(clock::now(), stopped + 5s);
}

// Results

constexpr int items = 2'000;

int square(int x)
{
    if (x % 500 == 250) fake_clock::jump(1h);
    return x * x;
}

int plain_square(int x)
{
    return x * x;
}

void expect_right_results(int (*function)(int))
{
    const auto numbers = std::views::iota(0, items);
    std::vector<int> expected(items);
    std::ranges::transform(numbers, expected.begin(), plain_square);
    const long long sum = std::accumulate(expected.begin(), expected.end(), 0LL);
    const auto wide = [=](int x) { return static_cast<long long>(function(x)); };

    EXPECT_EQ(parmap::map(numbers, function), expected);
    EXPECT_EQ(parmap::map_reduce(numbers, wide, 0LL, std::plus<>()), sum);
    std::vector<int> streamed;
    for (const int result : parmap::stream(numbers, function)) streamed.push_back(result);
    EXPECT_EQ(streamed, expected);
    long long completed = 0;
    for (const auto& [index, value] : parmap::as_completed(numbers, function)) completed += value;
    EXPECT_EQ(completed, sum);

    parmap::task_graph graph;
    const auto source = graph.add("numbers", [&] { return std::vector<int>(numbers.begin(), numbers.end()); });
    const auto squares = graph.map("square", source, function);
    const auto total =
        graph.reduce("sum", graph.map("widen", squares, [](int x) { return 1LL * x; }), 0LL, std::plus<>());
    graph.run();
    EXPECT_EQ(total.get(), sum);
}

TEST_F(Clock, ThatMisbehavesChangesNoResult)
{
    for (const int workers : {1, 4}) {
        on_workers(workers, [] {
            for (int round = 0; round < 3; ++round) {
                expect_right_results(square);
                fake_clock::tick_every(10ms);
                expect_right_results(plain_square);
                expect_right_results(square);
                fake_clock::tick_every(1ns);
                fake_clock::stand_still();
                expect_right_results(plain_square);
                fake_clock::go_on();
            }
        });
    }
}

// Block sizes: the clock moves only by the cost of the items

struct ran_block {
    std::size_t begin;
    std::size_t items;
};

/// Runs `size` items of a microsecond each. Calls `odd(begin, end)` in each block: it may put the clock forward, and
/// where it returns false the block seems to take no time. \return the blocks in the order of the items
template <class Odd>
std::vector<ran_block> blocks_of(std::size_t size, const Odd& odd)
{
    const std::stop_source source;  // with a token, one worker also runs in blocks
    std::mutex guard;
    std::vector<ran_block> blocks;
    fake_clock::stand_still();
    const auto body = [&](std::size_t begin, std::size_t end) noexcept {
        if (odd(begin, end)) fake_clock::spend(std::chrono::microseconds(end - begin));
        const std::lock_guard lock(guard);
        blocks.push_back({begin, end - begin});
        return block_result{end - begin, nullptr};
    };
    const block_function function(body, 1);
    function.cost() = 0;  // nothing is known of earlier runs
    const parmap::options options{.stop = source.get_token()};
    EXPECT_EQ(parmap::detail::run(size, function, run_limits(options)).completed, size);
    fake_clock::go_on();
    std::ranges::sort(blocks, {}, &ran_block::begin);
    return blocks;
}

constexpr std::size_t wanted = 50;  // 50 us of them

/// One block may be 32 times as long as wanted, after one with a wrong cost. None is longer, and few are short.
void expect_sound(const std::vector<ran_block>& blocks, std::size_t size, std::size_t workers)
{
    const std::size_t longest = std::ranges::max(blocks, {}, &ran_block::items).items;
    EXPECT_LE(longest, 32 * wanted);
    const auto too_long = std::ranges::count_if(blocks, [](const ran_block& b) { return b.items > wanted; });
    EXPECT_LE(too_long, 1);
    // Every worker begins with one item, and blocks shrink near the end.
    EXPECT_LE(blocks.size(), size / wanted + 40 * workers);
}

TEST_F(Clock, ThatJumpsCostsAShortBlockOrTwo)
{
    for (const int workers : {1, 4}) {
        on_workers(workers, [&] {
            for (const std::size_t when : {0U, 1U, 5'000U, 19'000U}) {
                const auto suspended = [&](std::size_t begin, std::size_t end) {
                    if (begin <= when && when < end) fake_clock::spend(1h);
                    return true;
                };
                expect_sound(blocks_of(20'000, suspended), 20'000, static_cast<std::size_t>(workers));
            }
        });
    }
}

TEST_F(Clock, ThatMissesABlockCostsOneLongBlock)
{
    for (const int workers : {1, 4}) {
        on_workers(workers, [&] {
            for (const std::size_t when : {0U, 1U, 5'000U, 19'000U}) {
                const auto missed = [&](std::size_t begin, std::size_t end) { return begin > when || when >= end; };
                expect_sound(blocks_of(20'000, missed), 20'000, static_cast<std::size_t>(workers));
            }
        });
    }
}

TEST_F(Clock, ThatStandsStillLeavesSharesForOtherWorkers)
{
    on_workers(4, [] {
        const auto blocks = blocks_of(20'000, [](std::size_t, std::size_t) { return false; });
        for (const auto& [begin, length] : blocks) EXPECT_LE(length, std::max<std::size_t>((20'000 - begin) / 8, 1));
    });
}

TEST_F(Clock, ThatTicksCoarselyBoundsABlockByTheTick)
{
    constexpr auto tick = 10ms;
    fake_clock::tick_every(tick);
    for (const int workers : {1, 4}) {
        on_workers(workers, [&] {
            const auto blocks = blocks_of(2'000'000, [](std::size_t, std::size_t) { return true; });
            const auto longest = std::ranges::max(blocks, {}, &ran_block::items).items;
            EXPECT_LE(std::chrono::microseconds(longest), 33 * tick);
            EXPECT_LE(blocks.size(), 20'000U);
        });
    }
}

// The remembered cost of a kind of item

TEST_F(Clock, ThatJumpsIsForgottenByTheRunAfterTheNext)
{
    fake_clock::stand_still();
    std::chrono::nanoseconds cost{};
    const auto item = [&](std::size_t) { fake_clock::spend(cost); };
    const block_function function(item);
    const auto run = [&](std::chrono::nanoseconds each) {
        cost = each;
        const parmap::options one_worker{.max_workers = 1};
        parmap::detail::run(4, function, run_limits(one_worker));
    };
    for (const auto usual : {100ns, std::chrono::nanoseconds(1ms)}) {
        for (int i = 0; i < 3; ++i) run(usual);
        EXPECT_FLOAT_EQ(function.cost(), static_cast<float>(usual.count()));
        for (const auto odd : {std::chrono::nanoseconds(1h), 0ns}) {
            run(odd);
            for (int i = 0; i < 2; ++i) run(usual);
            EXPECT_FLOAT_EQ(function.cost(), static_cast<float>(usual.count())) << odd.count();
        }
    }
}

TEST_F(Clock, ThatJumpsInOneRunDoesNotMakeTinyWorkFork)
{
    fake_clock::stand_still();
    const auto runs_alone = [](std::chrono::nanoseconds cost) {
        bool touched_onetbb = false;
        std::thread([&] {
            parmap::for_each(std::views::iota(0, 4), [cost](int) { fake_clock::spend(cost); });
            touched_onetbb = tbb::this_task_arena::current_thread_index() != tbb::task_arena::not_initialized;
        }).join();
        return !touched_onetbb;
    };
    parmap::testing::with_cpus(2, [&] {
        runs_alone(100ns);  // nothing is known of the first run
        EXPECT_TRUE(runs_alone(100ns));
        EXPECT_FALSE(runs_alone(50us)) << "others help once it takes long";
        EXPECT_TRUE(runs_alone(100ns)) << "one interruption is forgotten";
    });
}

// Timeouts

/// Calls `call(fn, options)`; fn puts the clock forward by an hour in item 100. At most one item a worker begins after
/// that. \return whether the call timed out
template <class Call>
bool is_late(std::optional<std::chrono::nanoseconds> timeout, int workers, const Call& call)
{
    std::atomic<bool> jumped{false};
    std::atomic<int> begun_late{0};
    const auto fn = [&](int x) {
        if (jumped) ++begun_late;
        if (x == 100) {
            fake_clock::jump(1h);
            jumped = true;
        }
        return x;
    };
    try {
        call(fn, parmap::options{.timeout = timeout, .grain_size = 1});
        return false;
    } catch (const parmap::cancelled& e) {
        EXPECT_EQ(e.reason(), parmap::stop_reason::timed_out);
        // A worker that read the clock just before may begin one.
        EXPECT_LE(begun_late, workers);
        return true;
    }
}

template <class Call>
void expect_late_with_a_timeout_alone(const Call& call)
{
    for (const int workers : {1, 4}) {
        on_workers(workers, [&] {
            EXPECT_TRUE(is_late(10min, workers, call));
            EXPECT_FALSE(is_late(10h, workers, call));
            EXPECT_FALSE(is_late(std::nullopt, workers, call));
        });
    }
}

TEST_F(Clock, ThatJumpsPastTheDeadlineEndsTheCallAsTimedOut)
{
    const auto numbers = std::views::iota(0, 10'000);
    expect_late_with_a_timeout_alone(
        [&](const auto& fn, const parmap::options& options) { parmap::for_each(numbers, fn, options); });
    expect_late_with_a_timeout_alone([&](const auto& fn, const parmap::options& options) {
        parmap::map_reduce(
            numbers, fn, 0, [](int a, int) { return a; }, options);
    });
    expect_late_with_a_timeout_alone([&](const auto& fn, const parmap::options& options) {
        parmap::task_graph graph;
        graph.map("map", graph.add("numbers", [&] { return std::vector(numbers.begin(), numbers.end()); }), fn);
        graph.run(options);
    });
}

TEST_F(Clock, ThatJumpsPastTheDeadlineEndsAStreamAsTimedOut)
{
    // Only the consumer reads the clock; meanwhile the workers start at most the items in flight.
    for (const int workers : {1, 4}) {
        on_workers(workers, [&] {
            const parmap::options late{.timeout = 10min, .max_in_flight = 8};
            int consumed = 0;
            std::atomic<int> started{0};
            try {
                for (const int x : parmap::stream(
                         std::views::iota(0), [&](int y) { return ++started, y; }, late)) {
                    EXPECT_EQ(x, consumed++);
                    if (x == 100) fake_clock::jump(1h);
                }
                ADD_FAILURE() << "an endless stream ended";
            } catch (const parmap::cancelled& e) {
                EXPECT_EQ(e.reason(), parmap::stop_reason::timed_out);
            }
            EXPECT_EQ(consumed, 101);
            EXPECT_LE(started, 101 + 8);
        });
    }
}

TEST_F(Clock, ThatStandsStillReachesNoDeadline)
{
    fake_clock::stand_still();
    on_workers(4, [] {
        const auto squares = parmap::map(std::views::iota(0, 1'000), plain_square, {.timeout = 1ns});
        EXPECT_EQ(squares.back(), 999 * 999);
    });
}

// Bars

TEST_F(Clock, ABarThatStartsLateCountsTheItemsBeforeItToo)
{
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const auto run = [&](bool slow) {
        parmap::for_each(std::views::iota(0, 20), [slow](int) { fake_clock::jump(slow ? 1ms : 100ns); },
                         {.progress = parmap::progress_bar{
                              .label = "j", .delay = 1ms, .style = parmap::bar_style::json, .fd = pipe[1]}});
    };
    fake_clock::stand_still();
    parmap::testing::with_cpus(2, [&] {
        for (int i = 0; i < 10; ++i) run(false);
        run(true);
    });
    ::close(pipe[1]);
    std::string written;
    for (char c{}; ::read(pipe[0], &c, 1) == 1;) written += c;
    ::close(pipe[0]);
    EXPECT_NE(written.find(R"("done":20,"total":20,)"), std::string::npos) << written;
    EXPECT_NE(written.find(R"("state":"finished"})"), std::string::npos) << written;
}

// Estimates

TEST(StoppedTime, IsTheTimeThatAWaitLastedTooLong)
{
    stopped_time time_stopped;
    const clock::time_point due(10s);
    time_stopped.waited(due, due - 5s);  // woken early
    time_stopped.waited(due, due + 900ms);
    EXPECT_EQ(time_stopped.total(), 0s) << "a busy machine";
    time_stopped.waited(due, due + 1h);
    time_stopped.waited(due, due + 2s);
    EXPECT_EQ(time_stopped.total(), 1h + 2s);
}

TEST(StoppedTime, OfAnHourDoesNotChangeTheEstimate)
{
    // Ten workers with items of a second and ten ticks a second; stopped at 4.25 s, with a tick due at 4.3 s.
    stopped_time time_stopped;
    eta_estimator eta(100);
    double worst = 0;
    for (int tick = 1; tick < 100; ++tick) {
        const clock::time_point due(100ms * tick);
        const auto stop = tick < 43 ? 0s : 1h;
        time_stopped.waited(due, tick == 43 ? due + stop : due);
        const auto wall = due + stop;
        const double now = std::chrono::duration<double>((wall - time_stopped.total()).time_since_epoch()).count();
        EXPECT_NEAR(now, 0.1 * tick, 1e-6);
        const double whole = std::floor(now + 1e-9);
        const std::vector<block_in_flight> blocks(10, {.items = 1, .age = now - whole});
        eta.update(now, 10 * whole, blocks);
        if (const auto left = eta.seconds_left()) worst = std::max(worst, std::abs(*left - (10 - now)));
    }
    EXPECT_LE(worst, 0.5);
}

TEST_F(Clock, ThatJumpsDoesNotChangeTheEstimateOfARunningCall)
{
    // Every item lasts until the next state: a tenth of a second, or more on a busy machine.
    std::vector<progress_state> states;
    std::atomic<int> states_seen{0};
    const auto watch = [&](const progress_state& state) {
        states.push_back(state);
        ++states_seen;
        states_seen.notify_all();
    };
    parmap::for_each(std::views::iota(0, 16),
                     [&](int x) {
                         if (x == 8) fake_clock::jump_in_next_wait(1h);
                         const int before = states_seen;
                         states_seen.wait(before);
                     },
                     {.max_workers = 1, .progress = watch, .grain_size = 1});
    for (const progress_state& state : states) {
        EXPECT_TRUE(std::isfinite(state.rate)) << state.rate;
        EXPECT_GE(state.rate, 0);
        if (!state.eta) continue;
        EXPECT_GE(*state.eta, 0s);
        EXPECT_LE(*state.eta, 10min) << "after " << state.done;
    }
    EXPECT_GE(states.back().elapsed, 1h);
    EXPECT_EQ(states.back().done, 16U);
}

TEST_F(Clock, ThatJumpsInEachItemGivesAPlainLineForEach)
{
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const auto next_line = [&] {
        std::string line;
        for (char c{}; ::read(pipe[0], &c, 1) == 1 && c != '\n';) line += c;
        return line;
    };
    std::vector<std::string> lines;
    {
        // Makes the reporter read the clock ten times a second.
        const parmap::progress_scope awake(2, [](const progress_state&) {});
        parmap::for_each(
            std::views::iota(0, 3),
            [&](int) {
                fake_clock::jump(1h);
                lines.push_back(next_line());
            },
            {.max_workers = 1, .progress = parmap::progress_bar{.style = parmap::bar_style::plain, .fd = pipe[1]}});
    }
    ::close(pipe[1]);
    lines.push_back(next_line());
    ::close(pipe[0]);
    for (int done = 0; done < 4; ++done) {
        const std::string& line = lines.at(static_cast<std::size_t>(done));
        EXPECT_NE(line.find(std::to_string(done) + "/3 ["), std::string::npos) << line;
    }
}

TEST_F(Clock, TimesOfADrawnGraphHaveReadableUnits)
{
    parmap::task_graph graph;
    const std::vector<std::pair<std::chrono::nanoseconds, std::string>> times{
        {0ns, "0 ns"}, {999ns, "999 ns"}, {5us, "5 us"}, {20ms, "20 ms"}, {90s, "90.0 s"}};
    for (const auto& [time, text] : times) {
        graph.add(text, [time = time] { fake_clock::spend(time); });
    }
    fake_clock::stand_still();
    graph.run({.max_workers = 1});
    for (const auto& [time, text] : times) {
        EXPECT_NE(graph.dot().find(text + "\\n" + text), std::string::npos) << graph.dot();
    }
}

TEST_F(Clock, ThatStandsStillAtTheStartGivesARateOfZero)
{
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    std::latch reporter_is_held(1);
    std::latch one_is_done(1);
    // The reporter is held until an item is done. Its first state is then of a call that has taken no time so far.
    const auto hold = [&](const progress_state& state) {
        if (state.phase != parmap::progress_phase::running || reporter_is_held.try_wait()) return;
        reporter_is_held.count_down();
        one_is_done.wait();
    };
    {
        const parmap::progress_scope holds_the_reporter(2, hold);
        reporter_is_held.wait();
        fake_clock::stand_still();
        parmap::for_each(
            std::views::iota(0, 3),
            [&](int x) {
                if (x != 1) return;
                one_is_done.count_down();
                std::string line;
                for (char c{}; c != '\n'; line += c) ASSERT_EQ(::read(pipe[0], &c, 1), 1);
                EXPECT_NE(line.find(R"("done":1,"total":3,"rate":0,)"), std::string::npos) << line;
            },
            {.max_workers = 1,
             .progress = parmap::progress_bar{.delay = 0ms, .style = parmap::bar_style::json, .fd = pipe[1]},
             .grain_size = 1});
        fake_clock::go_on();
    }
    ::close(pipe[0]);
    ::close(pipe[1]);
}

}  // namespace
