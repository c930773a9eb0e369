// SPDX-License-Identifier: Apache-2.0
// The content of a trace, read back from its file and checked against the Trace Event Format.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <latch>
#include <map>
#include <optional>
#include <random>
#include <ranges>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <parmap/parmap.hpp>

#include "support/leave_child.hpp"
#include "support/on_workers.hpp"
#include "support/random_cases.hpp"
#include "support/temporary_folder.hpp"
#include "trace/lane.hpp"
#include "trace/recorder.hpp"

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using parmap::detail::trace_category;
using parmap::detail::trace_event;
using parmap::detail::trace_lane;
using parmap::detail::trace_recorder;
using parmap::detail::trace_span;
using parmap::testing::dice;
using parmap::testing::for_random_cases;
using parmap::testing::most_workers;
using parmap::testing::on_workers;
using parmap::testing::temporary_file;

/// A complete event, in nanoseconds.
struct ran {
    std::string name;
    std::string category;
    int thread;
    std::int64_t begin;
    std::int64_t end;
    std::size_t items;
    std::size_t blocks;
};

std::int64_t nanoseconds(const json& microseconds)
{
    return std::llround(microseconds.get<double>() * 1000);
}

/// A trace that is read from a file, which must follow the format.
class trace {
public:
    explicit trace(const std::string& path)
    {
        std::ifstream file(path);
        const json all = json::parse(file);
        EXPECT_EQ(all.at("displayTimeUnit"), "ms");
        for (const json& event : all.at("traceEvents")) add(event);
        EXPECT_EQ(process_names.size(), 1U);
        for (const ran& event : events) EXPECT_TRUE(thread_names.contains(event.thread));
        expect_to_nest();
    }

    std::size_t count(std::string_view category) const
    {
        return static_cast<std::size_t>(
            std::ranges::count_if(events, [&](const ran& event) { return event.category == category; }));
    }

    /// The sum of the items or blocks of all events of a category; with a name, only of events with that name.
    std::size_t sum(std::size_t ran::*number, std::string_view category, std::string_view name = "") const
    {
        std::size_t total = 0;
        for (const ran& event : events) {
            if (event.category == category && (name.empty() || event.name == name)) total += event.*number;
        }
        return total;
    }

    std::vector<ran> events;
    std::map<int, std::string> thread_names;
    std::vector<std::string> process_names;

private:
    void add(const json& event)
    {
        const std::string name = event.at("name").get<std::string>();
        const std::string phase = event.at("ph").get<std::string>();
        EXPECT_EQ(event.at("pid").get<int>(), ::getpid());
        const int thread = event.at("tid").get<int>();
        EXPECT_GE(event.at("ts").get<double>(), 0);
        const json& args = event.at("args");
        if (phase == "M" && name == "process_name") {
            process_names.push_back(args.at("name").get<std::string>());
        } else if (phase == "M") {
            EXPECT_EQ(name, "thread_name");
            EXPECT_TRUE(thread_names.emplace(thread, args.at("name").get<std::string>()).second);
        } else {
            EXPECT_EQ(phase, "X");
            EXPECT_GE(event.at("dur").get<double>(), 0);
            const std::int64_t begin = nanoseconds(event.at("ts"));
            events.push_back({.name = name,
                              .category = event.at("cat").get<std::string>(),
                              .thread = thread,
                              .begin = begin,
                              .end = begin + nanoseconds(event.at("dur")),
                              .items = args.at("items").get<std::size_t>(),
                              .blocks = args.value("blocks", std::size_t{1})});
        }
    }

    /// Viewers draw an event below the one that contains it, and cannot show two that overlap.
    void expect_to_nest() const
    {
        std::map<int, std::vector<ran>> open;
        for (const ran& event : events) {  // by begin, the longer first
            std::vector<ran>& around = open[event.thread];
            while (!around.empty() && around.back().end <= event.begin) around.pop_back();
            if (!around.empty()) {
                EXPECT_GE(event.begin, around.back().begin);
                EXPECT_LE(event.end, around.back().end)
                    << event.name << " of thread " << event.thread << " from " << event.begin << " to " << event.end
                    << " overlaps " << around.back().name << " from " << around.back().begin;
            }
            around.push_back(event);
        }
    }
};

TEST(Trace, ACallStandsOnItsThreadAndItsBlocksOnTheirs)
{
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [&] {
            const temporary_file file;
            parmap::for_each(std::views::iota(0, 10'000), [](int) {}, {.trace = file.path()});
            const trace read(file.path());
            EXPECT_EQ(read.count("call"), 1U);
            EXPECT_EQ(read.sum(&ran::items, "call"), 10'000U);
            EXPECT_EQ(read.sum(&ran::items, "block"), 10'000U);
            for (const ran& event : read.events) {
                EXPECT_EQ(event.name, "map");
                EXPECT_TRUE(event.category == "block" || event.thread == ::gettid());
            }
            EXPECT_LE(read.thread_names.size(), static_cast<std::size_t>(workers));
        });
    }
}

TEST(Trace, EveryWorkerThatRanSomethingHasARow)
{
    on_workers(most_workers, [] {
        const temporary_file file;
        std::latch all_here(most_workers);
        parmap::for_each(std::views::iota(0, most_workers), [&](int) { all_here.arrive_and_wait(); },
                         {.grain_size = 1, .trace = file.path()});
        const trace read(file.path());
        EXPECT_EQ(read.thread_names.size(), static_cast<std::size_t>(most_workers));
        EXPECT_EQ(read.count("block"), static_cast<std::size_t>(most_workers));
        for (const auto& [thread, name] : read.thread_names) EXPECT_FALSE(name.empty());
    });
}

TEST(Trace, ASerialRunIsSeenInBlocks)
{
    const temporary_file file;
    parmap::for_each(std::views::iota(0, 100), [](int) {}, {.max_workers = 1, .grain_size = 10, .trace = file.path()});
    const trace read(file.path());
    EXPECT_EQ(read.sum(&ran::blocks, "block"), 10U);
    EXPECT_EQ(read.sum(&ran::items, "block"), 100U);
}

TEST(Trace, AnEmptyRangeIsACallWithoutBlocks)
{
    const temporary_file file;
    parmap::for_each(std::vector<int>{}, [](int) {}, {.trace = file.path()});
    const trace read(file.path());
    EXPECT_EQ(read.count("call"), 1U);
    EXPECT_EQ(read.count("block"), 0U);
}

/// A random call, and what its trace must contain.
class random_call {
public:
    explicit random_call(dice& random)
        : size_(random.below(3'000)),
          workers_(1 + static_cast<int>(random.below(most_workers))),
          grain_(random.one_in(3) ? 0 : 1 + random.below(100)),
          algorithm_(static_cast<int>(random.below(5))),
          throws_at_(random.one_in(2) ? size_ : random.below(size_ + 1)),
          stops_at_(random.one_in(3) ? random.below(size_ + 1) : size_)
    {
    }

    void expect_every_item_that_began_in_the_trace()
    {
        const temporary_file file;
        try {
            run({.max_workers = workers_, .stop = stop_.get_token(), .grain_size = grain_, .trace = file.path()});
        } catch (const std::runtime_error&) {
        }
        const trace read(file.path());
        EXPECT_EQ(read.sum(&ran::items, "block"), began_.load());
        EXPECT_EQ(read.count("call"), 1U);
        EXPECT_LE(read.sum(&ran::items, "call"), began_.load());
    }

private:
    int item(std::size_t i)
    {
        ++began_;
        if (i == stops_at_) stop_.request_stop();
        if (i == throws_at_) throw std::runtime_error("no");
        return 1;
    }

    void run(const parmap::options& options)
    {
        const auto items = std::views::iota(std::size_t{0}, size_);
        const auto fn = [this](std::size_t i) { return item(i); };
        std::vector<int> out(size_);
        switch (algorithm_) {
            case 0:
                return parmap::for_each(items, fn, options);
            case 1:
                return static_cast<void>(parmap::map(items, fn, options));
            case 2:
                return static_cast<void>(parmap::try_map(items, fn, options));
            case 3:
                return static_cast<void>(parmap::map_reduce(items, fn, 0, std::plus<>(), options));
            default:
                return parmap::map_into(items, out, fn, options);
        }
    }

    std::size_t size_;
    int workers_;
    std::size_t grain_;
    int algorithm_;
    std::size_t throws_at_;
    std::size_t stops_at_;
    std::stop_source stop_;
    std::atomic<std::size_t> began_{0};
};

TEST(Trace, TheItemsOfAllBlocksOfRandomCallsAreThoseThatBegan)
{
    for_random_cases(300, [](dice& random) {
        random_call call(random);
        on_workers(most_workers, [&] { call.expect_every_item_that_began_in_the_trace(); });
    });
}

TEST(Trace, CallsAtOnceShareATimeline)
{
    const temporary_file file;
    {
        const parmap::trace_file both(file.path());
        std::latch all_here(2);
        const auto call = [&](const char* label) {
            all_here.arrive_and_wait();
            parmap::for_each(
                std::views::iota(0, 1'000), [](int) {},
                {.progress = parmap::progress_bar{.label = label, .style = parmap::bar_style::off}, .trace = both});
        };
        std::jthread other([&] { call("other"); });
        call("one");
    }
    const trace read(file.path());
    EXPECT_EQ(read.count("call"), 2U);
    for (const char* const name : {"one", "other"}) {
        EXPECT_EQ(read.sum(&ran::items, "call", name), 1'000U);
        EXPECT_EQ(read.sum(&ran::items, "block", name), 1'000U);
    }
}

TEST(Trace, OfOneThreadThatUsesTwoInTurnHasOneLane)
{
    const temporary_file one;
    const temporary_file other;
    {
        const parmap::trace_file to_one(one.path());
        const parmap::trace_file to_other(other.path());
        for (int i = 0; i < 10; ++i) {
            parmap::for_each(std::views::iota(0, 5), [](int) {}, {.max_workers = 1, .trace = to_one});
            parmap::for_each(std::views::iota(0, 7), [](int) {}, {.max_workers = 1, .trace = to_other});
        }
    }
    const trace of_one(one.path());
    EXPECT_EQ(of_one.thread_names.size(), 1U);
    EXPECT_EQ(of_one.sum(&ran::items, "call"), 50U);
    const trace of_other(other.path());
    EXPECT_EQ(of_other.thread_names.size(), 1U);
    EXPECT_EQ(of_other.sum(&ran::items, "call"), 70U);
}

TEST(Trace, NestedCallsStandWithinTheBlocksThatCalledThem)
{
    on_workers(most_workers, [] {
        const temporary_file file;
        {
            const parmap::trace_file all(file.path());
            const parmap::progress_bar inner{.label = "inner", .style = parmap::bar_style::off};
            parmap::for_each(
                std::views::iota(0, 100),
                [&](int) { parmap::for_each(std::views::iota(0, 100), [](int) {}, {.progress = inner, .trace = all}); },
                {.trace = all});
        }
        const trace read(file.path());
        EXPECT_EQ(read.count("call"), 101U);
        EXPECT_EQ(read.sum(&ran::items, "block", "map"), 100U);
        EXPECT_EQ(read.sum(&ran::items, "block", "inner"), 10'000U);
    });
}

TEST(Trace, TheItemsOfAStreamAreInIt)
{
    for (const int workers : {1, 2, most_workers}) {
        on_workers(workers, [] {
            const temporary_file file;
            {
                const parmap::trace_file all(file.path());
                for (auto&& i : parmap::stream(std::views::iota(0, 2'000), std::identity(), {.trace = all})) {
                    // The consumer makes calls of its own between the items that it runs.
                    if (i % 100 == 0) parmap::for_each(std::views::iota(0, 10), [](int) {}, {.trace = all});
                }
                for (auto&& done : parmap::as_completed(
                         std::views::iota(0, 2'000), std::identity(),
                         {.progress = parmap::progress_bar{.label = "any", .style = parmap::bar_style::off},
                         .trace = all})) {
                    static_cast<void>(done);
                }
            }
            const trace read(file.path());
            EXPECT_EQ(read.sum(&ran::items, "block", "stream"), 2'000U);
            EXPECT_EQ(read.sum(&ran::items, "block", "any"), 2'000U);
            EXPECT_EQ(read.sum(&ran::items, "block", "map"), 200U);
        });
    }
}

TEST(Trace, AStreamMayBeConsumedInsideCallsAndStepsAndBetweenThem)
{
    const temporary_file file;
    {
        const parmap::options traced{.max_workers = 1, .trace = file.path()};
        auto numbers = parmap::stream(std::views::iota(0, 2'000), std::identity(), traced);
        auto at = numbers.begin();
        for (int i = 0; i < 200; ++i) {
            ++at;
            parmap::for_each(
                std::views::iota(0, 2), [&](int) { ++at; }, traced);
            ++at;
            trace_span step(traced.trace, trace_category::step, "a step");
            ++at;
            step.end(1);
        }
    }
    const trace read(file.path());
    EXPECT_EQ(read.count("call"), 200U);
    EXPECT_EQ(read.sum(&ran::items, "step", "a step"), 200U);
    EXPECT_EQ(read.sum(&ran::items, "block", "stream"), 1'001U);
}

TEST(Trace, StepsOfAGraphStandInItAndTheItemsOfItsMaps)
{
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [&] {
            const temporary_file file;
            {
                const parmap::trace_file timeline(file.path());
                parmap::task_graph graph;
                const auto numbers = graph.add("count", [] { return std::views::iota(0, 10'000); });
                const auto doubled = graph.map("double", numbers, [](int x) { return 2 * x; });
                const auto unnamed = graph.map("", numbers, [](int) {});
                const auto sum = graph.reduce("add up", doubled, 0L, std::plus<>());
                graph.add(
                    "call",
                    [&] {
                        parmap::for_each(std::views::iota(0, 1'000), [](int) {},
                                         {.progress = "inner", .trace = timeline});
                    },
                    unnamed);
                const auto bad = graph.add(
                    "fail", [](long) { throw std::runtime_error("no"); }, sum);
                graph.add(
                    "never", [] {}, bad);
                EXPECT_THROW(graph.run({.trace = timeline}), std::runtime_error);
            }
            const trace read(file.path());                          // checks that events of a thread nest
            EXPECT_EQ(read.sum(&ran::items, "call", "graph"), 5U);  // steps that are done
            EXPECT_EQ(read.sum(&ran::items, "step", "count"), 1U);
            EXPECT_EQ(read.sum(&ran::items, "step", "call"), 1U);
            EXPECT_EQ(read.sum(&ran::items, "step", "fail"), 0U);
            EXPECT_EQ(read.count("step"), 3U);
            EXPECT_EQ(read.sum(&ran::items, "block", "double"), 10'000U);
            EXPECT_EQ(read.sum(&ran::items, "block", "add up"), 10'000U);
            EXPECT_EQ(read.sum(&ran::items, "block"), 31'000U);
            EXPECT_EQ(read.sum(&ran::items, "block", "inner"), 1'000U);
            EXPECT_EQ(read.count("call"), 2U);
        });
    }
}

TEST(Trace, IsWrittenWhenItsLastCopyIsGone)
{
    const temporary_file file;
    auto first = std::make_unique<parmap::trace_file>(file.path());
    {
        const parmap::trace_file copy(*first);
        first.reset();
        parmap::for_each(std::views::iota(0, 10), [](int) {}, {.trace = copy});
        EXPECT_EQ(std::filesystem::file_size(file.path()), 0U);
    }
    EXPECT_EQ(trace(file.path()).sum(&ran::items, "block"), 10U);
}

TEST(Trace, ThereIsNoneForANullPointer)
{
    const char* const unset = nullptr;
    EXPECT_FALSE(parmap::trace_file(unset));
    EXPECT_FALSE(parmap::options{}.trace);
}

TEST(Trace, AFileThatCannotBeWrittenIsRefusedBeforeAnythingRuns)
{
    bool ran_something = false;
    try {
        parmap::for_each(std::views::iota(0, 10), [&](int) { ran_something = true; },
                         {.max_workers = 1, .trace = "/no/such/folder/run.json"});
        FAIL() << "nothing was thrown";
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
        EXPECT_NE(std::string(error.what()).find("/no/such/folder/run.json"), std::string::npos);
        EXPECT_NE(std::string(error.what()).find("No such file or directory"), std::string::npos);
    }
    EXPECT_FALSE(ran_something);
}

TEST(Trace, AFileThatTakesNothingDoesNoHarm)
{
    parmap::for_each(std::views::iota(0, 10), [](int) {}, {.trace = "/dev/full"});

    const temporary_file pipe;
    ASSERT_EQ(::mkfifo(pipe.path().c_str(), 0600), 0);
    const int reader = ::open(pipe.path().c_str(), O_RDONLY | O_NONBLOCK);
    ASSERT_GE(reader, 0);
    const parmap::trace_file broken(pipe.path());
    ::close(reader);
    parmap::for_each(std::views::iota(0, 10), [](int) {}, {.trace = broken});
}

TEST(Trace, AForkedChildLeavesTheFileToItsParent)
{
    const temporary_file file;
    auto kept = std::make_unique<parmap::trace_file>(file.path());
    parmap::for_each(std::views::iota(0, 10), [](int) {}, {.max_workers = 1, .trace = *kept});
    // After a second trace, the child's thread has to look up its lane in the first.
    const temporary_file other;
    parmap::for_each(std::views::iota(0, 10), [](int) {}, {.max_workers = 1, .trace = other.path()});
    const pid_t child = ::fork();
    if (child == 0) {
        parmap::for_each(std::views::iota(0, 10), [](int) {}, {.max_workers = 1, .trace = *kept});
        kept.reset();
        parmap::testing::leave_child(0);
    }
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    EXPECT_EQ(std::filesystem::file_size(file.path()), 0U);
    kept.reset();
    EXPECT_EQ(trace(file.path()).sum(&ran::items, "block"), 10U);
}

TEST(Trace, AnyLabelIsAName)
{
    const std::map<std::string, std::string> names{{"with \"quotes\" and \\", "with \"quotes\" and \\"},
                                                   {"größer 数据 ▏", "größer 数据 ▏"},
                                                   {"a\nb\x01\x1b[1mc", "a b  [1mc"},
                                                   {"cut \xc3", "cut ?"}};
    for (const auto& [label, name] : names) {
        const temporary_file file;
        parmap::for_each(
            std::views::iota(0, 10), [](int) {},
            {.progress = parmap::progress_bar{.label = label, .style = parmap::bar_style::off}, .trace = file.path()});
        EXPECT_EQ(trace(file.path()).sum(&ran::items, "block", name), 10U) << name;
    }
}

TEST(Trace, ALongRunIsJoinedWithoutLosingAnItem)
{
    const temporary_file file;
    constexpr std::size_t limit = 100;
    constexpr std::size_t blocks = 20'000;
    {
        const auto recorder = std::make_unique<trace_recorder>(file.path(), limit);
        const auto work = [&] {
            for (std::size_t i = 0; i < blocks; ++i) {
                // Blocks of 10 us without gaps.
                const auto begin = std::chrono::steady_clock::now() + 10us * i;
                if (trace_lane* const lane = recorder->lane()) {
                    lane->record_block({.begin = begin, .end = begin + 10us, .first = i, .items = 3}, 1);
                }
            }
        };
        const std::vector<std::jthread> threads = [&] {
            std::vector<std::jthread> made;
            for (int i = 0; i < 4; ++i) made.emplace_back(work);
            return made;
        }();
    }
    std::ifstream text(file.path());
    std::size_t items = 0;
    std::size_t events = 0;
    const json all = json::parse(text);
    for (const json& event : all.at("traceEvents")) {
        if (event.at("ph") != "X") continue;
        items += event.at("args").at("items").get<std::size_t>();
        ++events;
    }
    EXPECT_EQ(items, 4 * 3 * blocks);
    EXPECT_LE(events, 4 * limit);
}

/// A lane whose blocks begin and end at times that the test sets.
class lane_test {
public:
    explicit lane_test(std::size_t most = trace_lane::usual_most) : lane(most) {}

    void block(std::chrono::nanoseconds begin, std::chrono::nanoseconds end, std::uint64_t run = 1)
    {
        lane.record_block({.begin = start + begin, .end = start + end, .items = 1}, run);
    }
    void call(std::chrono::nanoseconds begin, std::chrono::nanoseconds end)
    {
        lane.record_span({.begin = start + begin, .end = start + end, .items = 1, .category = trace_category::call});
    }

    std::size_t items() const
    {
        std::size_t sum = 0;
        for (const trace_event& event : lane.events()) sum += event.items;
        return sum;
    }

    std::chrono::steady_clock::time_point start;
    trace_lane lane;
};

TEST(TraceLane, JoinsBlocksThatAreTooShortToSee)
{
    lane_test t;
    for (int i = 0; i < 100; ++i) t.block(100ns * i, 100ns * (i + 1));
    EXPECT_EQ(t.lane.events().size(), 5U);
    EXPECT_EQ(t.items(), 100U);
    EXPECT_EQ(t.lane.events()[0].blocks, 20U);
    EXPECT_EQ(t.lane.events()[0].end - t.lane.events()[0].begin, 2us);
}

TEST(TraceLane, KeepsBlocksOf50MicrosecondsApartUntilItIsFull)
{
    lane_test t(1'000);
    for (int i = 0; i < 1'000; ++i) t.block(50us * i, 50us * (i + 1));
    EXPECT_EQ(t.lane.events().size(), 1'000U);
    for (int i = 1'000; i < 100'000; ++i) t.block(50us * i, 50us * (i + 1));
    EXPECT_LE(t.lane.events().size(), 1'000U);
    EXPECT_GE(t.lane.events().size(), 100U);
    EXPECT_EQ(t.items(), 100'000U);
}

TEST(TraceLane, SortsWhatContainsOthersBeforeThem)
{
    lane_test t;
    t.call(1us, 2us);
    t.call(1us, 3us);
    t.call(0us, 3us);
    std::vector<std::chrono::nanoseconds> lengths;
    for (const trace_event& event : t.lane.sorted()) lengths.push_back(event.end - event.begin);
    EXPECT_EQ(lengths, (std::vector<std::chrono::nanoseconds>{3us, 2us, 1us}));
}

TEST(TraceLane, KeepsGapsWorthSeeing)
{
    lane_test t(100);
    // Ten blocks in a row, then a pause of the same length.
    for (int i = 0; i < 1'000; ++i) {
        const auto begin = 50us * i + 500us * (i / 10);
        t.block(begin, begin + 50us);
    }
    EXPECT_EQ(t.items(), 1'000U);
    std::chrono::nanoseconds busy{0};
    for (const trace_event& event : t.lane.events()) busy += event.end - event.begin;
    EXPECT_LE(busy, 50us * 1'000 * 5 / 4) << "pauses are shown as work";
}

TEST(TraceLane, JoinsNothingAcrossWhatBeganInBetween)
{
    lane_test t;
    t.block(0ns, 100ns);
    t.lane.begin_other();  // a call that contains the next block, but not the one before
    t.block(200ns, 300ns);
    t.block(300ns, 400ns);
    t.call(150ns, 500ns);
    t.block(500ns, 600ns);
    const auto events = t.lane.sorted();
    ASSERT_EQ(events.size(), 4U);
    EXPECT_EQ(events[1].category, trace_category::call);
    EXPECT_EQ(events[2].items, 2U);
}

TEST(TraceLane, JoinsNoBlockWithThoseThatRanWithinIt)
{
    lane_test t;
    t.block(0ns, 100ns);
    t.lane.begin_other();  // the same run again, within a block of it
    t.block(200ns, 300ns);
    t.block(100ns, 400ns);
    EXPECT_EQ(t.lane.sorted().size(), 3U);
}

TEST(TraceLane, JoinsNoBlocksOfDifferentRuns)
{
    lane_test t;
    t.block(0ns, 100ns, 1);
    t.block(100ns, 200ns, 2);
    t.block(200ns, 300ns, 1);
    EXPECT_EQ(t.lane.events().size(), 3U);
}

TEST(TraceLane, NeverJoinsCalls)
{
    lane_test t(10);
    for (int i = 0; i < 1'000; ++i) t.call(100ns * i, 100ns * (i + 1));
    EXPECT_EQ(t.lane.events().size(), 1'000U);
}

TEST(TraceLane, StaysSmallHoweverRandomItsBlocksCome)
{
    for_random_cases(20, [](dice& seeds) {
        std::mt19937_64 random(seeds.next());
        lane_test t(1'000);
        std::lognormal_distribution<double> length(std::uniform_real_distribution<>(0, 15)(random), 2);
        std::lognormal_distribution<double> gap(std::uniform_real_distribution<>(0, 15)(random), 2);
        std::chrono::nanoseconds now{0};
        for (int i = 0; i < 200'000; ++i) {
            now += std::chrono::nanoseconds(std::llround(gap(random)));
            const auto begin = now;
            now += std::chrono::nanoseconds(std::llround(length(random)));
            t.block(begin, now);
        }
        EXPECT_EQ(t.items(), 200'000U);
        EXPECT_LE(t.lane.events().size(), 10'000U);
    });
}

}  // namespace
