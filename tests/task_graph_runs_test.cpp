// SPDX-License-Identifier: Apache-2.0
// How the run of a graph ends and goes on, what it refuses, and what is told of it.
#include <array>
#include <atomic>
#include <functional>
#include <latch>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <parmap/parmap.hpp>

#include "support/counted.hpp"
#include "support/dot.hpp"
#include "support/graphs.hpp"
#include "support/on_workers.hpp"

namespace {

using namespace std::chrono_literals;
using parmap::testing::code_thrown_by;
using parmap::testing::coded_error;
using parmap::testing::counted;
using parmap::testing::dot_graph;
using parmap::testing::dot_parser;
using parmap::testing::message;
using parmap::testing::most_workers;
using parmap::testing::numbers;
using parmap::testing::on_any_number_of_workers;
using parmap::testing::on_workers;
using parmap::testing::slowly;

// Errors

TEST(TaskGraph, ThrowsWhatTheFailingStepThatWasAddedFirstThrew)
{
    for (const bool first_is_later : {false, true}) {
        for (int run = 0; run < 100; ++run) {
            on_workers(2, [&] {
                parmap::task_graph graph;
                std::latch other_fails(1);
                const auto later = [&](int code) {
                    other_fails.wait();
                    slowly(code);  // most likely until the other has failed
                    throw coded_error{code};
                };
                const auto sooner = [&](int code) {
                    other_fails.count_down();
                    throw coded_error{code};
                };
                graph.add("first", [&] { first_is_later ? later(1) : sooner(1); });
                graph.add("second", [&] { first_is_later ? sooner(2) : later(2); });
                EXPECT_EQ(code_thrown_by(graph), 1);
            });
        }
    }
}

TEST(TaskGraph, StepsBeforeAFailureAreStillBegunAfterIt)
{
    on_workers(2, [] {
        parmap::task_graph graph;
        std::latch other_fails(1);
        std::atomic<int> ran{0};
        auto before = graph.add("holds", [&] { other_fails.wait(); });
        const auto list = graph.add(
            "list", [] { return numbers(100); }, before);
        for (int i = 0; i < 100; ++i)
            before = graph.add(
                "chain", [&] { ++ran; }, before);
        const auto map = graph.map("map", list, [&](int) { ++ran; });
        graph.add(
            "fails later", [] { throw coded_error{1}; }, before, map);
        graph.add("fails sooner", [&] {
            other_fails.count_down();
            throw coded_error{2};
        });
        EXPECT_EQ(code_thrown_by(graph), 1);
        EXPECT_EQ(ran, 200);
    });
}

TEST(TaskGraph, StepsThatDependOnAFailedOneNeverRun)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::atomic<int> ran{0};
        const auto list = graph.add("list", [] { return numbers(10); });
        const auto bad = graph.map("bad", list, [](int x) {
            if (x >= 3) throw coded_error{x};
            return x;
        });
        const auto sum = graph.reduce("sum", bad, 0, std::plus<>());
        const auto count = graph.map("count", bad, [&](int) { return ++ran; });
        graph.add(
            "reader", [&](int, const auto&) { ++ran; }, sum, count);
        graph.add(
            "reader of many", [&](auto) { ++ran; }, std::vector{sum, sum});
        EXPECT_EQ(code_thrown_by(graph), 3) << "the lowest item";
        EXPECT_EQ(ran, 0);
        EXPECT_FALSE(sum.done());
    });
}

TEST(TaskGraph, OneWorkerBeginsNothingAfterAFailure)
{
    parmap::task_graph graph;
    int ran = 0;
    for (int i = 0; i < 10; ++i) {
        graph.add("step", [&, i] {
            ++ran;
            if (i == 4) throw coded_error{i};
        });
    }
    EXPECT_EQ(code_thrown_by(graph, {.max_workers = 1}), 4);
    EXPECT_EQ(ran, 5);
}

constexpr int endless = 2'000'000'000;  // items: longer than any test

TEST(TaskGraph, AFailureEndsTheMapsThatWereAddedAfterIt)
{
    on_workers(2, [] {
        parmap::task_graph graph;
        std::latch map_began(1);
        std::atomic<int> ran{0};
        graph.add("fails", [&] {
            map_began.wait();
            throw coded_error{1};
        });
        graph.map("map", graph.add("list", [] { return std::views::iota(0, endless); }), [&](int x) {
            if (x == 0) map_began.count_down();
            ++ran;
        });
        EXPECT_EQ(code_thrown_by(graph), 1);
        EXPECT_LT(ran, endless);
    });
}

TEST(TaskGraph, ThrowsWhatAnItemThrows)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        const auto list = graph.add("list", [] { return numbers(10'000); });
        graph.map("void", list, [](int x) {
            if (x % 10 == 3) throw coded_error{x};
        });
        EXPECT_EQ(code_thrown_by(graph), 3);
        parmap::task_graph other;
        const auto texts = other.map("texts", other.add("list", [] { return numbers(10'000); }),
                                     [](int x) { return std::to_string(x); });
        other.reduce("all", texts, std::string(), [](std::string a, const std::string& b) {
            if (b == "77") throw coded_error{77};
            return std::move(a += b);
        });
        EXPECT_EQ(code_thrown_by(other), 77);
    });
}

TEST(TaskGraph, ThrowsWhatTheRangeOfAMapThrowsWhileItIsRead)
{
    struct broken_range {
        struct iterator {
            using value_type = int;
            using difference_type = std::ptrdiff_t;
            int at{};
            int operator*() const { return at; }
            iterator& operator++()
            {
                if (++at == 3) throw coded_error{3};
                return *this;
            }
            iterator operator++(int) { return *this; }
            bool operator==(const iterator&) const = default;
        };
        iterator begin() const { return {0}; }
        iterator end() const { return {9}; }
    };
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::atomic<int> ran{0};
        graph.map("map", graph.add("broken", [] { return broken_range(); }), [&](int) { ++ran; });
        EXPECT_EQ(code_thrown_by(graph), 3);
        EXPECT_EQ(ran, 0);
    });
}

TEST(TaskGraph, ThrowsWhatACopyOfInitThrows)
{
    struct init {
        init() = default;
        init(int v) : value(v) {}
        init(init&&) = default;
        init(const init& other) : value(other.value)
        {
            if (value == -1) throw coded_error{value};
        }
        init& operator=(init&&) = default;
        init& operator=(const init&) = default;
        int value{-1};
    };
    parmap::task_graph graph;
    const auto add = [](const init& a, const init& b) { return init(a.value + b.value); };
    graph.reduce("sum", graph.add("list", [] { return numbers(3); }), init(), add);
    EXPECT_EQ(code_thrown_by(graph), -1);
}

TEST(TaskGraph, ThrowsWhatACallInsideAStepThrows)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        graph.add("map inside", [] {
            parmap::for_each(numbers(1000), [](int x) {
                if (x >= 500) throw coded_error{x};
            });
        });
        EXPECT_EQ(code_thrown_by(graph), 500);

        parmap::task_graph outer;
        outer.add("graph inside", [] {
            parmap::task_graph inner;
            inner.add("fails", [] { throw coded_error{7}; });
            inner.run();
        });
        EXPECT_EQ(code_thrown_by(outer), 7);
    });
}

TEST(TaskGraph, ACancelledCallInsideAStepIsThatStepsFailure)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        graph.add("map inside", [] { parmap::for_each(numbers(1000), slowly, {.timeout = 0ns}); });
        EXPECT_EQ(message<parmap::cancelled>([&] { graph.run(); }), "parmap: timed out after 0 of 1000 items");
        EXPECT_NE(graph.dot().find("timed out after 0 of 1000 items"), std::string::npos);
    });
}

// Stop and timeout

TEST(TaskGraph, AStopThatEndsACallInsideAStepLeavesTheStepOut)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::stop_source source;
        bool stops = true;
        const auto first = graph.add("first", [] {});
        const auto map = graph.add(
            "map inside",
            [&] {
                const auto item = [&](int x) {
                    if (stops) source.request_stop();
                    return x;
                };
                const parmap::options options = stops ? parmap::options{.stop = source.get_token()} : parmap::options();
                return parmap::map(numbers(100'000), item, options).size();
            },
            first);
        EXPECT_EQ(message<parmap::cancelled>([&] { graph.run({.stop = source.get_token()}); }),
                  "parmap: stopped on request after 1 of 2 steps");
        EXPECT_NE(graph.dot().find("map inside\\nskipped"), std::string::npos) << graph.dot();
        stops = false;
        graph.run();
        EXPECT_EQ(map.get(), 100'000U);
    });
}

/// What the cancelled run says.
std::optional<parmap::cancelled> cancellation_of(parmap::task_graph& graph, const parmap::options& options)
{
    try {
        graph.run(options);
    } catch (const parmap::cancelled& c) {
        return c;
    }
    return std::nullopt;
}

TEST(TaskGraph, AStopBeforeTheRunRunsNothing)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::atomic<int> ran{0};
        for (int i = 0; i < 3; ++i) graph.add("step", [&] { ++ran; });
        std::stop_source source;
        source.request_stop();
        const auto c = cancellation_of(graph, {.stop = source.get_token()});
        ASSERT_TRUE(c);
        EXPECT_EQ(c->reason(), parmap::stop_reason::stop_requested);
        EXPECT_EQ(c->completed(), 0U);
        EXPECT_EQ(c->total(), 3U);
        EXPECT_EQ(ran, 0);
    });
}

TEST(TaskGraph, ATimeoutOfZeroRunsNothing)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::atomic<int> ran{0};
        graph.map("map", graph.add("list", [] { return numbers(3); }), [&](int) { ++ran; });
        const auto c = cancellation_of(graph, {.timeout = 0ns});
        ASSERT_TRUE(c);
        EXPECT_EQ(c->reason(), parmap::stop_reason::timed_out);
        EXPECT_EQ(c->completed(), 0U);
        EXPECT_EQ(c->total(), 2U);
        EXPECT_EQ(ran, 0);
    });
}

TEST(TaskGraph, AStopFromInsideAStepLeavesOutTheRest)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::stop_source source;
        auto last = graph.add("first", [] {});
        for (int i = 1; i < 10; ++i) {
            last = graph.add(
                "step",
                [&, i] {
                    if (i == 4) source.request_stop();
                },
                last);
        }
        const auto c = cancellation_of(graph, {.stop = source.get_token()});
        ASSERT_TRUE(c);
        EXPECT_EQ(c->completed(), 5U);
        EXPECT_EQ(c->total(), 10U);
    });
}

TEST(TaskGraph, AStopWhileAMapRunsLeavesOutItsItems)
{
    on_any_number_of_workers([] {
        for (const bool reduces : {false, true}) {
            parmap::task_graph graph;
            std::stop_source source;
            std::atomic<int> ran{0};
            std::atomic<int> read{0};
            // A stop is seen after a leaf of a reduction, a 4096th of all.
            const int size = reduces ? 4'096'000 : endless;
            const auto list = graph.add("list", [size] { return std::views::iota(0, size); });
            const auto stops = [&] {
                if (++ran == 1000) source.request_stop();
                // So that nobody comes to the end before that thread has come to its request.
                while (ran >= 1000 && !source.stop_requested()) std::this_thread::yield();
            };
            if (reduces) {
                const auto sum = graph.reduce("sum", list, 0, [&](int, int b) {
                    stops();
                    return b;
                });
                graph.add(
                    "reader", [&](int) { ++read; }, sum);
            } else {
                graph.add(
                    "reader", [&] { ++read; }, graph.map("map", list, [&](int) { stops(); }));
            }
            const auto c = cancellation_of(graph, {.stop = source.get_token()});
            ASSERT_TRUE(c);
            EXPECT_EQ(c->completed(), 1U);
            EXPECT_EQ(c->total(), 3U);
            EXPECT_LT(ran, size);
            EXPECT_EQ(read, 0);
        }
    });
}

TEST(TaskGraph, AStopFromAnotherThreadEndsTheRun)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::latch began(1);
        std::stop_source source;
        graph.map("map", graph.add("list", [] { return std::views::iota(0, endless); }), [&](int x) {
            if (x == 0) began.count_down();
            while (!source.stop_requested()) std::this_thread::yield();
        });
        const std::jthread other([&] {
            began.wait();
            source.request_stop();
        });
        const auto c = cancellation_of(graph, {.stop = source.get_token()});
        ASSERT_TRUE(c);
        EXPECT_EQ(c->reason(), parmap::stop_reason::stop_requested);
    });
}

TEST(TaskGraph, ATimeoutEndsTheRun)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::atomic<int> ran{0};  // items without any effect are left out by the compiler, and over in no time
        graph.map("map", graph.add("list", [] { return std::views::iota(0, endless); }), [&](int) { ++ran; });
        const auto c = cancellation_of(graph, {.timeout = 20ms});
        ASSERT_TRUE(c);
        EXPECT_EQ(c->reason(), parmap::stop_reason::timed_out);
        EXPECT_EQ(c->total(), 2U);
    });
}

TEST(TaskGraph, AStopThatLeavesNothingOutIsNoError)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::stop_source source;
        const auto last = graph.add("last", [&] { return source.request_stop(); });
        graph.run({.stop = source.get_token()});
        EXPECT_TRUE(last.get());
    });
}

TEST(TaskGraph, AnErrorComesBeforeAStop)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::stop_source source;
        graph.add("fails", [&] {
            source.request_stop();
            throw coded_error{1};
        });
        graph.add("later", [] {});
        EXPECT_EQ(code_thrown_by(graph, {.stop = source.get_token()}), 1);
    });
}

// Running again

TEST(TaskGraph, ARunAfterAFailureKeepsWhatWasComputed)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        bool fail = true;
        std::array<std::atomic<int>, 4> calls{};
        const auto list = graph.add("list", [&] {
            ++calls[0];
            return numbers(100);
        });
        const auto map = graph.map("map", list, [&](int x) {
            ++calls[1];
            return x;
        });
        const auto flaky = graph.add(
            "flaky",
            [&](const std::vector<int>& v) {
                ++calls[2];
                if (fail) throw coded_error{1};
                return v.size();
            },
            map);
        const auto last = graph.add(
            "last",
            [&](std::size_t n) {
                ++calls[3];
                return n + 1;
            },
            flaky);
        EXPECT_EQ(code_thrown_by(graph), 1);
        EXPECT_EQ(code_thrown_by(graph), 1);
        fail = false;
        graph.run();
        EXPECT_EQ(last.get(), 101U);
        EXPECT_EQ(calls[0], 1);
        EXPECT_EQ(calls[1], 100);
        EXPECT_EQ(calls[2], 3);
        EXPECT_EQ(calls[3], 1);
    });
}

TEST(TaskGraph, ARunAfterAStopKeepsWhatWasComputed)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::stop_source source;
        int calls = 0;
        const auto first = graph.add("first", [&] {
            source.request_stop();
            return ++calls;
        });
        const auto second = graph.add(
            "second", [](int x) { return x + 1; }, first);
        EXPECT_TRUE(cancellation_of(graph, {.stop = source.get_token()}));
        EXPECT_TRUE(first.done());
        EXPECT_FALSE(second.done());
        graph.run();
        EXPECT_EQ(second.get(), 2);
        EXPECT_EQ(calls, 1);
    });
}

TEST(TaskGraph, ResetRunsEverythingAfresh)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::atomic<int> calls{0};
        const auto source = graph.add("source", [&] { return counted(++calls); });
        const auto reader = graph.add(
            "reader", [](const counted& c) { return c.value; }, source);
        for (int run = 1; run <= 3; ++run) {
            graph.run();
            EXPECT_EQ(source.get().value, run);
            EXPECT_EQ(reader.get(), run);
            graph.reset();
            EXPECT_EQ(counted::alive, 0);
            EXPECT_THROW(source.get(), std::logic_error);
        }
        // Also where results were freed, taken, or never made.
        graph.add("fails", [] { throw coded_error{1}; });
        EXPECT_EQ(code_thrown_by(graph, {.max_workers = 1}), 1);
        auto taken = source;
        EXPECT_EQ(taken.take().value, 4);
        graph.reset();
        EXPECT_EQ(code_thrown_by(graph, {.max_workers = 1}), 1);
        EXPECT_EQ(source.get().value, 5);
        EXPECT_EQ(reader.get(), 5);
    });
    EXPECT_EQ(counted::alive, 0);
}

TEST(TaskGraph, AResetGraphFreesResultsAsTheFirstTime)
{
    parmap::task_graph graph;
    std::optional source(graph.add("source", [] { return counted(1); }));
    const auto reader = graph.add(
        "reader", [](const counted& c) { return c.value; }, *source);
    graph.run();
    graph.reset();
    source.reset();
    const auto after = graph.add(
        "after", [](int) { return counted::alive.load(); }, reader);
    for (int run = 0; run < 3; ++run) {
        graph.run();
        EXPECT_EQ(reader.get(), 1);
        EXPECT_EQ(after.get(), 0);
        graph.reset();
    }
}

TEST(TaskGraph, ARunOfAGraphThatIsDoneDoesNothing)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::atomic<int> calls{0};
        graph.map("map", graph.add("list", [] { return numbers(10); }), [&](int) { ++calls; });
        graph.add("step", [&] { ++calls; });
        std::stop_source source;
        source.request_stop();
        graph.run();
        graph.run();
        graph.run({.timeout = 0ns});
        graph.run({.stop = source.get_token()});
        EXPECT_EQ(calls, 11);
    });
}

TEST(TaskGraph, StepsMayBeAddedAfterARun)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        int calls = 0;
        auto last = graph.add("first", [&] { return ++calls; });
        for (int run = 1; run <= 5; ++run) {
            graph.run();
            EXPECT_EQ(last.get(), run);
            last = graph.add(
                "next", [](int x) { return x + 1; }, last);
        }
        graph.run();
        EXPECT_EQ(last.get(), 6);
        EXPECT_EQ(calls, 1);
    });
}

// What is refused

TEST(TaskGraph, RefusesAHandleOfAnotherGraph)
{
    parmap::task_graph graph;
    const auto refusal = [&](const auto& foreign) {
        return message<std::invalid_argument>([&] {
            graph.add(
                "sum", [](int) {}, foreign);
        });
    };
    const std::string expected =
        "parmap: step \"sum\" cannot read step 2 (\"theirs\"), which is of another graph: a step's inputs "
        "are "
        "handles of its own graph";
    std::optional<parmap::task_graph> other(std::in_place);
    other->add("first", [] {});
    const auto theirs = other->add("theirs", [] { return 1; });
    EXPECT_EQ(refusal(theirs), expected);
    EXPECT_EQ(message<std::invalid_argument>([&] {
                  graph.add(
                      "sum", [](auto) {}, std::vector{theirs});
              }),
              expected);
    other.reset();
    EXPECT_EQ(refusal(theirs), expected);
    other.emplace();  // as likely as not where the first one was
    EXPECT_EQ(message<std::invalid_argument>([&] {
                  other->add(
                      "sum", [](int) {}, theirs);
              }),
              expected);
    EXPECT_EQ(message<std::invalid_argument>([&] {
                  graph.reduce("sum", graph.map("map", graph.add("list", [] { return numbers(1); }), std::identity()),
                               0, std::plus<>());
                  graph.map("sum", other->add("list", [] { return numbers(1); }), [](int) {});
              }),
              "parmap: step \"sum\" cannot read step 1 (\"list\"), which is of another graph: a step's inputs are "
              "handles of its own graph");
    EXPECT_EQ(graph.size(), 3U) << "what was refused is not there";
    graph.run();
}

TEST(TaskGraph, RefusesAHandleThatWasMovedFrom)
{
    parmap::task_graph graph;
    auto first = graph.add("first", [] { return 1; });
    const auto moved = std::move(first);
    const std::string expected = "parmap: an input of step \"sum\" is a handle that was moved from";
    EXPECT_EQ(message<std::invalid_argument>([&] {
                  graph.add(
                      "sum", [](int) {}, first);
              }),
              expected);
    EXPECT_EQ(message<std::invalid_argument>([&] {
                  graph.add(
                      "sum", [](auto) {}, std::vector{moved, first});
              }),
              expected);
    EXPECT_EQ(message<std::logic_error>([&] { static_cast<void>(first.get()); }),
              "parmap: there is no result: the handle was moved from");
    EXPECT_FALSE(first.done());
    first = moved;
    const auto sum = graph.add("sum", std::plus<>(), first, moved);
    graph.run();
    EXPECT_EQ(sum.get(), 2);
}

TEST(TaskGraph, RefusesAResultThatIsNotThere)
{
    parmap::task_graph graph;
    auto good = graph.add("good", [] { return 1; });
    const auto bad = graph.add("bad", []() -> int { throw coded_error{1}; });
    const auto left_out = graph.add("left out", std::negate<>(), bad);
    const auto refusal = [](const parmap::task<int>& task) {
        return message<std::logic_error>([&] { static_cast<void>(task.get()); });
    };
    EXPECT_EQ(refusal(good), "parmap: there is no result of step 1 (\"good\"): it has not run: call run() first");
    EXPECT_EQ(code_thrown_by(graph), 1);
    EXPECT_EQ(refusal(bad), "parmap: there is no result of step 2 (\"bad\"): it failed: run() threw its error");
    EXPECT_EQ(refusal(left_out),
              "parmap: there is no result of step 3 (\"left out\"): the last run ended without it: call "
              "run() again");
    EXPECT_EQ(good.take(), 1);
    EXPECT_EQ(refusal(good),
              "parmap: there is no result of step 1 (\"good\"): it was taken: reset() has it computed again");
    EXPECT_EQ(message<std::logic_error>([&] { good.take(); }), refusal(good));
    graph.reset();
    EXPECT_EQ(refusal(bad), "parmap: there is no result of step 2 (\"bad\"): it has not run: call run() first");
}

TEST(TaskGraph, RefusesTheResultOfAStepThatRuns)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::optional<parmap::task<int>> self;
        self = graph.add("self", [&] { return self->get(); });
        EXPECT_EQ(message<std::logic_error>([&] { graph.run(); }),
                  "parmap: there is no result of step 1 (\"self\"): it is running: name it as an input of the step "
                  "that needs its result");
    });
}

TEST(TaskGraph, RefusesToRunAStepThatReadsWhatWasTaken)
{
    parmap::task_graph graph;
    std::atomic<int> calls{0};
    auto taken = graph.add("taken", [] { return 1; });
    graph.add(
        "has run", [](int) {}, taken);
    graph.run();
    EXPECT_EQ(taken.take(), 1);
    graph.run();
    const auto reader = graph.add(
        "reader", [](int x) { return x; }, taken);
    graph.add("other", [&] { ++calls; });
    EXPECT_EQ(message<std::logic_error>([&] { graph.run(); }),
              "parmap: step 3 (\"reader\") reads the result of step 1 (\"taken\"), which was taken: reset() has it "
              "computed again");
    EXPECT_EQ(calls, 0) << "nothing ran";
    graph.reset();
    graph.run();
    EXPECT_EQ(reader.get(), 1);
}

TEST(TaskGraph, RefusesToChangeOrRunWhileItRuns)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        const std::string running = "parmap: the task graph is running already: wait until run() returns";
        const auto expect_refusals = [&] {
            EXPECT_EQ(message<std::logic_error>([&] { graph.add("late", [] {}); }),
                      "parmap: step \"late\" cannot be added while the graph runs: wait until run() returns");
            EXPECT_EQ(message<std::logic_error>([&] { graph.run(); }), running);
            EXPECT_EQ(message<std::logic_error>([&] { graph.reset(); }), running);
        };
        graph.add("step", expect_refusals);
        graph.map("map", graph.add("list", [] { return numbers(3); }), [&](int) { expect_refusals(); });
        graph.run();
        EXPECT_EQ(graph.size(), 3U);
        graph.add("fails", [] { throw coded_error{1}; });
        EXPECT_EQ(code_thrown_by(graph), 1);
        graph.add("not late", [] {});
        graph.reset();
    });
}

TEST(TaskGraph, RefusesNegativeWorkersByName)
{
    parmap::task_graph graph;
    int calls = 0;
    graph.add("step", [&] { ++calls; });
    EXPECT_NE(message<std::invalid_argument>([&] { graph.run({.max_workers = -3}); }).find("max_workers is -3"),
              std::string::npos);
    EXPECT_EQ(calls, 0);
    graph.run();
    EXPECT_EQ(calls, 1);
}

// Large graphs

/// Calls `body` on a thread that has no stack to go deep on.
void on_a_small_stack(const std::function<void()>& body)
{
    pthread_attr_t attributes;
    ASSERT_EQ(::pthread_attr_init(&attributes), 0);
    ASSERT_EQ(::pthread_attr_setstacksize(&attributes, 128 * 1024), 0);
    pthread_t thread{};
    const auto run = [](void* function) -> void* {
        (*static_cast<const std::function<void()>*>(function))();
        return nullptr;
    };
    std::function<void()> copy = body;
    ASSERT_EQ(::pthread_create(&thread, &attributes, run, &copy), 0);
    ::pthread_attr_destroy(&attributes);
    ::pthread_join(thread, nullptr);
}

constexpr int many = 100'000;

TEST(TaskGraph, AChainOfAHundredThousandStepsNeedsNoStack)
{
    for (const int workers : {1, 2, most_workers}) {
        on_a_small_stack([&] {
            on_workers(workers, [] {
                parmap::task_graph graph;
                auto last = graph.add("first", [] { return counted(0); });
                for (int i = 1; i < many; ++i) {
                    last = graph.add(
                        "next", [](const counted& c) { return counted(c.value + 1); }, last);
                }
                graph.run();
                EXPECT_EQ(last.get().value, many - 1);
                EXPECT_EQ(counted::alive, 1);
                graph.reset();
                EXPECT_EQ(counted::alive, 0);
            });
        });
    }
}

TEST(TaskGraph, AHundredThousandStepsFanOutAndIn)
{
    for (const int workers : {1, 2, most_workers}) {
        on_a_small_stack([&] {
            on_workers(workers, [] {
                parmap::task_graph graph;
                const auto source = graph.add("source", [] { return 1; });
                std::vector<parmap::task<int>> cells;
                for (int i = 0; i < many; ++i) {
                    cells.push_back(graph.add(
                        "cell", [i](int one) { return i % 10 + one; }, source));
                }
                const auto sum = graph.add(
                    "sum", [](parmap::task_results<int> all) { return std::accumulate(all.begin(), all.end(), 0); },
                    cells);
                cells.clear();
                graph.run();
                EXPECT_EQ(sum.get(), 55 * many / 10);
            });
        });
    }
}

// Progress

/// What a run tells a function.
class told {
public:
    parmap::progress_sink sink()
    {
        return [this](const parmap::progress_state& state) {
            EXPECT_EQ(last_.phase, parmap::progress_phase::running) << "nothing comes after the end";
            EXPECT_GE(state.done, last_.done);
            EXPECT_LE(state.done, state.total.value_or(0));
            last_ = state;
        };
    }

    void expect_end(std::uint64_t done, std::uint64_t total, parmap::progress_phase phase) const
    {
        EXPECT_EQ(last_.done, done);
        EXPECT_EQ(last_.total, total);
        EXPECT_EQ(last_.phase, phase);
        EXPECT_EQ(last_.busy, 0);
    }

private:
    parmap::progress_state last_{};
};

TEST(TaskGraph, ProgressCountsSteps)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        const auto list = graph.add("list", [] { return numbers(1000); });
        const auto map = graph.map("map", list, [](int x) { return x; });
        for (int i = 0; i < 20; ++i) graph.reduce("sum", map, 0, std::plus<>());
        told report;
        graph.run({.progress = report.sink()});
        report.expect_end(22, 22, parmap::progress_phase::finished);
        told again;
        graph.run({.progress = again.sink()});
        again.expect_end(22, 22, parmap::progress_phase::finished);
    });
}

TEST(TaskGraph, ProgressOfAnotherRunBeginsWithWhatIsDone)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        bool fail = true;
        for (int i = 0; i < 5; ++i) graph.add("good", [] {});
        const auto flaky = graph.add("flaky", [&] {
            if (fail) throw coded_error{1};
        });
        graph.add(
            "left out", [] {}, flaky);
        for (int run = 0; run < 2; ++run) {
            told report;
            EXPECT_EQ(code_thrown_by(graph, {.progress = report.sink()}), 1);
            report.expect_end(5, 7, parmap::progress_phase::failed);
        }
        told stopped;
        EXPECT_TRUE(cancellation_of(graph, {.progress = stopped.sink(), .timeout = 0ns}));
        stopped.expect_end(5, 7, parmap::progress_phase::cancelled);
        fail = false;
        told resumed;
        graph.run({.progress = resumed.sink()});
        resumed.expect_end(7, 7, parmap::progress_phase::finished);
    });
}

// Its picture

/// The picture of a node after its name.
std::string outcome_of(const dot_graph& picture, const std::string& node, const std::string& name)
{
    const std::string& label = picture.nodes.at(node).at("label");
    EXPECT_TRUE(label.starts_with(name)) << label;
    return label.substr(std::min(name.size(), label.size()));
}

std::string colour_of(const dot_graph& picture, const std::string& node)
{
    return picture.nodes.at(node).at("fillcolor");
}

TEST(TaskGraph, ThePictureShowsStepsAndInputs)
{
    parmap::task_graph graph;
    const auto a = graph.add("a", [] { return numbers(3); });
    const auto b = graph.map("b", a, std::identity());
    graph.add(
        "c", [](const auto&, const auto&, auto) {}, b, a, std::vector{b});
    const auto picture = dot_parser(graph.dot()).parse();
    ASSERT_EQ(picture.nodes.size(), 3U);
    for (const auto& [node, attributes] : picture.nodes) EXPECT_EQ(attributes.at("fillcolor"), "white");
    EXPECT_EQ(outcome_of(picture, "s1", "b"), "");
    const std::vector<std::pair<std::string, std::string>> edges{
        {"s0", "s1"}, {"s1", "s2"}, {"s0", "s2"}, {"s1", "s2"}};
    EXPECT_EQ(picture.edges, edges);
}

/// A time in words, as at the end of `text`.
bool ends_with_a_time(const std::string& text)
{
    for (const char* unit : {" ns", " us", " ms", " s"}) {
        if (text.ends_with(unit) && text.size() > std::string(unit).size()) {
            return std::isdigit(static_cast<unsigned char>(text[text.size() - std::string(unit).size() - 1])) != 0;
        }
    }
    return false;
}

TEST(TaskGraph, ThePictureShowsWhatBecameOfEachStep)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        const auto list = graph.add("list", [] { return numbers(123); });
        const auto map = graph.map("map", list, [](int x) { return x; });
        const auto sum = graph.reduce("sum", map, 0, std::plus<>());
        const auto bad = graph.add(
            "bad", [](int) -> int { throw std::runtime_error("it broke"); }, sum);
        graph.add(
            "left out", [](int) {}, bad);
        EXPECT_THROW(graph.run(), std::runtime_error);
        const auto picture = dot_parser(graph.dot()).parse();
        EXPECT_EQ(colour_of(picture, "s0"), "palegreen");
        EXPECT_TRUE(ends_with_a_time(outcome_of(picture, "s0", "list\n"))) << graph.dot();
        for (const auto& [node, name] : {std::pair("s1", "map\n"), std::pair("s2", "sum\n")}) {
            EXPECT_EQ(colour_of(picture, node), "palegreen");
            EXPECT_TRUE(outcome_of(picture, node, name).starts_with("123 items, ")) << graph.dot();
            EXPECT_TRUE(ends_with_a_time(outcome_of(picture, node, name))) << graph.dot();
        }
        EXPECT_EQ(colour_of(picture, "s3"), "lightcoral");
        EXPECT_TRUE(outcome_of(picture, "s3", "bad\n").starts_with("failed after ")) << graph.dot();
        EXPECT_TRUE(outcome_of(picture, "s3", "bad\n").ends_with(": it broke")) << graph.dot();
        EXPECT_EQ(colour_of(picture, "s4"), "lightgrey");
        EXPECT_EQ(outcome_of(picture, "s4", "left out"), "\nskipped");
        graph.reset();
        const auto fresh = dot_parser(graph.dot()).parse();
        for (const auto& [node, attributes] : fresh.nodes) EXPECT_EQ(attributes.at("fillcolor"), "white");
    });
}

TEST(TaskGraph, ThePictureOfARunShowsWhatRuns)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        const auto before = graph.add("before", [] { return 1; });
        const auto drawn = graph.add(
            "draw", [&graph](int) { return graph.dot(); }, before);
        graph.add(
            "after", [](const std::string&) {}, drawn);
        graph.run();
        const auto picture = dot_parser(drawn.get()).parse();
        EXPECT_EQ(colour_of(picture, "s0"), "palegreen");
        EXPECT_EQ(colour_of(picture, "s1"), "lightyellow");
        EXPECT_EQ(outcome_of(picture, "s1", "draw\n"), "running");
        EXPECT_EQ(colour_of(picture, "s2"), "white");
    });
}

TEST(TaskGraph, ThePictureOfAStopShowsWhatItLeftOut)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::stop_source source;
        const auto list = graph.add("list", [] { return std::views::iota(0, endless); });
        graph.map("map", list, [&](int) { source.request_stop(); });
        EXPECT_TRUE(cancellation_of(graph, {.stop = source.get_token()}));
        const auto picture = dot_parser(graph.dot()).parse();
        EXPECT_EQ(colour_of(picture, "s0"), "palegreen");
        EXPECT_EQ(colour_of(picture, "s1"), "lightgrey");
    });
}

TEST(TaskGraph, ThePictureIsValidWhateverTheNames)
{
    parmap::task_graph graph;
    const std::vector<std::string> names{"a \"quoted\" name",
                                         "back\\slash at the end\\",
                                         "a&amp;b",
                                         "two\nlines",
                                         "\\n no line",
                                         "];}",
                                         "",
                                         "\\\"",
                                         "->",
                                         "\\N\\G\\l"};
    for (const std::string& name : names) {
        graph.add(name, [&name] { throw std::runtime_error(name); });
    }
    for (const bool ran : {false, true}) {
        if (ran) {
            EXPECT_THROW(graph.run({.max_workers = 1}), std::runtime_error);
        }
        const auto picture = dot_parser(graph.dot()).parse();
        ASSERT_EQ(picture.nodes.size(), names.size());
        for (std::size_t i = 0; i < names.size(); ++i) {
            const std::string outcome = outcome_of(picture, fmt::format("s{}", i), names[i]);
            EXPECT_TRUE(i != 0 || !ran || outcome.ends_with(": " + names[i])) << outcome;
        }
    }
}

TEST(TaskGraph, ThePictureShowsAnErrorOfAnyType)
{
    parmap::task_graph graph;
    graph.add("bad", [] { throw coded_error{1}; });
    EXPECT_EQ(code_thrown_by(graph), 1);
    EXPECT_TRUE(outcome_of(dot_parser(graph.dot()).parse(), "s0", "bad").ends_with(": unknown exception"));
}

}  // namespace
