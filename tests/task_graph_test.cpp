// SPDX-License-Identifier: Apache-2.0
// What the steps of a graph get, give and keep, and where they run.
#include <array>
#include <atomic>
#include <bit>
#include <functional>
#include <latch>
#include <list>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

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
using parmap::testing::dot_parser;
using parmap::testing::most_workers;
using parmap::testing::numbers;
using parmap::testing::on_any_number_of_workers;
using parmap::testing::on_workers;
using parmap::testing::slowly;

// Steps and what they read

TEST(TaskGraph, AStepGetsTheResultsOfItsInputsInTheirOrder)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        auto one = graph.add("one", [] { return 1; });
        auto text = graph.add("text", [] { return std::string("two"); });
        auto longer = graph.add(
            "longer", [](const std::string& s) { return s + "!"; }, text);
        auto all = graph.add(
            "all", [](int i, const std::string& a, const std::string& b) { return std::to_string(i) + a + b; }, one,
            longer, text);
        graph.run();
        EXPECT_EQ(all.get(), "1two!two");
        EXPECT_EQ(graph.size(), 4U);
    });
}

TEST(TaskGraph, AVectorOfTasksIsARangeOfTheirResults)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::vector<parmap::task<int>> parts;
        for (int i = 0; i < 100; ++i) parts.push_back(graph.add("part", [i] { return i; }));
        const auto base = graph.add("base", [] { return 1000; });
        const auto sum = graph.add(
            "sum",
            [](parmap::task_results<int> results, int start) {
                EXPECT_EQ(results.size(), 100U);
                for (int i = 0; i < 100; ++i) EXPECT_EQ(results[i], i);
                return std::accumulate(results.begin(), results.end(), start);
            },
            parts, base);
        const auto nothing = graph.add(
            "of none", [](parmap::task_results<int> results) { return results.empty(); },
            std::vector<parmap::task<int>>());
        graph.run();
        EXPECT_EQ(sum.get(), 5950);
        EXPECT_TRUE(nothing.get());
    });
}

TEST(TaskGraph, ATaskWithoutAResultOnlyComesBefore)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::atomic<int> ran{0};
        std::vector<parmap::task<void>> first;
        for (int i = 0; i < 20; ++i) first.push_back(graph.add("first", [&] { ++ran; }));
        const auto last = graph.add("last", [&] { ++ran; });
        const auto seven = graph.add("seven", [] { return 7; });
        const auto after = graph.add(
            "after", [&](int x) { return ran + x; }, first, seven, last);
        graph.run();
        EXPECT_EQ(after.get(), 28);
    });
}

TEST(TaskGraph, AStepMayReadTheSameTaskTwice)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        const auto two = graph.add("two", [] { return 2; });
        const auto square = graph.add("square", std::multiplies<>(), two, two);
        const auto sum = graph.add(
            "sum", [](parmap::task_results<int> all, int x) { return all[0] + all[1] + x; },
            std::vector{square, square}, square);
        graph.run();
        EXPECT_EQ(sum.get(), 12);
    });
}

TEST(TaskGraph, FansOutAndIn)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        const auto source = graph.add("source", [] { return 1; });
        std::vector<parmap::task<int>> layer(50, source);
        for (int depth = 0; depth < 5; ++depth) {
            const auto before = layer;
            for (auto& cell : layer) {
                cell = graph.add(
                    "cell", [](parmap::task_results<int> all) { return (all[0] + all[49]) % 1000; }, before);
            }
        }
        graph.run();
        for (const auto& cell : layer) EXPECT_EQ(cell.get(), 32);
    });
}

TEST(TaskGraph, EveryReaderSeesTheOneResult)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        const auto text = graph.add("text", [] { return std::string(100, 'x'); });
        std::vector<parmap::task<const void*>> seen;
        for (int i = 0; i < 10; ++i) {
            seen.push_back(graph.add(
                "reader", [](const std::string& s) -> const void* { return &s; }, text));
        }
        seen.push_back(graph.add(
            "reader of a vector", [](auto all) -> const void* { return &all[0]; }, std::vector{text}));
        seen.push_back(graph.reduce("first",
                                    graph.map("addresses", text, [](const char& c) -> const void* { return &c; }),
                                    static_cast<const void*>(nullptr),
                                    [](const void* a, const void* b) { return a == nullptr ? b : std::min(a, b); }));
        graph.run();
        for (std::size_t i = 0; i < 11; ++i) EXPECT_EQ(seen[i].get(), &text.get());
        EXPECT_EQ(seen.back().get(), text.get().data()) << "a map reads it in place";
    });
}

TEST(TaskGraph, ResultsMayBeMoveOnly)
{
    parmap::task_graph graph;
    auto owner = graph.add("owner", [] { return std::make_unique<int>(42); });
    const auto read = graph.add(
        "read", [](const std::unique_ptr<int>& p) { return *p; }, owner);
    auto many = graph.map("many", graph.add("list", [] { return numbers(1000); }),
                          [](int x) { return std::make_unique<int>(x); });
    graph.run();
    EXPECT_EQ(read.get(), 42);
    const std::unique_ptr<int> taken = owner.take();
    EXPECT_EQ(*taken, 42);
    const std::vector<std::unique_ptr<int>> all = many.take();
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(*all[static_cast<std::size_t>(i)], i);
}

TEST(TaskGraph, ResultsDecay)
{
    parmap::task_graph graph;
    const std::string outside = "text";
    const auto copy = graph.add("copy", [&]() -> const std::string& { return outside; });
    static_assert(std::is_same_v<decltype(copy), const parmap::task<std::string>>);
    const auto same = graph.add(
        "same", [](const std::string& s) -> const std::string& { return s; }, copy);
    const auto letters = graph.map("letters", copy, [](const char& c) -> const char& { return c; });
    static_assert(std::is_same_v<decltype(letters), const parmap::task<std::vector<char>>>);
    graph.run();
    EXPECT_NE(&copy.get(), &outside);
    EXPECT_NE(&same.get(), &copy.get());
    EXPECT_EQ(same.get(), outside);
    EXPECT_EQ(letters.get(), (std::vector{'t', 'e', 'x', 't'}));
}

TEST(TaskGraph, TakesMemberPointersAndFunctionsThatMoveOnly)
{
    parmap::task_graph graph;
    const auto words = graph.add("words", [p = std::make_unique<int>(3)] {
        return std::vector<std::string>{"a", std::string(static_cast<std::size_t>(*p), 'b')};
    });
    const auto count = graph.add("count", &std::vector<std::string>::size, words);
    const auto sizes = graph.map("sizes", words, &std::string::size);
    const auto longer = graph.map(
        "longer", words, [more = std::make_unique<std::size_t>(10)](const std::string& s) { return s.size() + *more; });
    const auto pair = graph.add("pair", [] { return std::pair(1, 'x'); });
    const auto second = graph.add("second", &std::pair<int, char>::second, pair);
    graph.run();
    EXPECT_EQ(count.get(), 2U);
    EXPECT_EQ(sizes.get(), (std::vector<std::size_t>{1, 3}));
    EXPECT_EQ(longer.get(), (std::vector<std::size_t>{11, 13}));
    EXPECT_EQ(second.get(), 'x');
}

TEST(TaskGraph, AStepMayChangeWhatItsFunctionHolds)
{
    parmap::task_graph graph;
    const auto count = graph.add("count", [n = 0]() mutable { return ++n; });
    graph.run();
    EXPECT_EQ(count.get(), 1);
    graph.reset();
    graph.run();
    EXPECT_EQ(count.get(), 2);
}

TEST(TaskGraph, AMapGivesResultsInOrder)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        const auto list = graph.add("list", [] { return numbers(50'000); });
        const auto tripled = graph.map("triple", list, [](int x) { return 3 * x; });
        const auto numbered =
            graph.map("with the index", tripled, [](std::size_t i, int x) { return x - 3 * static_cast<int>(i); });
        const auto odd = graph.map("odd", list, [](int x) { return x % 2 == 1; });
        graph.run();
        for (int i = 0; i < 50'000; ++i) {
            const auto at = static_cast<std::size_t>(i);
            ASSERT_EQ(tripled.get()[at], 3 * i);
            ASSERT_EQ(numbered.get()[at], 0);
            ASSERT_EQ(odd.get()[at], i % 2 == 1);
        }
    });
}

TEST(TaskGraph, AMapReadsAnyRange)
{
    parmap::task_graph graph;
    const auto list = graph.add("list", [] { return std::list{1, 2, 3}; });
    const auto set = graph.add("set", [] { return std::set{3, 1, 2}; });
    const auto iota = graph.add("iota", [] { return std::views::iota(1, 4); });
    const auto array = graph.add("array", [] { return std::array{1, 2, 3}; });
    const auto bits = graph.add("bits", [] { return std::vector<bool>{true, false}; });
    const auto none = graph.add("none", [] { return std::vector<int>(); });
    const auto plus_one = [](int x) { return x + 1; };
    const std::vector maps{graph.map("", list, plus_one), graph.map("", set, plus_one), graph.map("", iota, plus_one),
                           graph.map("", array, plus_one)};
    const auto flipped = graph.map("flip", bits, std::logical_not<>());
    const auto empty = graph.map("of nothing", none, plus_one);
    graph.run();
    for (const auto& map : maps) EXPECT_EQ(map.get(), (std::vector{2, 3, 4}));
    EXPECT_EQ(flipped.get(), (std::vector{false, true}));
    EXPECT_TRUE(empty.get().empty());
}

TEST(TaskGraph, AMapWithoutResultsOnlyComesBefore)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::atomic<int> sum{0};
        const auto each = graph.map("each", graph.add("list", [] { return numbers(1000); }), [&](int x) { sum += x; });
        static_assert(std::is_same_v<decltype(each), const parmap::task<void>>);
        const auto total = graph.add(
            "total", [&] { return sum.load(); }, each);
        graph.run();
        EXPECT_EQ(total.get(), 499'500);
    });
}

TEST(TaskGraph, AReductionGivesTheBitsOfMapReduce)
{
    std::vector<double> thirds;
    for (int i = 0; i < 20'000; ++i) thirds.push_back(1.0 / (3 + i % 1000));
    const double expected = parmap::map_reduce(thirds, std::identity(), 0.1, std::plus<>());
    ASSERT_NE(expected, std::accumulate(thirds.begin(), thirds.end(), 0.1)) << "rounds alike: says nothing";
    on_any_number_of_workers([&] {
        parmap::task_graph graph;
        const auto list = graph.add("list", [&] { return thirds; });
        const auto sum = graph.reduce("sum", list, 0.1, std::plus<>());
        graph.run();
        EXPECT_EQ(std::bit_cast<std::uint64_t>(sum.get()), std::bit_cast<std::uint64_t>(expected));
    });
}

TEST(TaskGraph, AReductionCombinesInOrderAndBeginsWithInit)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        const auto texts = graph.map("texts", graph.add("list", [] { return numbers(9000); }),
                                     [](int x) { return std::to_string(x) + " "; });
        const auto all = graph.reduce("all", texts, std::string("from "), std::plus<>());
        const auto none = graph.reduce("none", graph.add("none", [] { return std::vector<int>(); }), 7,
                                       [](int, int) -> int { throw coded_error{0}; });
        graph.run();
        std::string expected = "from ";
        for (int i = 0; i < 9000; ++i) expected += std::to_string(i) + " ";
        EXPECT_EQ(all.get(), expected);
        EXPECT_EQ(none.get(), 7);
        graph.reset();
        graph.run();
        EXPECT_EQ(all.get(), expected) << "init is as it was";
    });
}

TEST(TaskGraph, NamesMayBeEmptyAndShared)
{
    parmap::task_graph graph;
    const auto a = graph.add("", [] { return 1; });
    const auto b = graph.add("", [] { return 2; });
    const auto c = graph.add("twin", [] { return 3; });
    const auto d = graph.add("twin", [] { return 4; });
    graph.run();
    EXPECT_EQ(a.name(), "");
    EXPECT_EQ(d.name(), "twin");
    EXPECT_EQ(a.get() + b.get() + c.get() + d.get(), 10);
}

TEST(TaskGraph, AnEmptyGraphRuns)
{
    parmap::task_graph graph;
    graph.run();
    graph.run({.timeout = 0ns});
    graph.reset();
    EXPECT_EQ(graph.size(), 0U);
    EXPECT_TRUE(dot_parser(graph.dot()).parse().nodes.empty());
}

TEST(TaskGraph, HandlesStayGoodWhereTheGraphMoves)
{
    parmap::task_graph first;
    const auto two = first.add("two", [] { return 2; });
    parmap::task_graph second = std::move(first);
    const auto three = second.add(
        "three", [](int x) { return x + 1; }, two);
    second.run();
    EXPECT_EQ(three.get(), 3);
    first = std::move(second);
    const auto four = first.add(
        "four", [](int x) { return x + 1; }, three);
    first.run();
    EXPECT_EQ(four.get(), 4);
}

TEST(TaskGraph, AHandleTellsWhetherItsStepIsDone)
{
    parmap::task_graph graph;
    const auto good = graph.add("good", [] {});
    const auto bad = graph.add("bad", [] { throw coded_error{1}; });
    EXPECT_FALSE(good.done());
    EXPECT_EQ(code_thrown_by(graph, {.max_workers = 1}), 1);
    EXPECT_TRUE(good.done());
    EXPECT_FALSE(bad.done());
    graph.reset();
    EXPECT_FALSE(good.done());
}

// When results are freed

TEST(TaskGraph, AResultIsFreedWhenItsLastReaderIsDone)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::optional source(graph.add("source", [] { return counted(1); }));
        const auto alive_in_reader = [](const counted&) { return counted::alive.load(); };
        const auto reader = graph.add("reader", alive_in_reader, *source);
        const auto last_reader = graph.add(
            "last reader", [](const counted&, int) { return counted::alive.load(); }, *source, reader);
        source.reset();
        const auto later = graph.add(
            "later", [](int) { return counted::alive.load(); }, last_reader);
        graph.run();
        EXPECT_EQ(reader.get(), 1);
        EXPECT_EQ(last_reader.get(), 1);
        EXPECT_EQ(later.get(), 0) << "freed during the run";
    });
}

TEST(TaskGraph, AResultIsKeptAsLongAsThereIsAHandle)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::optional source(graph.add("source", [] { return counted(1); }));
        std::optional copy(*source);
        graph.add(
            "reader", [](const counted&) {}, *source);
        graph.run();
        EXPECT_EQ(counted::alive, 1);
        source.reset();
        EXPECT_EQ(counted::alive, 1);
        EXPECT_EQ(copy->get().value, 1);
        copy.reset();
        EXPECT_EQ(counted::alive, 0) << "freed although the graph lives";
    });
}

TEST(TaskGraph, AHandleMayBeDroppedInsideAStep)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::optional read_here(graph.add("read here", [] { return counted(1); }));
        std::optional read_before(graph.add("read before", [] { return counted(2); }));
        const auto before = graph.add(
            "before", [](const counted&) {}, *read_before);
        const auto inside = graph.add(
            "inside",
            [&](const counted& c) {
                read_here.reset();
                EXPECT_EQ(c.value, 1) << "still read here";
                EXPECT_EQ(counted::alive, 2);
                read_before.reset();
                return counted::alive.load();
            },
            *read_here, before);
        const auto after = graph.add(
            "after", [](int) { return counted::alive.load(); }, inside);
        graph.run();
        EXPECT_EQ(inside.get(), 1) << "freed at once, without readers to come";
        EXPECT_EQ(after.get(), 0);
    });
}

TEST(TaskGraph, AHandleThatIsAssignedToLetsGoOfItsResult)
{
    parmap::task_graph graph;
    auto a = graph.add("a", [] { return counted(1); });
    auto b = graph.add("b", [] { return counted(2); });
    const auto c = graph.add("c", [] { return counted(3); });
    graph.run();
    EXPECT_EQ(counted::alive, 3);
    a = std::move(b);
    EXPECT_EQ(counted::alive, 2);
    EXPECT_EQ(a.get().value, 2);
    a = c;
    EXPECT_EQ(counted::alive, 1);
    EXPECT_EQ(a.get().value, 3);
}

TEST(TaskGraph, AResultThatNobodyWantsIsFreedAtOnce)
{
    parmap::task_graph graph;
    graph.add("unwanted", [] { return counted(1); });
    graph.map("unwanted", graph.add("list", [] { return numbers(100); }), [](int x) { return counted(x); });
    graph.run();
    EXPECT_EQ(counted::alive, 0);
}

TEST(TaskGraph, AChainHoldsOneResultAtATime)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        auto last = graph.add("first", [] { return counted(0); });
        for (int i = 0; i < 1000; ++i) {
            last = graph.add(
                "next",
                [](const counted& before) {
                    EXPECT_EQ(counted::alive, 1);
                    return counted(before.value + 1);
                },
                last);
        }
        graph.run();
        EXPECT_EQ(last.get().value, 1000);
        EXPECT_EQ(counted::alive, 1);
    });
}

TEST(TaskGraph, TheResultsOfAMapAreFreedTogether)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::optional list(graph.add("list", [] { return numbers(1000); }));
        std::optional made(graph.map("make", *list, [](int x) { return counted(x); }));
        std::optional read(graph.map("read", *made, [](const counted& c) { return c.value; }));
        made.reset();
        const auto alive = graph.add(
            "alive", [](const auto&) { return counted::alive.load(); }, *read);
        graph.run();
        EXPECT_EQ(read->get(), numbers(1000));
        EXPECT_EQ(alive.get(), 0);
    });
}

TEST(TaskGraph, AHandleOutlivesTheGraph)
{
    std::optional<parmap::task<counted>> kept;
    {
        parmap::task_graph graph;
        kept = graph.add("kept", [] { return counted(42); });
        graph.add(
            "reader", [](const counted&) {}, *kept);
        const auto dropped = graph.add("dropped", [] { return counted(1); });
        graph.run();
        EXPECT_EQ(counted::alive, 2);
    }
    EXPECT_EQ(counted::alive, 1);
    EXPECT_EQ(kept->get().value, 42);
    EXPECT_EQ(kept->name(), "kept");
    EXPECT_EQ(kept->take().value, 42);
    EXPECT_EQ(counted::alive, 0);
}

TEST(TaskGraph, AResultStaysInPlaceThroughMoreRuns)
{
    parmap::task_graph graph;
    const auto text = graph.add("text", [] { return std::string(100, 'x'); });
    graph.run();
    const std::string& result = text.get();
    const auto size = graph.add("size", &std::string::size, text);
    graph.run();
    EXPECT_EQ(&text.get(), &result);
    EXPECT_EQ(result, std::string(100, 'x'));
    EXPECT_EQ(size.get(), 100U);
}

TEST(TaskGraph, WhatAFailureLeftUnreadIsKeptForTheNextRun)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        bool fail = true;
        int made = 0;
        const auto reads = [&](const counted& c) {
            if (fail) throw coded_error{c.value};
            return c.value;
        };
        const auto read = graph.add("read", reads, graph.add("make", [&] { return counted(++made); }));
        EXPECT_EQ(code_thrown_by(graph), 1);
        EXPECT_EQ(counted::alive, 1);
        fail = false;
        graph.run();
        EXPECT_EQ(read.get(), 1);
        EXPECT_EQ(counted::alive, 0);
    });
}

TEST(TaskGraph, WhatWasBuiltIsDestroyedOnceWhenAStepFails)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        const auto list = graph.add("list", [] { return numbers(5000); });
        const auto made = graph.map("make", list, [](int x) {
            if (x % 1000 == 777) throw coded_error{x};
            return counted(x);
        });
        EXPECT_EQ(code_thrown_by(graph), 777);
        EXPECT_EQ(counted::alive, 0);
    });
}

TEST(TaskGraph, ThrowsWhatTheMoveOfAResultThrows)
{
    parmap::task_graph graph;
    const auto make =
        graph.map("make", graph.add("list", [] { return numbers(100); }), [](int x) { return counted(x); });
    counted::moves_until_throw = 50;
    EXPECT_THROW(graph.run(), std::runtime_error);
    counted::moves_until_throw = -1;
    EXPECT_EQ(counted::alive, 0);
    graph.run();
    EXPECT_EQ(make.get().size(), 100U);
}

// What runs side by side

TEST(TaskGraph, IndependentStepsOverlap)
{
    for (const int workers : {2, 3, most_workers}) {
        on_workers(workers, [&] {
            parmap::task_graph graph;
            std::latch all_here(workers);  // opens only when so many steps run at once
            const auto start = graph.add("start", [] {});
            for (int i = 0; i < workers; ++i)
                graph.add(
                    "step", [&] { all_here.arrive_and_wait(); }, start);
            graph.run();
        });
    }
}

TEST(TaskGraph, NoMoreThreadsThanAskedFor)
{
    on_workers(most_workers, [] {
        parmap::task_graph graph;
        std::mutex guard;
        std::set<std::thread::id> seen;
        std::latch all_here(3);
        const auto look = [&] {
            const std::lock_guard lock(guard);
            seen.insert(std::this_thread::get_id());
        };
        for (int i = 0; i < 3; ++i) graph.add("meet", [&] { all_here.arrive_and_wait(), look(); });
        for (int i = 0; i < 300; ++i) graph.add("step", look);
        graph.map("map", graph.add("list", [] { return numbers(1000); }), [&](int) { look(); });
        graph.run({.max_workers = 3, .grain_size = 1});
        EXPECT_EQ(seen.size(), 3U);
    });
}

TEST(TaskGraph, AMapRunsBesideAFunction)
{
    on_workers(2, [] {
        parmap::task_graph graph;
        std::latch began(1);
        std::latch items(1000);
        graph.add("function", [&] {
            began.count_down();
            items.wait();
        });
        graph.map("map", graph.add("list", [] { return numbers(1000); }), [&](int) {
            began.wait();
            items.count_down();
        });
        graph.run();
    });
}

TEST(TaskGraph, TheItemsOfAMapRunOnAllThreads)
{
    on_workers(most_workers, [] {
        parmap::task_graph graph;
        std::latch all_here(most_workers);
        graph.map("map", graph.add("list", [] { return numbers(most_workers); }),
                  [&](int) { all_here.arrive_and_wait(); });
        graph.run();
    });
}

TEST(TaskGraph, TheNextMapBeginsBesideTheLastItemOfTheOneBefore)
{
    on_workers(2, [] {
        parmap::task_graph graph;
        std::latch both(2);
        const auto list = graph.add("list", [] { return numbers(1); });
        for (int i = 0; i < 2; ++i) graph.map("map", list, [&](int) { both.arrive_and_wait(); });
        graph.run();
    });
}

TEST(TaskGraph, AFunctionThatBecomesReadyIsBegunAtTheEndOfABlock)
{
    on_workers(2, [] {
        parmap::task_graph graph;
        std::latch map_began(1);
        std::latch first_began(1);
        std::latch second_began(1);
        std::atomic<int> items{0};
        const auto list = graph.add("list", [] { return numbers(10'000); });
        // Holds one thread until the other is in the map; that thread then takes the first of the two.
        const auto opens = graph.add(
            "opens", [&](const auto&) { map_began.wait(); }, list);
        graph.map("map", list, [&](std::size_t i, int) {
            if (i == 0) {
                map_began.count_down();
                first_began.wait();
            }
            ++items;
        });
        graph.add(
            "first",
            [&] {
                first_began.count_down();
                second_began.wait();
            },
            opens);
        const auto items_before = graph.add(
            "second",
            [&] {
                const int before = items;  // the other thread goes on with the map once this has begun
                second_began.count_down();
                return before;
            },
            opens);
        graph.run({.grain_size = 1});
        EXPECT_EQ(items_before.get(), 1);
        EXPECT_EQ(items, 10'000);
    });
}

TEST(TaskGraph, ANestedMapRunsOnTheThreadsThatAreIdle)
{
    on_workers(most_workers, [] {
        parmap::task_graph graph;
        const auto sum = graph.add("sum", [] {
            std::latch all_here(most_workers);
            const auto items = parmap::map(numbers(most_workers), [&](int x) {
                all_here.arrive_and_wait();
                return x;
            });
            return std::accumulate(items.begin(), items.end(), 0);
        });
        graph.run();
        EXPECT_EQ(sum.get(), 28);
    });
}

/// A graph in a step of a graph, and so on: the number of steps that ran.
int nested_steps(int depth)
{
    if (depth == 0) return 1;
    parmap::task_graph graph;
    const auto left = graph.add("left", [depth] { return nested_steps(depth - 1); });
    const auto items =
        graph.map("items", graph.add("list", [] { return numbers(10); }), [](int x) { return x >= 0 ? 1 : 0; });
    const auto sum = graph.reduce("sum", items, 0, std::plus<>());
    const auto right = graph.add("right", [depth] { return nested_steps(depth - 1); });
    const auto all = graph.add(
        "all", [](int a, int b, int c) { return a + b + c; }, left, sum, right);
    graph.run();
    return all.get();
}

TEST(TaskGraph, AGraphMayRunInAStepOfAnother)
{
    on_any_number_of_workers([] { EXPECT_EQ(nested_steps(4), 166); });
    on_workers(2, [] {
        parmap::task_graph outer;
        outer.add("step", [] {
            parmap::task_graph inner;
            std::latch both(2);
            for (int i = 0; i < 2; ++i) inner.add("step", [&] { both.arrive_and_wait(); });
            inner.run();
        });
        outer.run();
    });
}

TEST(TaskGraph, AGraphMayRunInAnItemOfAMap)
{
    on_workers(most_workers, [] {
        const auto counts = parmap::map(numbers(20), [](int) { return nested_steps(2); });
        EXPECT_EQ(counts, std::vector<int>(20, 34));
    });
}

thread_local bool in_a_step = false;

/// Fails on a thread that waits in a step for something else.
class step_of_its_own {
public:
    step_of_its_own()
    {
        EXPECT_FALSE(in_a_step) << "a thread that waits inside a step took this up";
        in_a_step = true;
    }
    step_of_its_own(const step_of_its_own&) = delete;
    step_of_its_own& operator=(const step_of_its_own&) = delete;
    ~step_of_its_own() { in_a_step = false; }
};

TEST(TaskGraph, AThreadThatWaitsInsideAStepTakesUpNothingOfTheGraph)
{
    for (const int workers : {2, 3, most_workers}) {
        on_workers(workers, [&] {
            parmap::task_graph graph;
            const auto waits = [] {
                const step_of_its_own here;
                parmap::for_each(numbers(20), slowly, {.grain_size = 1});
            };
            const auto list = graph.add("list", [] { return numbers(10); });
            for (int i = 0; i < 30; ++i) {
                graph.map("map", list, [&](int) { waits(); });
                const auto step = graph.add("step", waits);
                graph.add("next", waits, step);
            }
            graph.run({.grain_size = 1});
            // In an arena that is narrower than the worker count, too.
            graph.reset();
            parmap::testing::with_cpus(most_workers, [&] { graph.run({.grain_size = 1}); });
        });
    }
}

TEST(TaskGraph, AStepMayRunAMapWithALockHeld)
{
    on_any_number_of_workers([] {
        parmap::task_graph graph;
        std::mutex lock;
        const auto locked = [&] {
            const std::lock_guard held(lock);
            parmap::for_each(numbers(10), slowly, {.grain_size = 1});
        };
        const auto list = graph.add("list", [] { return numbers(10); });
        for (int i = 0; i < 20; ++i) {
            graph.add("step", locked);
            graph.map("map", list, [&](int) { locked(); });
            graph.add(
                "later", [&](const auto&) { locked(); }, list);
        }
        graph.run({.grain_size = 1});
    });
}

TEST(TaskGraph, ManyGraphsRunAtOnce)
{
    std::vector<std::jthread> callers;
    for (int i = 0; i < 8; ++i) {
        callers.emplace_back([] {
            for (int k = 0; k < 10; ++k) EXPECT_EQ(nested_steps(2), 34);
        });
    }
}

// One worker

TEST(TaskGraph, OneWorkerRunsInTheOrderOfAdditionOnTheCallingThread)
{
    for (const int workers : {0, 1}) {
        parmap::task_graph graph;
        std::vector<int> order;
        const auto caller = std::this_thread::get_id();
        const auto note = [&](int n) {
            EXPECT_EQ(std::this_thread::get_id(), caller);
            order.push_back(n);
        };
        int expected = 0;
        for (int i = 0; i < 10; ++i) {
            const auto list = graph.add("list", [&note, n = expected++] {
                note(n);
                return numbers(1000);
            });
            graph.map("map", list, [&note, n = expected++](int x) {
                if (x == 999) note(n);
            });
            graph.add(
                "reader", [&note, n = expected++](const auto&) { note(n); }, list);
            graph.add("source", [&note, n = expected++] { note(n); });
        }
        graph.run({.max_workers = workers});
        EXPECT_EQ(order, numbers(40));
    }
}

}  // namespace
