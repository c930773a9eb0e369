// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <forward_list>
#include <functional>
#include <latch>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <parmap/map.hpp>
#include <parmap/vector.hpp>

#include "support/counted.hpp"
#include "support/keep_busy.hpp"
#include "support/on_workers.hpp"

namespace {

using namespace std::chrono_literals;
using parmap::testing::counted;
using parmap::testing::keep_busy;
using parmap::testing::most_workers;
using parmap::testing::on_workers;
using parmap::testing::with_cpus;

std::vector<int> numbers(int n)
{
    std::vector<int> v(static_cast<std::size_t>(n));
    std::iota(v.begin(), v.end(), 0);
    return v;
}

struct coded_error {
    int code;
};

int doubled(int x)
{
    return 2 * x;
}

// How fn is called

TEST(Map, GivesResultsInInputOrder)
{
    on_workers(most_workers, [] {
        const auto results = parmap::map(numbers(100'000), [](int x) { return 3 * x; });
        ASSERT_EQ(results.size(), 100'000U);
        for (int i = 0; i < 100'000; ++i) ASSERT_EQ(results[static_cast<std::size_t>(i)], 3 * i);
    });
}

TEST(Map, TakesAFunctionPointer)
{
    EXPECT_EQ(parmap::map(numbers(3), doubled), (std::vector{0, 2, 4}));
    EXPECT_EQ(parmap::map(numbers(3), &doubled), (std::vector{0, 2, 4}));
}

TEST(Map, TakesMemberPointers)
{
    const std::vector<std::string> words{"one", "three"};
    EXPECT_EQ(parmap::map(words, &std::string::size), (std::vector<std::size_t>{3, 5}));
    const std::vector<std::pair<int, char>> pairs{{1, 'a'}, {2, 'b'}};
    EXPECT_EQ(parmap::map(pairs, &std::pair<int, char>::second), (std::vector{'a', 'b'}));
}

TEST(Map, PassesTheIndexToAFunctionOfTwo)
{
    const std::vector<std::string> words{"a", "b", "c"};
    const auto numbered =
        parmap::map(words, [](std::size_t i, const std::string& word) { return std::to_string(i) + word; });
    EXPECT_EQ(numbered, (std::vector<std::string>{"0a", "1b", "2c"}));
}

TEST(Map, PrefersTheElementAlone)
{
    struct both {
        int operator()(int x) const { return x; }
        int operator()(std::size_t, int) const { return -1; }
    };
    EXPECT_EQ(parmap::map(numbers(3), both{}), numbers(3));
}

TEST(Map, TakesAMoveOnlyFunction)
{
    EXPECT_EQ(parmap::map(numbers(2), [p = std::make_unique<int>(10)](int x) { return x + *p; }),
              (std::vector{10, 11}));
}

TEST(Map, KeepsWhatAFunctionReturnsByReferenceIntoAnElement)
{
    const auto words = std::views::iota(0, 3) |
                       std::views::transform([](int i) { return std::string(100, static_cast<char>('a' + i)); });
    const auto same = parmap::map(words, std::identity());
    for (int i = 0; i < 3; ++i) EXPECT_EQ(same[static_cast<std::size_t>(i)], words[i]);
}

TEST(Map, ReturnsVoidForAVoidFunction)
{
    std::atomic<int> sum{0};
    static_assert(std::is_void_v<decltype(parmap::map(numbers(1), [](int) {}))>);
    parmap::map(numbers(100), [&](int x) { sum += x; });
    EXPECT_EQ(sum, 4950);
}

// What may be mapped

TEST(Map, ReadsForwardRangesThroughTheirIterators)
{
    std::list<int> list{1, 2, 3};
    parmap::for_each(list, [](int& x) { x *= 10; });
    EXPECT_EQ(list, (std::list{10, 20, 30}));
    const std::forward_list<int> forward{1, 2, 3};
    EXPECT_EQ(parmap::map(forward, doubled), (std::vector{2, 4, 6}));
    const std::map<int, std::string> by_key{{1, "one"}, {2, "two"}};
    EXPECT_EQ(parmap::map(by_key, [](const auto& entry) { return entry.second; }),
              (std::vector<std::string>{"one", "two"}));
}

TEST(Map, CollectsSinglePassRanges)
{
    std::istringstream words("a bb ccc");
    const auto lengths = parmap::map(std::views::istream<std::string>(words), [](std::string& word) {
        word += "!";  // the elements are references to what the range read
        return word.size();
    });
    EXPECT_EQ(lengths, (std::vector<std::size_t>{2, 3, 4}));
}

TEST(Map, CollectsSinglePassBools)
{
    std::istringstream bits("1 0 1");
    EXPECT_EQ(parmap::map(std::views::istream<bool>(bits), [](bool b) { return b ? 'y' : 'n'; }),
              (std::vector{'y', 'n', 'y'}));
}

TEST(Map, ReadsViewsInPlace)
{
    EXPECT_EQ(parmap::map(std::views::iota(0, 4), doubled), (std::vector{0, 2, 4, 6}));
    EXPECT_EQ(parmap::map(std::views::iota(std::uint64_t{1} << 63, (std::uint64_t{1} << 63) + 2),
                          [](std::uint64_t x) { return x; }),
              (std::vector{std::uint64_t{1} << 63, (std::uint64_t{1} << 63) + 1}));
    const auto v = numbers(6);
    EXPECT_EQ(parmap::map(v | std::views::reverse | std::views::take(2), doubled), (std::vector{10, 8}));
    auto odd = v | std::views::filter([](int x) { return x % 2 == 1; });
    EXPECT_EQ(parmap::map(odd, doubled), (std::vector{2, 6, 10}));
    const int plain[] = {4, 5};
    EXPECT_EQ(parmap::map(plain, doubled), (std::vector{8, 10}));
    EXPECT_EQ(parmap::map(std::deque<int>(1000, 7), doubled), std::vector<int>(1000, 14));
}

TEST(Map, ReadsBitsOfAVectorOfBool)
{
    const std::vector<bool> bits{true, false, true};
    EXPECT_EQ(parmap::map(bits, [](bool b) { return !b; }), (std::vector<bool>{false, true, false}));
}

TEST(Map, GivesNothingForAnEmptyRange)
{
    const std::vector<int> none;
    EXPECT_TRUE(parmap::map(none, doubled).empty());
    EXPECT_TRUE(parmap::map(none, [](int x) { return counted(x); }).empty());
    parmap::for_each(none, [](int) { FAIL(); });
    EXPECT_TRUE(parmap::map(none, doubled, {.timeout = 0ns}).empty());
    EXPECT_THROW(parmap::map(none, doubled, {.max_workers = -1}), std::invalid_argument);
}

TEST(Map, RunsARangeOfOne)
{
    EXPECT_EQ(parmap::map(std::vector{21}, doubled), std::vector{42});
}

TEST(Map, RunsTwoMillionOneByteItems)
{
    on_workers(most_workers, [] {
        const std::vector<std::uint8_t> bytes(2'000'000, 3);
        const auto plus = parmap::map(bytes, [](std::uint8_t b) { return static_cast<std::uint8_t>(b + 1); });
        EXPECT_EQ(plus, std::vector<std::uint8_t>(2'000'000, 4));
    });
}

TEST(Map, ThrowsWhatTheRangeThrowsWhileItIsRead)
{
    struct broken_iterator {
        using value_type = int;
        using difference_type = std::ptrdiff_t;
        int at{};
        int operator*() const { return at; }
        broken_iterator& operator++()
        {
            if (++at == 3) throw coded_error{3};
            return *this;
        }
        broken_iterator operator++(int) { return *this; }
        bool operator==(const broken_iterator&) const = default;
    };
    std::atomic<int> ran{0};
    try {
        parmap::for_each(std::ranges::subrange(broken_iterator{0}, broken_iterator{9}), [&](int) { ++ran; });
        FAIL();
    } catch (const coded_error& e) {
        EXPECT_EQ(e.code, 3);
    }
    EXPECT_EQ(ran, 0);
}

TEST(Map, ThrowsWhatADereferenceThrows)
{
    const auto v = numbers(1000);
    const auto odd_one = v | std::views::transform([](int x) {
                             if (x == 500) throw coded_error{x};
                             return x;
                         });
    on_workers(4, [&] {
        try {
            parmap::map(odd_one, doubled);
            FAIL();
        } catch (const coded_error& e) {
            EXPECT_EQ(e.code, 500);
        }
    });
}

// Results

TEST(Map, GivesMoveOnlyResults)
{
    const auto results = parmap::map(numbers(1000), [](int x) { return std::make_unique<int>(x); });
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(*results[static_cast<std::size_t>(i)], i);
}

TEST(Map, GivesResultsThatCannotBeDefaultConstructed)
{
    {
        const auto results = parmap::map(numbers(1000), [](int x) { return counted(x); });
        for (int i = 0; i < 1000; ++i) ASSERT_EQ(results[static_cast<std::size_t>(i)].value, i);
        EXPECT_EQ(counted::alive, 1000);
    }
    EXPECT_EQ(counted::alive, 0);
}

TEST(Map, GivesOverAlignedResults)
{
    struct alignas(256) wide {
        int value;
    };
    const auto results = parmap::map(numbers(100), [](int x) { return wide{x}; });
    for (int i = 0; i < 100; ++i) {
        const wide& result = results[static_cast<std::size_t>(i)];
        ASSERT_EQ(result.value, i);
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(&result) % 256, 0U);
    }
}

TEST(Map, GivesBools)
{
    on_workers(most_workers, [] {
        const std::vector<bool> odd = parmap::map(numbers(50'000), [](int x) { return x % 2 == 1; });
        for (int i = 0; i < 50'000; ++i) ASSERT_EQ(odd[static_cast<std::size_t>(i)], i % 2 == 1);
    });
}

TEST(Map, DecaysReferences)
{
    const std::vector<std::string> words{"a", "b"};
    const auto copies = parmap::map(words, [](const std::string& word) -> const std::string& { return word; });
    static_assert(std::is_same_v<decltype(copies), const std::vector<std::string>>);
    EXPECT_EQ(copies, words);
}

TEST(Map, DestroysWhatWasBuiltExactlyOnceWhenAnItemThrows)
{
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [] {
            EXPECT_THROW(parmap::map(numbers(5000),
                                     [](int x) {
                                         if (x % 1000 == 777) throw coded_error{x};
                                         return counted(x);
                                     }),
                         coded_error);
            EXPECT_EQ(counted::alive, 0);
        });
    }
}

TEST(Map, DestroysWhatWasBuiltExactlyOnceWhenAMoveThrows)
{
    counted::moves_until_throw = 500;
    EXPECT_THROW(parmap::map(numbers(1000), [](int x) { return counted(x); }), std::runtime_error);
    counted::moves_until_throw = -1;
    EXPECT_EQ(counted::alive, 0);
}

TEST(Map, ThrowsWhatAnAssignmentOfAResultThrows)
{
    struct fragile {
        fragile() = default;
        explicit fragile(int v) : value(v) {}
        fragile(fragile&&) = default;
        fragile& operator=(fragile&& other)
        {
            if (other.value == 42) throw coded_error{42};
            value = other.value;
            return *this;
        }
        int value{};
    };
    EXPECT_THROW(parmap::map(numbers(100), [](int x) { return fragile(x); }), coded_error);
}

TEST(Map, ThrowsWhatACopyOfAResultThrows)
{
    struct uncopyable_42 {
        explicit uncopyable_42(int v) : value(v) {}
        uncopyable_42(const uncopyable_42& other) : value(other.value)
        {
            if (value == 42) throw coded_error{42};
        }
        int value;
    };
    std::vector<uncopyable_42> values;
    values.reserve(100);
    for (int i = 0; i < 100; ++i) values.emplace_back(i);
    EXPECT_THROW(parmap::map(values, [](const uncopyable_42& v) -> const uncopyable_42& { return v; }), coded_error);
}

template <class T>
struct no_room {
    using value_type = T;
    T* allocate(std::size_t) { throw std::bad_alloc(); }
    void deallocate(T*, std::size_t) {}
    friend bool operator==(no_room, no_room) { return true; }
};

TEST(Map, ThrowsBadAllocWhenTheResultHasNoRoom)
{
    std::atomic<int> ran{0};
    EXPECT_THROW((parmap::map_to<std::vector<int, no_room<int>>>(numbers(10), [&](int) { return ++ran; })),
                 std::bad_alloc);
    EXPECT_EQ(ran, 0);
}

TEST(MapTo, FillsAnyContainer)
{
    EXPECT_EQ(parmap::map_to<std::deque<int>>(numbers(3), doubled), (std::deque{0, 2, 4}));
    EXPECT_EQ(parmap::map_to<std::list<int>>(numbers(3), doubled), (std::list{0, 2, 4}));
    EXPECT_EQ(parmap::map_to<std::set<int>>(numbers(6), [](int x) { return x % 3; }), (std::set{0, 1, 2}));
    EXPECT_EQ(parmap::map_to<std::vector<bool>>(numbers(3), [](int x) { return x == 1; }),
              (std::vector<bool>{false, true, false}));
    const auto wide = parmap::map_to<parmap::vector<double>>(numbers(3), doubled);
    EXPECT_EQ(std::vector<double>(wide.begin(), wide.end()), (std::vector<double>{0, 2, 4}));
    EXPECT_EQ((parmap::map_to<std::map<int, int>>(numbers(2), [](int x) { return std::pair(x, -x); })),
              (std::map<int, int>{{0, 0}, {1, -1}}));
}

// map_into

TEST(MapInto, AssignsEachResultToItsPlace)
{
    std::vector<int> out(1000);
    parmap::map_into(numbers(1000), out, doubled);
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(out[static_cast<std::size_t>(i)], 2 * i);
    std::list<int> list(3);
    parmap::map_into(numbers(3), list, doubled);
    EXPECT_EQ(list, (std::list{0, 2, 4}));
    parmap::map_into(numbers(3), std::span(out).first(3), [](int x) { return -x; });
    EXPECT_EQ(out[2], -2);
}

TEST(MapInto, RefusesAnOutputOfAnotherLength)
{
    std::vector<int> out(9);
    std::atomic<int> ran{0};
    try {
        parmap::map_into(numbers(10), out, [&](int) { return ++ran; });
        FAIL();
    } catch (const std::invalid_argument& e) {
        EXPECT_NE(std::string(e.what()).find("10 elements do not fit an output of 9"), std::string::npos) << e.what();
    }
    EXPECT_EQ(ran, 0);
}

// Workers

TEST(Options, NegativeWorkersAreRefusedByName)
{
    try {
        parmap::for_each(numbers(3), doubled, {.max_workers = -2});
        FAIL();
    } catch (const std::invalid_argument& e) {
        EXPECT_NE(std::string(e.what()).find("max_workers is -2"), std::string::npos) << e.what();
    }
}

TEST(Options, ZeroAndOneWorkerRunOnTheCallingThreadInOrder)
{
    for (const int workers : {0, 1}) {
        std::vector<int> order;
        const auto caller = std::this_thread::get_id();
        parmap::for_each(numbers(1000),
                         [&](int x) {
                             ASSERT_EQ(std::this_thread::get_id(), caller);
                             order.push_back(x);
                         },
                         {.max_workers = workers});
        EXPECT_EQ(order, numbers(1000));
    }
}

TEST(Options, WorkersAreCappedByTheCpus)
{
    with_cpus(1, [] {
        const auto caller = std::this_thread::get_id();
        parmap::for_each(numbers(1000), [&](int) { ASSERT_EQ(std::this_thread::get_id(), caller); },
                         {.max_workers = 64});
    });
}

TEST(Options, AllWorkersRunItemsSideBySide)
{
    on_workers(most_workers, [] {
        std::latch all_here(most_workers);  // opens only when that many items run at once
        parmap::for_each(numbers(most_workers), [&](int) { all_here.arrive_and_wait(); });
    });
}

TEST(Options, NoMoreWorkersThanAskedFor)
{
    on_workers(most_workers, [] {
        std::mutex guard;
        std::set<std::thread::id> seen;
        std::latch all_here(3);
        parmap::for_each(numbers(3000),
                         [&](std::size_t i, int) {
                             if (i < 3) all_here.arrive_and_wait();
                             const std::lock_guard lock(guard);
                             seen.insert(std::this_thread::get_id());
                         },
                         {.max_workers = 3, .grain_size = 1});
        EXPECT_EQ(seen.size(), 3U);
    });
}

TEST(Options, GrainSizeIsTheLengthOfABlock)
{
    on_workers(most_workers, [] {
        std::vector<std::thread::id> ran_on(1000);
        parmap::for_each(numbers(1000), [&](std::size_t i, int) { ran_on[i] = std::this_thread::get_id(); },
                         {.grain_size = 50});
        for (std::size_t i = 0; i < 1000; ++i) ASSERT_EQ(ran_on[i], ran_on[i / 50 * 50]);
    });
}

// Errors

TEST(Errors, MapThrowsTheLowestFailingIndex)
{
    for (int run = 0; run < 1000; ++run) {
        on_workers(most_workers, [] {
            try {
                parmap::map(numbers(64),
                            [](int x) {
                                if (x % 10 == 3) throw coded_error{x};  // 3, 13, 23 ...
                                return x;
                            },
                            {.grain_size = 1});
                FAIL();
            } catch (const coded_error& e) {
                ASSERT_EQ(e.code, 3);
            }
        });
    }
}

TEST(Errors, ALowerItemThatFailsLaterIsTheOneThrown)
{
    on_workers(2, [] {
        std::latch second_failed(1);
        try {
            parmap::for_each(numbers(2), [&](int x) {
                if (x == 0) second_failed.wait();  // fails only after item 1 has
                if (x == 1) second_failed.count_down();
                throw coded_error{x};
            });
            FAIL();
        } catch (const coded_error& e) {
            EXPECT_EQ(e.code, 0);
        }
    });
}

TEST(Errors, EveryItemMayFail)
{
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [] {
            try {
                parmap::for_each(numbers(10'000), [](int x) { throw coded_error{x}; });
                FAIL();
            } catch (const coded_error& e) {
                EXPECT_EQ(e.code, 0);
            }
        });
    }
}

TEST(Errors, TheFirstAndTheLastItemMayFail)
{
    for (const int at : {0, 9999}) {
        on_workers(most_workers, [&] {
            try {
                parmap::for_each(numbers(10'000), [&](int x) {
                    if (x == at) throw coded_error{x};
                });
                FAIL();
            } catch (const coded_error& e) {
                EXPECT_EQ(e.code, at);
            }
        });
    }
}

TEST(Errors, NothingIsStartedAfterTheFailureButTheBlocksInFlight)
{
    on_workers(most_workers, [] {
        // Every worker is in an item when item 0 fails, and stays there until the progress shows that the failing
        // worker has left its block. No other item may start.
        std::latch all_here(most_workers);
        std::atomic<bool> failed{false};
        std::atomic<bool> seen{false};
        std::atomic<int> started{0};
        const auto watch = [&](const parmap::progress_state& state) {
            if (failed && state.busy < most_workers) {
                seen = true;
                seen.notify_all();
            }
        };
        EXPECT_THROW(parmap::for_each(numbers(10'000),
                                      [&](int x) {
                                          ++started;
                                          all_here.arrive_and_wait();
                                          if (x == 0) {
                                              failed = true;
                                              throw coded_error{0};
                                          }
                                          seen.wait(false);
                                      },
                                      {.progress = watch, .grain_size = 1}),
                     coded_error);
        EXPECT_EQ(started, most_workers);
    });
}

TEST(Errors, TheTypeAndTextArriveUnwrapped)
{
    try {
        parmap::map(numbers(10), [](int x) -> int { throw std::out_of_range("item " + std::to_string(x)); });
        FAIL();
    } catch (const std::out_of_range& e) {
        EXPECT_STREQ(e.what(), "item 0");
    }
    EXPECT_THROW(parmap::map(numbers(10), [](int) -> int { throw 7; }), int);
}

TEST(Errors, AFailureBeatsAStop)
{
    on_workers(4, [] {
        std::stop_source source;
        EXPECT_THROW(parmap::for_each(numbers(1000),
                                      [&](int x) {
                                          if (x == 10) {
                                              source.request_stop();
                                              throw coded_error{x};
                                          }
                                      },
                                      {.stop = source.get_token()}),
                     coded_error);
    });
}

// Stop and timeout

TEST(Stop, BeforeTheCallNothingRuns)
{
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [] {
            std::stop_source source;
            source.request_stop();
            std::atomic<int> ran{0};
            try {
                parmap::for_each(numbers(1000), [&](int) { ++ran; }, {.stop = source.get_token()});
                FAIL();
            } catch (const parmap::cancelled& c) {
                EXPECT_EQ(c.reason(), parmap::stop_reason::stop_requested);
                EXPECT_EQ(c.completed(), 0U);
                EXPECT_EQ(c.total(), 1000U);
                EXPECT_STREQ(c.what(), "parmap: stopped on request after 0 of 1000 items");
            }
            EXPECT_EQ(ran, 0);
        });
    }
}

TEST(Stop, DuringTheCallTheCountIsExact)
{
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [] {
            std::stop_source source;
            std::atomic<std::size_t> ran{0};
            try {
                parmap::for_each(numbers(1'000'000),
                                 [&](int x) {
                                     if (x == 100) source.request_stop();
                                     ++ran;
                                 },
                                 {.stop = source.get_token(), .grain_size = 10});
                FAIL();
            } catch (const parmap::cancelled& c) {
                EXPECT_EQ(c.completed(), ran);
                EXPECT_LT(c.completed(), c.total());
            }
        });
    }
}

TEST(Stop, InTheLastItemChangesNothing)
{
    std::stop_source source;
    const auto results = parmap::map(numbers(100),
                                     [&](int x) {
                                         if (x == 99) source.request_stop();
                                         return x;
                                     },
                                     {.stop = source.get_token(), .grain_size = 1});
    EXPECT_EQ(results, numbers(100));
}

TEST(Timeout, ZeroOrLessRunsNothing)
{
    for (const auto timeout : {0ns, -1ns, std::chrono::nanoseconds::min()}) {
        for (const int workers : {1, 4}) {
            on_workers(workers, [&] {
                std::atomic<int> ran{0};
                try {
                    parmap::for_each(numbers(10), [&](int) { ++ran; }, {.timeout = timeout});
                    FAIL();
                } catch (const parmap::cancelled& c) {
                    EXPECT_EQ(c.reason(), parmap::stop_reason::timed_out);
                    EXPECT_STREQ(c.what(), "parmap: timed out after 0 of 10 items");
                }
                EXPECT_EQ(ran, 0);
            });
        }
    }
}

TEST(Timeout, EndsACallAfterTheItemsInProgress)
{
    for (const int workers : {1, 4}) {
        on_workers(workers, [] {
            // Every item takes longer than the timeout, so each worker runs at most one.
            const auto slow = [](int) { keep_busy(2ms); };
            EXPECT_THROW(parmap::for_each(numbers(1'000'000), slow, {.timeout = 1ms}), parmap::cancelled);
        });
    }
}

TEST(Timeout, TheLongestDurationIsNoTimeout)
{
    EXPECT_EQ(parmap::map(numbers(10), doubled, {.timeout = std::chrono::nanoseconds::max()}).size(), 10U);
}

TEST(Timeout, CoversReadingTheRange)
{
    std::istringstream source("1 2 3");
    auto slow_to_read = std::views::istream<int>(source) | std::views::transform([](int x) {
                            keep_busy(2ms);
                            return x;
                        });
    std::atomic<int> ran{0};
    EXPECT_THROW(parmap::for_each(slow_to_read, [&](int) { ++ran; }, {.timeout = 1ms}), parmap::cancelled);
    EXPECT_EQ(ran, 0);
}

}  // namespace
