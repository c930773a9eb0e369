// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <forward_list>
#include <functional>
#include <latch>
#include <list>
#include <memory>
#include <mutex>
#include <numeric>
#include <ostream>
#include <set>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <parmap/map_reduce.hpp>
#include <parmap/stream.hpp>
#include <parmap/zip.hpp>

#include "support/counted.hpp"
#include "support/keep_busy.hpp"
#include "support/on_workers.hpp"
#include "support/random_cases.hpp"

namespace {

using namespace std::chrono_literals;
using parmap::testing::counted;
using parmap::testing::dice;
using parmap::testing::for_random_cases;
using parmap::testing::keep_busy;
using parmap::testing::most_workers;
using parmap::testing::on_workers;
using parmap::testing::with_cpus;

struct item_error {
    int index;
};
struct source_error {};

int doubled(int x)
{
    return 2 * x;
}

/// An endless single-pass source 0, 1, ... that calls `on_read` before each element.
class counter : public std::ranges::view_base {
public:
    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using value_type = int;
        using difference_type = std::ptrdiff_t;

        explicit iterator(const std::function<void(int)>& on_read) : on_read_(&on_read) { (*on_read_)(0); }
        int operator*() const { return value_; }
        iterator& operator++()
        {
            (*on_read_)(++value_);
            return *this;
        }
        void operator++(int) { ++*this; }

    private:
        const std::function<void(int)>* on_read_;
        int value_{0};
    };

    explicit counter(std::function<void(int)> on_read) : on_read_(std::move(on_read)) {}
    iterator begin() { return iterator(on_read_); }
    std::unreachable_sentinel_t end() const { return {}; }

private:
    std::function<void(int)> on_read_;
};

void wait_until(const auto& condition)
{
    while (!condition()) std::this_thread::yield();
}

/// The engine treats items below 20 us as light.
constexpr auto heavy = 100us;

/// Calls `test` with one worker, with two outside of an arena, and with eight in an arena.
void on_some_workers(const auto& test)
{
    on_workers(1, test);
    with_cpus(2, test);
    on_workers(most_workers, test);
}

// Sources and results

TEST(Stream, GivesResultsInInputOrder)
{
    on_some_workers([] {
        int expected = 0;
        for (const int x : parmap::stream(std::views::iota(0, 20'000), doubled)) {
            ASSERT_EQ(x, 2 * expected++);
        }
        EXPECT_EQ(expected, 20'000);
    });
}

TEST(Stream, ReadsEveryKindOfRange)
{
    const auto sum_of = [](auto&& range) {
        int sum = 0;
        for (const int x : parmap::stream(std::forward<decltype(range)>(range), doubled)) sum += x;
        return sum;
    };
    const std::vector<int> vector{1, 2, 3};
    EXPECT_EQ(sum_of(vector), 12);
    EXPECT_EQ(sum_of(std::vector{1, 2, 3}), 12);
    EXPECT_EQ(sum_of(std::list{1, 2, 3}), 12);
    EXPECT_EQ(sum_of(std::forward_list{1, 2, 3}), 12);
    EXPECT_EQ(sum_of(std::deque{1, 2, 3}), 12);
    EXPECT_EQ(sum_of(vector | std::views::transform(doubled)), 24);
    EXPECT_EQ(sum_of(std::vector<int>{}), 0);
    std::istringstream text("1 2 3");
    EXPECT_EQ(sum_of(std::views::istream<int>(text)), 12);
    std::istringstream nothing;
    EXPECT_EQ(sum_of(std::views::istream<int>(nothing)), 0);
}

TEST(Stream, IsAnInputRangeThatViewsTake)
{
    auto stream = parmap::stream(std::views::iota(0), doubled);
    using type = decltype(stream);
    static_assert(std::ranges::input_range<type> && std::ranges::view<type> && !std::ranges::forward_range<type>);
    static_assert(std::same_as<std::ranges::range_value_t<type>, int>);
    static_assert(std::same_as<std::ranges::range_reference_t<type>, int&&>);
    std::vector<int> some;
    for (const int x : std::move(stream) | std::views::filter([](int x) { return x % 3 == 0; }) | std::views::take(3)) {
        some.push_back(x);
    }
    EXPECT_EQ(some, (std::vector{0, 6, 12}));
}

TEST(Stream, PassesElementsByReferenceAndTheIndex)
{
    std::list<int> numbers{10, 20, 30};
    std::vector<int> sums;
    const auto add_index = [](std::size_t i, int& x) { return x += static_cast<int>(i); };
    for (const int x : parmap::stream(numbers, add_index)) sums.push_back(x);
    EXPECT_EQ(sums, (std::vector{10, 21, 32}));
    EXPECT_EQ(numbers, (std::list{10, 21, 32}));

    std::vector<std::size_t> lengths;
    const std::vector<std::string> words{"one", "three"};
    for (const std::size_t n : parmap::stream(words, &std::string::size)) lengths.push_back(n);
    EXPECT_EQ(lengths, (std::vector<std::size_t>{3, 5}));
}

TEST(Stream, MovesWhatCannotBeCopied)
{
    on_some_workers([] {
        std::vector<std::unique_ptr<int>> kept;
        const auto boxed =
            std::views::iota(0, 100) | std::views::transform([](int x) { return std::make_unique<int>(x); });
        for (auto p : parmap::stream(boxed, [own = std::make_unique<int>(1)](std::unique_ptr<int> p) {
                 *p += *own;
                 return p;
             })) {
            kept.push_back(std::move(p));
        }
        ASSERT_EQ(kept.size(), 100U);
        EXPECT_EQ(*kept[99], 100);
    });
}

TEST(Stream, OwnsATemporaryAndTheFunction)
{
    auto stream = [] {
        const std::string suffix = "!";
        return parmap::stream(std::vector<std::string>{"a", "b"},
                              [suffix](const std::string& s) { return s + suffix; });
    }();
    std::string all;
    for (auto&& s : stream) all += s;
    EXPECT_EQ(all, "a!b!");
}

TEST(Stream, TakesZippedRangesWithAndWithoutTheIndex)
{
    std::vector<int> totals{0, 0, 0};
    const std::list<int> prices{10, 20, 30};
    for ([[maybe_unused]] const int t :
         parmap::stream(parmap::zip(totals, prices), [](int& total, int price) { return total += price; })) {
    }
    EXPECT_EQ(totals, (std::vector{10, 20, 30}));

    std::istringstream names("a b c d");
    std::string all;
    auto endless = parmap::zip(std::views::iota(0), std::views::iota(10));
    for (auto&& text : parmap::stream(endless, [](std::size_t i, int a, int b) {
             return std::to_string(i) + ":" + std::to_string(a + b) + " ";
         })) {
        all += text;
        if (all.size() > 12) break;
    }
    EXPECT_EQ(all, "0:10 1:12 2:14 ");

    all.clear();
    auto unequal = parmap::zip(std::views::istream<std::string>(names), prices);
    const auto join = [](const std::string& name, int price) { return name + std::to_string(price) + " "; };
    EXPECT_THROW(for (auto&& text : parmap::stream(unequal, join)) all += text, std::invalid_argument);
    EXPECT_EQ(all, "a10 b20 c30 ");
}

TEST(Stream, IsARangeThatOtherAlgorithmsTake)
{
    on_some_workers([] {
        auto results = parmap::stream(std::views::iota(0, 1'000), doubled);
        EXPECT_EQ(parmap::map_reduce(
                      results, [](int x) { return x; }, 0, std::plus{}),
                  999'000);
        auto one = parmap::stream(std::views::iota(0, 1'000), doubled);
        int expected = 0;
        for (const int x : parmap::stream(std::move(one), doubled)) ASSERT_EQ(x, 4 * expected++);
        EXPECT_EQ(expected, 1'000);
    });
}

TEST(Stream, BeginGivesTheCurrentResult)
{
    auto stream = parmap::stream(std::views::iota(0, 5), doubled);
    auto it = stream.begin();
    EXPECT_EQ(*it, 0);
    ++it;
    std::vector<int> rest;
    for (const int x : stream) rest.push_back(x);
    EXPECT_EQ(rest, (std::vector{2, 4, 6, 8}));
    EXPECT_TRUE(stream.begin() == stream.end());
}

TEST(Stream, RefusesBadOptionsAtTheCall)
{
    EXPECT_THROW(parmap::stream(std::views::iota(0), doubled, {.max_workers = -1}), std::invalid_argument);
    EXPECT_THROW(parmap::stream(std::views::iota(0), doubled, {.max_in_flight = SIZE_MAX}), std::bad_alloc);
}

// Lazy and bounded

TEST(Stream, ReadsNothingBeforeTheFirstResultIsAskedFor)
{
    on_some_workers([] {
        std::atomic<int> reads{0};
        auto stream = parmap::stream(counter([&](int) { ++reads; }), doubled);
        EXPECT_EQ(reads, 0);
        EXPECT_EQ(*stream.begin(), 0);
        EXPECT_GE(reads, 1);
    });
}

TEST(Stream, WithOneWorkerReadsAndRunsEachItemOnTheConsumersThreadWhenItIsAskedFor)
{
    const auto check = [](const auto& make) {
        int reads = 0;
        int runs = 0;
        const auto consumer = std::this_thread::get_id();
        const auto here = [&](int& count) {
            EXPECT_EQ(std::this_thread::get_id(), consumer);
            ++count;
        };
        int expected = 0;
        for ([[maybe_unused]] auto&& x : make(counter([&](int) { here(reads); }), [&](int i) {
                 here(runs);
                 return i;
             })) {
            ++expected;
            EXPECT_EQ(reads, expected);
            EXPECT_EQ(runs, expected);
            if (expected == 100) break;
        }
    };
    const parmap::options one{.max_workers = 1, .max_in_flight = 16};
    check([&](auto source, auto fn) { return parmap::stream(source, fn, one); });
    check([&](auto source, auto fn) { return parmap::as_completed(source, fn, one); });
}

/// Consumes 3,000 items of different cost and expects at most `bound` of them in flight.
void expect_bound(const auto& make, std::size_t bound)
{
    std::atomic<std::ptrdiff_t> in_flight{0};
    std::atomic<std::ptrdiff_t> most{0};
    auto results = make(counter([&](int) {
                            const std::ptrdiff_t now = ++in_flight;
                            std::ptrdiff_t before = most;
                            while (now > before && !most.compare_exchange_weak(before, now)) {
                            }
                        }),
                        [](int x) {
                            for (int i = 0; i < x % 7; ++i) std::this_thread::yield();
                            return x;
                        });
    int n = 0;
    for ([[maybe_unused]] auto&& x : results) {
        if (++n == 3'000) break;
        if (n % 64 < 8) std::this_thread::yield();
        --in_flight;
    }
    EXPECT_LE(most, static_cast<std::ptrdiff_t>(bound));
    EXPECT_GE(most, 1);
}

TEST(Stream, HoldsNoMoreItemsThanMaxInFlight)
{
    on_some_workers([] {
        for (const std::size_t bound : {1U, 2U, 3U, 5U, 16U, 100U}) {
            const parmap::options options{.max_in_flight = bound};
            expect_bound([&](auto source, auto fn) { return parmap::stream(source, fn, options); }, bound);
            expect_bound([&](auto source, auto fn) { return parmap::as_completed(source, fn, options); }, bound);
        }
    });
}

TEST(Stream, ReadsAheadFourItemsAWorkerByDefault)
{
    const auto reads_ahead = [](const auto& make) {
        std::atomic<int> reads{0};
        const auto slowly = [](int x) {
            keep_busy(heavy);  // so that other workers help
            return x;
        };
        auto results = make(counter([&](int) { ++reads; }), slowly);
        static_cast<void>(results.begin());
        wait_until([&] { return reads == 4 * most_workers; });
    };
    on_workers(most_workers, [&] {
        reads_ahead([](auto source, auto fn) { return parmap::stream(source, fn); });
        reads_ahead([](auto source, auto fn) { return parmap::as_completed(source, fn); });
    });
}

// Errors

TEST(Stream, ThrowsAnItemsExceptionAtItsPlaceAndEnds)
{
    on_some_workers([] {
        for (const int failing : {0, 1, 50}) {
            auto stream = parmap::stream(std::views::iota(0), [&](int x) {
                if (x >= failing) throw item_error{x};
                return x;
            });
            int n = 0;
            try {
                for (const int x : stream) ASSERT_EQ(x, n++);
                FAIL() << "it threw nothing";
            } catch (const item_error& e) {
                EXPECT_EQ(e.index, failing);
            }
            EXPECT_EQ(n, failing);
            EXPECT_TRUE(stream.begin() == stream.end());
        }
    });
}

TEST(Stream, ThrowsASourcesExceptionAfterTheResultsOfWhatWasRead)
{
    on_some_workers([] {
        for (const int failing : {0, 1, 50}) {
            const auto fail_at = [=](int x) {
                if (x == failing) throw source_error{};
            };
            int n = 0;
            EXPECT_THROW(for (const int x
                              : parmap::stream(counter(fail_at), doubled)) ASSERT_EQ(x, 2 * n++),
                         source_error);
            EXPECT_EQ(n, failing);

            std::set<std::size_t> seen;
            EXPECT_THROW(for (auto&& [index, value]
                              : parmap::as_completed(counter(fail_at), doubled)) seen.insert(index),
                         source_error);
            EXPECT_EQ(seen.size(), static_cast<std::size_t>(failing));
        }
    });
}

TEST(Stream, NothingRunsAfterItHasThrown)
{
    on_workers(most_workers, [] {
        for (int round = 0; round < 200; ++round) {
            std::atomic<int> running{0};
            auto stream = parmap::as_completed(std::views::iota(0), [&](int x) {
                ++running;
                for (int i = 0; i < x % 5; ++i) std::this_thread::yield();
                --running;
                if (x == 20) throw item_error{x};
                return x;
            });
            EXPECT_THROW(for ([[maybe_unused]] auto&& x : stream){}, item_error);
            EXPECT_EQ(running, 0);
        }
    });
}

// Results in the order in which they finish

TEST(AsCompleted, GivesEveryResultOnceWithItsIndex)
{
    on_some_workers([] {
        std::vector<int> seen(5'000, 0);
        for (auto&& [index, value] : parmap::as_completed(std::views::iota(0, 5'000), doubled)) {
            ASSERT_EQ(value, 2 * static_cast<int>(index));
            ++seen[index];
        }
        EXPECT_EQ(std::ranges::count(seen, 1), 5'000);
    });
}

TEST(AsCompleted, ASlowItemDelaysNoOtherResult)
{
    const auto check = [] {
        for (const std::size_t slow : {0U, 1U, 2U, 7U}) {
            std::latch all_others(1);
            std::size_t others = 0;
            for (auto&& [index, value] : parmap::as_completed(std::views::iota(0, 500), [&](int x) {
                     if (static_cast<std::size_t>(x) == slow) all_others.wait();
                     return x;
                 })) {
                if (index == slow) {
                    EXPECT_EQ(others, 499U);
                } else if (++others == 499) {
                    all_others.count_down();
                }
            }
            EXPECT_EQ(others, 499U);
        }
    };
    with_cpus(2, check);
    on_workers(most_workers, check);
}

TEST(AsCompleted, AnExceptionComesWhenItsItemThrows)
{
    on_some_workers([] {
        EXPECT_THROW(
            for (auto&& result
                 : parmap::as_completed(std::views::iota(0),
                                        [](int x) {
                                            if (x == 30) throw item_error{x};
                                            return x;
                                        })) { EXPECT_NE(result.index, 30U); },
            item_error);
    });
}

// Blocking

TEST(Stream, ABlockedSourceDelaysNoResult)
{
    // Item k + 1 cannot be read before the result of item k was consumed.
    const auto check = [](const auto& make) {
        std::mutex mutex;
        std::condition_variable changed;
        int consumed = 0;
        const auto wait_for_consumer = [&](int x) {
            std::unique_lock lock(mutex);
            changed.wait(lock, [&] { return consumed >= x; });
        };
        const auto with_cost = [](int x) {
            keep_busy(std::chrono::microseconds(x % 50));  // light and heavy
            return x;
        };
        auto results = make(counter(wait_for_consumer), with_cost);
        for ([[maybe_unused]] auto&& x : results) {
            const std::lock_guard lock(mutex);
            ++consumed;
            changed.notify_all();
            if (consumed == 1'000) break;
        }
        // Unblocks a worker that still reads ahead.
        const std::lock_guard lock(mutex);
        consumed = 1'000'000;
        changed.notify_all();
    };
    on_some_workers([&] {
        check([](auto source, auto fn) { return parmap::stream(source, fn); });
        check([](auto source, auto fn) { return parmap::as_completed(source, fn); });
        check([](auto source, auto fn) { return parmap::stream(source, [=](int x) { return fn(x) % 1; }); });
    });
}

TEST(Stream, RunsItemsAtTheSameTime)
{
    // All workers are inside items at the same time.
    on_workers(most_workers, [] {
        std::latch all_here(most_workers);
        int n = 0;
        for ([[maybe_unused]] auto&& x : parmap::stream(std::views::iota(0, most_workers), [&](int x) {
                 all_here.arrive_and_wait();
                 return x;
             })) {
            ++n;
        }
        EXPECT_EQ(n, most_workers);
    });
}

TEST(Stream, RunsItemsAtTheSameTimeThoughTheSourceIsSlow)
{
    // A worker that joins while the consumer reads finds no item and leaves. The items must still run at the same time.
    const auto source = std::views::iota(0, 2) | std::views::transform([](int x) {
                            keep_busy(100us);
                            return x;
                        });
    on_workers(2, [&] {
        for (int round = 0; round < 100; ++round) {
            std::latch both_here(2);
            const auto meet = [&](int x) {
                both_here.arrive_and_wait();
                return x;
            };
            int n = 0;
            for ([[maybe_unused]] const int x : parmap::stream(source, meet)) ++n;
            ASSERT_EQ(n, 2);
        }
    });
}

TEST(Stream, SharesHeavyItemsThatComeAfterLightOnes)
{
    with_cpus(2, [] {
        std::mutex mutex;
        std::set<std::thread::id> threads;
        // Heavy items must not wait for each other: another thread joins only after some were measured as heavy.
        for ([[maybe_unused]] const int x : parmap::stream(std::views::iota(0), [&](int x) {
                 if (x >= 10'000) {
                     keep_busy(heavy);
                     const std::lock_guard lock(mutex);
                     threads.insert(std::this_thread::get_id());
                 }
                 return x;
             })) {
            const std::lock_guard lock(mutex);
            if (threads.size() >= 2) break;
        }
    });
}

TEST(AsCompleted, RunsAsManyItemsAtTheSameTimeAsThereAreWorkers)
{
    const auto check = [](int workers) {
        std::latch all_here(workers);
        int n = 0;
        for ([[maybe_unused]] auto&& x : parmap::as_completed(std::views::iota(0, 10 * workers), [&](int x) {
                 if (x < workers) all_here.arrive_and_wait();
                 return x;
             })) {
            ++n;
        }
        EXPECT_EQ(n, 10 * workers);
    };
    with_cpus(2, [&] { check(2); });
    on_workers(most_workers, [&] { check(most_workers); });
}

TEST(Stream, NeverRunsMoreItemsAtOnceThanThereAreWorkers)
{
    const auto check = [](const auto& make, int workers) {
        std::atomic<int> running{0};
        std::atomic<int> most{0};
        int n = 0;
        for ([[maybe_unused]] auto&& result : make(std::views::iota(0, 3'000), [&](int x) {
                 const int now = ++running;
                 int before = most;
                 while (now > before && !most.compare_exchange_weak(before, now)) {
                 }
                 // Alternately heavy and light, so that the consumer is replaced and helps.
                 if (x / 100 % 2 == 0) keep_busy(heavy);
                 --running;
                 return x;
             })) {
            ++n;
        }
        EXPECT_EQ(n, 3'000);
        EXPECT_LE(most, workers);
    };
    const auto check_both = [&](int workers) {
        check([](auto range, auto fn) { return parmap::stream(range, fn); }, workers);
        check([](auto range, auto fn) { return parmap::as_completed(range, fn); }, workers);
    };
    with_cpus(2, [&] { check_both(2); });
    on_workers(3, [&] { check_both(3); });
}

// Lifetime

TEST(Stream, MayBeLeftMovedOrNeverBegun)
{
    on_some_workers([] {
        {
            const auto unread = parmap::stream(std::views::iota(0), [](int x) { return counted(x); });
        }
        auto stream = parmap::stream(std::views::iota(0), [](int x) { return counted(x); });
        EXPECT_EQ((*stream.begin()).value, 0);
        auto moved = std::move(stream);
        auto it = moved.begin();
        for (int i = 0; i < 100; ++i, ++it) ASSERT_EQ((*it).value, i);
        auto assigned = parmap::stream(std::views::iota(0), [](int x) { return counted(x); });
        auto elsewhere = std::move(moved);
        EXPECT_EQ((*elsewhere.begin()).value, 100);
        static_cast<void>(assigned.begin());
    });
    EXPECT_EQ(counted::alive, 0);
}

TEST(Stream, DestroyedDuringIterationWaitsForTheRunningItems)
{
    on_workers(most_workers, [] {
        for (int round = 0; round < 300; ++round) {
            std::atomic<int> running{0};
            {
                int n = 0;
                for (auto&& x : parmap::stream(std::views::iota(0), [&](int x) {
                         ++running;
                         for (int i = 0; i < x % 5; ++i) std::this_thread::yield();
                         --running;
                         return counted(x);
                     })) {
                    ASSERT_EQ(x.value, n);
                    if (n++ == round % 40) break;
                }
            }
            EXPECT_EQ(running, 0);
            EXPECT_EQ(counted::alive, 0);
        }
    });
}

TEST(Stream, MayBeBegunOnOneThreadAndFinishedOnAnother)
{
    on_workers(most_workers, [] {
        auto stream = parmap::stream(std::views::iota(0, 1'000), doubled);
        EXPECT_EQ(*stream.begin(), 0);
        int n = 0;
        std::jthread([&] {
            for (const int x : stream) ASSERT_EQ(x, 2 * n++);
        }).join();
        EXPECT_EQ(n, 1'000);
    });
}

TEST(Stream, MayBeConsumedInsideMapsAndStreams)
{
    on_some_workers([] {
        const auto sum_of_stream = [](int n) {
            int sum = 0;
            for (const int x : parmap::stream(std::views::iota(0, n), doubled)) sum += x;
            for (auto&& r : parmap::as_completed(std::views::iota(0, n), doubled)) sum += r.value;
            return sum;
        };
        const auto sums = parmap::map(std::views::iota(0, 64), sum_of_stream);
        for (int n = 0; n < 64; ++n) ASSERT_EQ(sums[static_cast<std::size_t>(n)], 2 * n * (n - 1));
        int n = 0;
        for (const int sum : parmap::stream(std::views::iota(0, 64), sum_of_stream)) {
            ASSERT_EQ(sum, 2 * n * (n - 1));
            ++n;
        }
        for (auto&& [index, sum] : parmap::as_completed(std::views::iota(0, 64), sum_of_stream)) {
            const int i = static_cast<int>(index);
            ASSERT_EQ(sum, 2 * i * (i - 1));
        }
    });
}

// Options

TEST(Stream, AStopEndsItWithCancelled)
{
    on_some_workers([] {
        std::stop_source source;
        auto stream = parmap::stream(std::views::iota(0), doubled, {.stop = source.get_token()});
        int n = 0;
        try {
            for ([[maybe_unused]] const int x : stream) {
                if (++n == 10) source.request_stop();
            }
            FAIL() << "it went on";
        } catch (const parmap::cancelled& c) {
            EXPECT_EQ(c.reason(), parmap::stop_reason::stop_requested);
            EXPECT_GE(c.completed(), 10U);
            EXPECT_GE(c.total(), c.completed());
            EXPECT_LE(c.total(), 10U + 4U * most_workers);
        }
        EXPECT_EQ(n, 10);
        EXPECT_TRUE(stream.begin() == stream.end());
    });
}

TEST(Stream, AStopWakesAConsumerThatWaits)
{
    with_cpus(2, [] {
        std::stop_source source;
        // An item requests the stop, and ends only after that.
        auto stream = parmap::as_completed(std::views::iota(0, 2),
                                           [&](int x) {
                                               if (x == 0) source.request_stop();
                                               return x;
                                           },
                                           {.stop = source.get_token()});
        EXPECT_THROW(for ([[maybe_unused]] auto&& x : stream){}, parmap::cancelled);
    });
}

TEST(Stream, ATimeoutEndsIt)
{
    on_some_workers([] {
        int reads = 0;
        auto none = parmap::stream(counter([&](int) { ++reads; }), doubled, {.timeout = 0s});
        EXPECT_THROW(none.begin(), parmap::cancelled);
        EXPECT_EQ(reads, 0);

        const auto begin = std::chrono::steady_clock::now();
        try {
            for ([[maybe_unused]] const int x : parmap::stream(std::views::iota(0), doubled, {.timeout = 5ms})) {
            }
            FAIL() << "it went on";
        } catch (const parmap::cancelled& c) {
            EXPECT_EQ(c.reason(), parmap::stop_reason::timed_out);
            EXPECT_GE(std::chrono::steady_clock::now() - begin, 5ms);
        }
    });
}

TEST(Stream, ReportsItsProgress)
{
    on_some_workers([] {
        const auto consumer = std::this_thread::get_id();
        std::vector<parmap::progress_phase> ends;
        std::uint64_t done = 0;
        std::optional<std::uint64_t> total;
        const auto watch = [&](const parmap::progress_state& s) {
            if (s.phase == parmap::progress_phase::running) return;
            EXPECT_EQ(std::this_thread::get_id(), consumer);
            ends.push_back(s.phase);
            done = s.done;
            total = s.total;
        };
        for ([[maybe_unused]] const int x : parmap::stream(std::views::iota(0, 100), doubled, {.progress = watch})) {
        }
        EXPECT_EQ(ends, std::vector{parmap::progress_phase::finished});
        EXPECT_EQ(done, 100U);
        EXPECT_EQ(total, 100U);

        ends.clear();
        std::atomic<std::uint64_t> returned{0};
        for (const int x : parmap::stream(counter([](int) {}),
                                          [&](int x) {
                                              ++returned;
                                              return x;
                                          },
                                          {.progress = watch})) {
            if (x == 10) break;
        }
        EXPECT_EQ(ends, std::vector{parmap::progress_phase::cancelled});
        EXPECT_EQ(done, returned);
        EXPECT_EQ(total, std::nullopt);

        ends.clear();
        const auto fails = [](int x) {
            if (x == 10) throw item_error{x};
            return x;
        };
        EXPECT_THROW(for ([[maybe_unused]] const int x
                          : parmap::stream(std::views::iota(0, 100), fails, {.progress = watch})){},
                     item_error);
        EXPECT_EQ(ends, std::vector{parmap::progress_phase::failed});
    });
}

TEST(Stream, TheConsumersRoundingModeHoldsInEveryItem)
{
    const auto check = [] {
        // Each stream uses the threads of the one before.
        for (const int wanted : {FE_UPWARD, FE_DOWNWARD, FE_TONEAREST}) {
            std::fesetround(wanted);
            for (const auto& mode : parmap::as_completed(std::views::iota(0, 100), [](int) {
                     keep_busy(heavy);
                     return std::fegetround();
                 })) {
                ASSERT_EQ(mode.value, wanted);
            }
        }
    };
    with_cpus(2, check);
    on_workers(most_workers, check);
}

// Random cases

struct scenario {
    int size;
    int workers;
    std::optional<int> max_workers;
    bool as_completed;
    std::size_t in_flight;
    bool single_pass;
    std::optional<int> item_throws;
    std::optional<int> source_throws;
    std::optional<std::size_t> leaves_after;
    std::optional<int> stops_at;  // the item that requests the stop
    bool with_progress;
    int longest;  // busy rounds of an item
};

std::ostream& operator<<(std::ostream& out, const scenario& s)
{
    const auto show = [](const auto& maybe) { return maybe ? std::to_string(*maybe) : "-"; };
    return out << "size " << s.size << ", workers " << s.workers << ", max_workers " << show(s.max_workers)
               << ", as completed " << s.as_completed << ", in flight " << s.in_flight << ", single pass "
               << s.single_pass << ", item throws at " << show(s.item_throws) << ", source at " << show(s.source_throws)
               << ", leaves after " << show(s.leaves_after) << ", stops at " << show(s.stops_at) << ", longest "
               << s.longest;
}

scenario random_scenario(dice& random)
{
    const auto below = [&](int n) { return static_cast<int>(random.below(static_cast<std::size_t>(n))); };
    scenario s{};
    s.size = below(random.one_in(10) ? 3'000 : random.one_in(4) ? 3 : 200);
    s.workers = 1 + below(most_workers);
    if (random.one_in(5)) s.max_workers = below(2 * most_workers);
    s.as_completed = random.one_in(2);
    s.in_flight = random.one_of<std::size_t>({0, 1, 2, 3, 8, 16, 500});
    s.single_pass = random.one_in(2);
    if (s.size != 0 && random.one_in(4)) s.item_throws = below(s.size);
    if (s.size != 0 && random.one_in(4)) s.source_throws = below(s.size);
    if (s.size != 0 && random.one_in(3)) s.leaves_after = static_cast<std::size_t>(1 + below(s.size));
    if (s.size != 0 && random.one_in(6)) s.stops_at = below(s.size);
    s.with_progress = random.one_in(4);
    s.longest = random.one_in(20) ? 30'000 : random.one_of({0, 100, 3'000});
    return s;
}

int index_of(const std::string& element)
{
    return std::stoi(element);
}

/// Consumes the stream and compares it with the serial loop.
void expect_serial(const scenario& s, auto&& source)
{
    std::vector<std::atomic<int>> runs(static_cast<std::size_t>(s.size));
    std::atomic<std::size_t> returned{0};
    std::stop_source stop;
    const auto item = [&](std::size_t i, const std::string& element) {
        EXPECT_EQ(index_of(element), static_cast<int>(i)) << s;
        ++runs[i];
        if (s.longest != 0) {
            const int rounds = static_cast<int>((i * 7919) % static_cast<std::size_t>(s.longest));
            for (int n = 0; n < rounds; ++n) std::atomic_signal_fence(std::memory_order_seq_cst);
        }
        if (s.stops_at == static_cast<int>(i)) stop.request_stop();
        if (s.item_throws == static_cast<int>(i)) throw item_error{static_cast<int>(i)};
        ++returned;
        return counted(static_cast<int>(i));
    };
    std::optional<parmap::progress_state> last;
    parmap::options options{.max_workers = s.max_workers, .stop = stop.get_token(), .max_in_flight = s.in_flight};
    if (s.with_progress) options.progress = [&](const parmap::progress_state& now) { last = now; };
    std::vector<int> values;
    const auto consume = [&](auto&& results, const auto& value_of) {
        for (auto&& result : results) {
            values.push_back(value_of(result));
            if (values.size() == s.leaves_after) break;
        }
    };
    enum class ending { left, end, item_threw, source_threw, stopped };
    auto ended = ending::end;
    try {
        if (s.as_completed) {
            consume(parmap::as_completed(source, item, options), [&](const auto& r) {
                EXPECT_EQ(static_cast<int>(r.index), r.value.value) << s;
                return r.value.value;
            });
        } else {
            consume(parmap::stream(source, item, options), [](const counted& c) { return c.value; });
        }
        if (values.size() == s.leaves_after) ended = ending::left;
    } catch (const item_error& e) {
        ended = ending::item_threw;
        EXPECT_EQ(e.index, s.item_throws) << s;
    } catch (const source_error&) {
        ended = ending::source_threw;
    } catch (const parmap::cancelled& c) {
        ended = ending::stopped;
        EXPECT_TRUE(s.stops_at) << s;
        EXPECT_EQ(c.reason(), parmap::stop_reason::stop_requested) << s;
        EXPECT_EQ(c.completed(), returned) << s;
    }

    // Where the serial loop would stop.
    const int stops_at = std::min(s.item_throws.value_or(s.size), s.source_throws.value_or(s.size));
    if (!s.as_completed) {
        const bool leaves = s.leaves_after && *s.leaves_after <= static_cast<std::size_t>(stops_at);
        const auto expected = leaves                        ? ending::left
                              : stops_at == s.size          ? ending::end
                              : s.source_throws == stops_at ? ending::source_threw
                                                            : ending::item_threw;
        const int count = leaves ? static_cast<int>(*s.leaves_after) : stops_at;
        if (ended == ending::stopped) {
            ASSERT_LE(static_cast<int>(values.size()), count) << s;
        } else {
            ASSERT_EQ(ended, expected) << s;
            ASSERT_EQ(static_cast<int>(values.size()), count) << s;
        }
        for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], static_cast<int>(i)) << s;
    } else {
        std::ranges::sort(values);
        ASSERT_EQ(std::ranges::adjacent_find(values), values.end()) << s;
        switch (ended) {
            case ending::end:
                ASSERT_EQ(static_cast<int>(values.size()), s.size) << s;
                ASSERT_FALSE(s.item_throws) << s;
                break;
            case ending::source_threw:
                ASSERT_EQ(static_cast<int>(values.size()), s.source_throws) << s;
                break;
            case ending::item_threw:
            case ending::left:
            case ending::stopped:
                break;
        }
    }
    for (const auto& count : runs) ASSERT_LE(count, 1) << s;

    ASSERT_EQ(last.has_value(), s.with_progress) << s;
    if (!last) return;
    using parmap::progress_phase;
    EXPECT_EQ(last->phase, ended == ending::end                                ? progress_phase::finished
                           : ended == ending::left || ended == ending::stopped ? progress_phase::cancelled
                                                                               : progress_phase::failed)
        << s;
    EXPECT_EQ(last->done, returned) << s;
}

void run_scenario(const scenario& s)
{
    std::vector<std::string> texts;
    for (int i = 0; i < s.size; ++i) texts.push_back(std::to_string(i));
    auto source = texts | std::views::transform([&](const std::string& text) {
                      if (s.source_throws == index_of(text)) throw source_error{};
                      return text;
                  });
    if (!s.single_pass) return expect_serial(s, source);
    std::stringstream all;
    for (const std::string& text : texts) all << text << ' ';
    auto single_pass = std::views::istream<std::string>(all) | std::views::transform([&](std::string& text) {
                           if (s.source_throws == index_of(text)) throw source_error{};
                           return std::move(text);
                       });
    expect_serial(s, single_pass);
}

TEST(StreamDifferential, RandomStreamsDoWhatTheSerialLoopDoes)
{
    for_random_cases(10'000, [](dice& random) {
        const scenario s = random_scenario(random);
        on_workers(s.workers, [&] { run_scenario(s); });
        ASSERT_EQ(counted::alive, 0) << s;
    });
}

}  // namespace
