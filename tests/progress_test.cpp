// SPDX-License-Identifier: Apache-2.0
// The states that a sink receives, and what a terminal receives.
#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <parmap/map.hpp>
#include <parmap/progress_scope.hpp>
#include <parmap/task_graph.hpp>
#include <parmap/try_map.hpp>

#include "support/on_workers.hpp"

namespace {

using namespace std::chrono_literals;
using parmap::bar_style;
using parmap::progress_bar;
using parmap::progress_phase;
using parmap::progress_state;
using parmap::testing::most_workers;
using parmap::testing::on_workers;

/// A copy of a state; the label of the state lives only during the call.
struct told {
    std::string label;
    std::string unit;
    std::uint64_t done;
    std::optional<std::uint64_t> total;
    int busy;
    int workers;
    progress_phase phase;
    std::thread::id thread;
};

/// A sink that keeps every state. Only one thread at a time may be in it.
class recorder {
public:
    parmap::progress_sink sink()
    {
        return [this](const progress_state& s) {
            EXPECT_FALSE(inside_.exchange(true));
            states.push_back({std::string(s.label), std::string(s.unit), s.done, s.total, s.busy, s.workers, s.phase,
                              std::this_thread::get_id()});
            ++count;
            count.notify_all();
            inside_ = false;
        };
    }

    /// Returns when the sink has received `n` states.
    void wait_for(int n) const
    {
        for (int seen = count; seen < n; seen = count) count.wait(seen);
    }

    std::vector<told> states;
    std::atomic<int> count{0};

private:
    std::atomic<bool> inside_{false};
};

std::size_t last_states(const recorder& r)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(r.states, [](const told& s) { return s.phase != progress_phase::running; }));
}

TEST(Progress, TheLastStateComesOnceOnTheCallingThreadWithTheFinalCount)
{
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [] {
            recorder r;
            parmap::for_each(std::views::iota(0, 12'345), [](int) {}, {.progress = r.sink()});
            ASSERT_EQ(last_states(r), 1U);
            EXPECT_EQ(r.states.back().phase, progress_phase::finished);
            EXPECT_EQ(r.states.back().done, 12'345U);
            EXPECT_EQ(r.states.back().total, 12'345U);
            EXPECT_EQ(r.states.back().busy, 0);
            EXPECT_EQ(r.states.back().thread, std::this_thread::get_id());
        });
    }
}

TEST(Progress, AfterAThrowTheCountIsThatOfTheItemsThatReturned)
{
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [] {
            recorder r;
            std::atomic<std::uint64_t> returned{0};
            EXPECT_THROW(parmap::for_each(std::views::iota(0, 10'000),
                                          [&](int x) {
                                              if (x == 4'321) throw std::runtime_error("no");
                                              ++returned;
                                          },
                                          {.progress = r.sink()}),
                         std::runtime_error);
            ASSERT_EQ(last_states(r), 1U);
            EXPECT_EQ(r.states.back().phase, progress_phase::failed);
            EXPECT_EQ(r.states.back().done, returned);
        });
    }
}

TEST(Progress, AStopAndFailuresOfTryMapShowInTheLastState)
{
    on_workers(4, [] {
        recorder stopped;
        std::stop_source source;
        source.request_stop();
        EXPECT_THROW(parmap::for_each(std::views::iota(0, 10), [](int) {},
                                      {.progress = stopped.sink(), .stop = source.get_token()}),
                     parmap::cancelled);
        ASSERT_EQ(stopped.states.size(), 1U);
        EXPECT_EQ(stopped.states[0].phase, progress_phase::cancelled);
        EXPECT_EQ(stopped.states[0].done, 0U);

        recorder some_failed;
        parmap::try_map(std::views::iota(0, 100),
                        [](int x) {
                            if (x % 4 == 0) throw x;
                        },
                        {.progress = some_failed.sink()});
        EXPECT_EQ(some_failed.states.back().phase, progress_phase::failed);
        EXPECT_EQ(some_failed.states.back().done, 75U);
    });
}

TEST(Progress, CallsKnownToBeTinyTellTheirEndToo)
{
    for (int i = 0; i < 100; ++i) {
        recorder heard;
        parmap::for_each(std::views::iota(0, 10), [](int) {}, {.progress = heard.sink()});
        ASSERT_EQ(heard.states.size(), 1U);
        EXPECT_EQ(heard.states[0].done, 10U);
        EXPECT_EQ(heard.states[0].phase, progress_phase::finished);
    }
}

TEST(Progress, AnEmptyRangeTellsItsEndAndNothingElse)
{
    recorder r;
    parmap::for_each(std::vector<int>{}, [](int) {}, {.progress = r.sink()});
    ASSERT_EQ(r.states.size(), 1U);
    EXPECT_EQ(r.states[0].phase, progress_phase::finished);
    EXPECT_EQ(r.states[0].total, 0U);
}

TEST(Progress, TicksComeWhileASlowItemRuns)
{
    for (const int workers : {1, 4}) {
        on_workers(workers, [] {
            recorder r;
            parmap::for_each(std::views::iota(0, 4), [&](int) { r.wait_for(3); },
                             {.progress = r.sink(), .grain_size = 1});
            EXPECT_EQ(r.states[2].phase, progress_phase::running);
            EXPECT_EQ(r.states[2].done, 0U) << "items that only started do not count";
            EXPECT_NE(r.states[2].thread, std::this_thread::get_id());
        });
    }
}

TEST(Progress, WorkersAreThoseWhoJoinedAndBusyThoseInAnItem)
{
    on_workers(most_workers, [] {
        std::latch all_here(most_workers);
        std::atomic<bool> all_busy{false};
        const auto watch = [&](const progress_state& s) {
            EXPECT_LE(s.busy, most_workers);
            EXPECT_LE(s.workers, most_workers);
            if (s.busy == most_workers && s.workers == most_workers) {
                all_busy = true;
                all_busy.notify_all();
            }
        };
        parmap::for_each(std::views::iota(0, most_workers),
                         [&](int) {
                             all_here.arrive_and_wait();
                             all_busy.wait(false);
                         },
                         {.progress = watch});
        EXPECT_TRUE(all_busy);
    });
}

TEST(Progress, ASinkThatThrowsIsDroppedAndTheWorkGoesOn)
{
    std::atomic<int> calls{0};
    const auto broken = [&](const progress_state&) {
        ++calls;
        calls.notify_all();
        throw std::runtime_error("sink");
    };
    const auto results = parmap::map(std::views::iota(0, 3),
                                     [&](int x) {
                                         calls.wait(0);
                                         return x;
                                     },
                                     {.progress = broken, .grain_size = 1});
    EXPECT_EQ(results, (std::vector{0, 1, 2}));
    EXPECT_EQ(calls, 1);
}

TEST(Progress, TheWorkGoesOnWhileASinkBlocks)
{
    std::latch all_ran(4);
    std::atomic<bool> blocked{false};
    const auto slow = [&](const progress_state& s) {
        if (s.phase != progress_phase::running) return;
        blocked = true;
        blocked.notify_all();
        all_ran.wait();
    };
    parmap::for_each(std::views::iota(0, 4),
                     [&](int) {
                         blocked.wait(false);
                         all_ran.count_down();
                     },
                     {.max_workers = 1, .progress = slow, .grain_size = 1});
    EXPECT_TRUE(all_ran.try_wait());
}

TEST(Progress, ASinkMayRunAMapWithProgress)
{
    std::atomic<int> inner{0};
    const auto nested = [&](const progress_state&) {
        parmap::for_each(std::views::iota(0, 10), [](int) {}, {.progress = [&](const progress_state&) { ++inner; }});
        inner.notify_all();
    };
    parmap::for_each(std::views::iota(0, 2), [&](int) { inner.wait(0); }, {.progress = nested});
    EXPECT_GE(inner, 2);
}

TEST(Progress, WhatASinkHoldsIsReleasedBeforeTheCallReturns)
{
    for (int round = 0; round < 200; ++round) {
        const auto held = std::make_shared<int>(0);
        std::atomic<int> calls{0};
        parmap::for_each(std::views::iota(0, 2), [&](int) { round == 0 ? calls.wait(0) : void(); },
                         {.progress = [held, &calls](const progress_state&) { ++calls, calls.notify_all(); }});
        EXPECT_EQ(held.use_count(), 1);
    }
}

TEST(Progress, ManyCallsAtOnceEachHearTheirOwn)
{
    std::vector<std::jthread> callers;
    for (std::uint64_t n = 1; n <= 16; ++n) {
        callers.emplace_back([n] {
            for (int round = 0; round < 50; ++round) {
                recorder r;
                parmap::for_each(std::views::iota(std::uint64_t{0}, n * 100), [](std::uint64_t) {},
                                 {.progress = r.sink()});
                EXPECT_EQ(r.states.back().done, n * 100);
                EXPECT_EQ(last_states(r), 1U);
            }
        });
    }
}

TEST(ProgressSink, IsMadeOfALabelABarOrAFunction)
{
    EXPECT_FALSE(parmap::progress_sink());
    EXPECT_FALSE(parmap::progress_sink(static_cast<const char*>(nullptr)));
    const parmap::progress_sink label("hashing");
    ASSERT_NE(label.bar(), nullptr);
    EXPECT_EQ(label.bar()->label, "hashing");
    EXPECT_EQ(parmap::progress_sink(std::string("x")).bar()->label, "x");
    const parmap::progress_sink bar(progress_bar{.label = "convert", .unit = "file"});
    EXPECT_EQ(bar.bar()->unit, "file");
    const parmap::progress_sink function([](const progress_state&) {});
    EXPECT_NE(function.callback(), nullptr);
    EXPECT_EQ(function.bar(), nullptr);
}

/// A terminal, 80 columns wide, whose output is read while it is written.
class Terminal : public ::testing::Test {
protected:
    Terminal()
    {
        const winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
        if (::openpty(&screen_, &fd, nullptr, nullptr, &size) != 0) throw std::runtime_error("openpty failed");
        reading_ = std::async(std::launch::async, [this] {
            std::string all;
            char buffer[4096];
            for (ssize_t n; (n = ::read(screen_, buffer, sizeof buffer)) > 0;) {
                all.append(buffer, static_cast<std::size_t>(n));
                if (all.find('%') != std::string::npos) drawn = true;
                drawn.notify_all();
                const std::lock_guard lock(so_far_guard_);
                so_far_ = all;
                more_.notify_all();
            }
            return all;
        });
    }
    ~Terminal() override { ::close(screen_); }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    /// Closes the program's side. \return all that was written
    std::string all_written()
    {
        ::close(fd);
        return reading_.get();
    }

    void wait_for_text(const std::string& text)
    {
        std::unique_lock lock(so_far_guard_);
        more_.wait(lock, [&] { return so_far_.find(text) != std::string::npos; });
    }

    int fd{};
    std::atomic<bool> drawn{false};

private:
    std::mutex so_far_guard_;
    std::condition_variable more_;
    std::string so_far_;
    int screen_{};
    std::future<std::string> reading_;
};

TEST_F(Terminal, ShowsTheLineWhileItRunsAndTheTotalAtTheEnd)
{
    parmap::for_each(std::views::iota(0, 42), [&](int) { drawn.wait(false); },
                     {.progress = progress_bar{
                          .label = "hashing", .unit = "file", .delay = 0ms, .style = bar_style::terminal, .fd = fd}});
    const std::string written = all_written();
    EXPECT_EQ(written.rfind("\rhashing:   0%|", 0), 0U) << written;
    EXPECT_NE(written.find("| 0/42 [00:00<?, 0.0 file/s"), std::string::npos) << written;
    EXPECT_NE(written.find("hashing: 100%|"), std::string::npos) << written;
    EXPECT_NE(written.find("| 42/42 [00:00, "), std::string::npos) << written;
    EXPECT_EQ(written.substr(written.size() - 5), "\x1b[K\r\n") << written;
}

TEST_F(Terminal, IsLeftAloneByACallThatEndsSooner)
{
    parmap::for_each(
        std::views::iota(0, 100), [](int) {},
        {.progress = progress_bar{
             .label = "quick", .delay = std::chrono::milliseconds::max(), .style = bar_style::terminal, .fd = fd}});
    EXPECT_EQ(all_written(), "");
}

TEST_F(Terminal, ShowsTheTrueCountOfAFailure)
{
    EXPECT_THROW(parmap::for_each(
                     std::views::iota(0, 10),
                     [&](int x) {
                         drawn.wait(false);
                         if (x == 5) throw std::runtime_error("no");
                     },
                     {.max_workers = 1,
                      .progress = progress_bar{.label = "x", .delay = 0ms, .style = bar_style::terminal, .fd = fd}}),
                 std::runtime_error);
    const std::string written = all_written();
    EXPECT_NE(written.find("| 5/10 ["), std::string::npos) << written;
    EXPECT_NE(written.find(" failed\x1b[K"), std::string::npos) << written;
}

TEST_F(Terminal, IsClearedAtTheEndWhenTheLineIsNotToStay)
{
    parmap::for_each(std::views::iota(0, 10), [&](int) { drawn.wait(false); },
                     {.progress = progress_bar{.leave = false, .delay = 0ms, .style = bar_style::terminal, .fd = fd}});
    const std::string written = all_written();
    EXPECT_EQ(written.substr(written.size() - 4), "\r\x1b[J") << written;
}

TEST_F(Terminal, ShowsALineForEachOfSeveralCallsAndHowManyMore)
{
    const auto bar = [&](int i) {
        return progress_bar{.label = "call" + std::to_string(i), .delay = 0ms, .style = bar_style::terminal, .fd = fd};
    };
    {
        std::vector<std::jthread> callers;
        for (int i = 0; i < 6; ++i) {
            callers.emplace_back([&, i] {
                parmap::for_each(std::views::iota(0, 2), [&](int) { wait_for_text("2 more"); },
                                 {.max_workers = 1, .progress = bar(i)});
            });
        }
    }
    const std::string written = all_written();
    EXPECT_NE(written.find("\x1b[4A"), std::string::npos) << "five lines, drawn from the first: " << written;
    for (int i = 0; i < 6; ++i) {
        EXPECT_NE(written.find("call" + std::to_string(i) + ": 100%"), std::string::npos) << written;
    }
}

TEST_F(Terminal, ShowsAClockThatMovesWhileASlowItemRuns)
{
    parmap::for_each(std::views::iota(0, 1), [&](int) { wait_for_text("[00:05"); },
                     {.progress = progress_bar{.delay = 0ms, .style = bar_style::terminal, .fd = fd}});
    const std::string written = all_written();
    for (const char* const clock : {"[00:00", "[00:01", "[00:02", "[00:03", "[00:04", "[00:05"}) {
        EXPECT_NE(written.find(clock), std::string::npos) << clock;
    }
    EXPECT_EQ(written.find("1/1 ["), written.rfind("1/1 [")) << "counted when it is done: " << written;
}

TEST_F(Terminal, IsNotWrittenTheSameFrameTwice)
{
    parmap::for_each(
        std::views::iota(0, 1), [&](int) { wait_for_text("oldest 2s"); },
        {.progress = progress_bar{.delay = 0ms, .interval = 10ms, .style = bar_style::terminal, .fd = fd}});
    const std::string written = all_written();
    const auto frames = std::ranges::count(written, '\r');
    // Ticks come every 10 ms for two seconds; a frame is written when a second changes: elapsed, age or remaining time.
    EXPECT_LT(frames, 20) << written;
}

TEST_F(Terminal, LinesOfProgramsStayAboveTheBar)
{
    ::testing::internal::CaptureStdout();
    parmap::for_each(std::views::iota(0, 2),
                     [&](int x) {
                         drawn.wait(false);
                         if (x == 0) parmap::println("said in between");
                     },
                     {.max_workers = 1,
                      .progress = progress_bar{.label = "x", .delay = 0ms, .style = bar_style::terminal, .fd = fd}});
    EXPECT_EQ(::testing::internal::GetCapturedStdout(), "said in between\n");
    const std::string written = all_written();
    EXPECT_NE(written.find("\r\x1b[J"), std::string::npos) << "the bar made room: " << written;
}

TEST_F(Terminal, ThatIsStoppedDoesNotKeepTheCallFromReturning)
{
    const auto results =
        parmap::map(std::views::iota(0, 3),
                    [&](int x) {
                        wait_for_text("\x1b[K");
                        EXPECT_EQ(::tcflow(fd, TCOOFF), 0);
                        return x;
                    },
                    {.progress = progress_bar{.delay = 0ms, .interval = 1h, .style = bar_style::terminal, .fd = fd}});
    EXPECT_EQ(results, (std::vector{0, 1, 2}));
    EXPECT_EQ(::tcflow(fd, TCOON), 0);
    const std::string written = all_written();
    EXPECT_EQ(written.find("100%"), std::string::npos) << "the last frame was dropped: " << written;
}

TEST_F(Terminal, ShowsABarThoughItsDescriptorWasABrokenPipes)
{
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    ::close(pipe[0]);
    const auto call = [&] {
        parmap::for_each(std::views::iota(0, 3), [](int) {},
                         {.progress = progress_bar{.delay = 0ms, .style = bar_style::terminal, .fd = pipe[1]}});
    };
    call();
    ASSERT_EQ(::dup2(fd, pipe[1]), pipe[1]);
    call();
    ::close(pipe[1]);
    EXPECT_NE(all_written().find("100%"), std::string::npos);
}

TEST_F(Terminal, ShowsTheFirstFrameThoughItsDescriptorWasATerminalsThatShowsTheSame)
{
    int reused{};
    int other_side{};
    ASSERT_EQ(::openpty(&other_side, &reused, nullptr, nullptr, nullptr), 0);
    const auto call = [&](const std::function<void()>& item) {
        parmap::for_each(
            std::views::iota(0, 1), [&](int) { item(); },
            {.progress = progress_bar{.delay = 0ms, .interval = 1h, .style = bar_style::terminal, .fd = reused}});
    };
    call([&] {
        char c{};
        while (::read(other_side, &c, 1) == 1 && c != 'K') {
        }
        EXPECT_EQ(::tcflow(reused, TCOOFF), 0);  // so that this terminal keeps its line
    });
    ASSERT_EQ(::dup2(fd, reused), reused);
    call([&] { drawn.wait(false); });
    ::close(reused);
    ::close(other_side);
    EXPECT_EQ(all_written().rfind("\r  0%|", 0), 0U);
}

TEST_F(Terminal, IsShownATotalThatGrewPastItselfWithoutIt)
{
    {
        parmap::progress_scope scope(
            10, progress_bar{.label = "grown", .delay = 0ms, .style = bar_style::terminal, .fd = fd});
        scope.advance(25);
    }
    EXPECT_NE(all_written().find("grown: 25 it ["), std::string::npos);
}

TEST(Println, WritesALineWithoutAnyBar)
{
    ::testing::internal::CaptureStdout();
    parmap::println("alone");
    EXPECT_EQ(::testing::internal::GetCapturedStdout(), "alone\n");
}

/// Both ends of a pipe.
class Pipe : public ::testing::Test {
protected:
    Pipe()
    {
        if (::pipe(ends.data()) != 0) throw std::runtime_error("pipe failed");
    }
    ~Pipe() override { ::close(ends[0]); }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    std::string all_written()
    {
        ::close(ends[1]);
        std::string all;
        char buffer[4096];
        for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
            all.append(buffer, static_cast<std::size_t>(n));
        }
        return all;
    }

    std::array<int, 2> ends{};
};

TEST_F(Pipe, AShortCallWritesNothing)
{
    parmap::for_each(std::views::iota(0, 100), [](int) {},
                     {.progress = progress_bar{.delay = 0ms, .style = bar_style::plain, .fd = ends[1]}});
    EXPECT_EQ(all_written(), "");
}

TEST_F(Pipe, JsonIsALineForEachState)
{
    parmap::for_each(std::views::iota(0, 3), [](int) {},
                     {.progress = progress_bar{.label = "j", .delay = 0ms, .style = bar_style::json, .fd = ends[1]}});
    const std::string written = all_written();
    EXPECT_EQ(written.rfind("{\"t\":", 0), 0U) << written;
    EXPECT_NE(written.find(R"("label":"j","done":3,"total":3,)"), std::string::npos) << written;
    EXPECT_NE(written.find("\"state\":\"finished\"}\n"), std::string::npos) << written;
    EXPECT_EQ(written.find('\x1b'), std::string::npos) << written;
}

TEST_F(Pipe, AGraphHasALineAndEachOfItsMapsABar)
{
    parmap::task_graph graph;
    const auto files = graph.add("list", [] { return std::vector<int>{1, 2, 3}; });
    const auto hashes = graph.map("hash", files, [](int x) { return x; });
    graph.run({.progress = progress_bar{
                   .label = "report", .unit = "file", .delay = 0ms, .style = bar_style::json, .fd = ends[1]}});
    const std::string written = all_written();
    EXPECT_NE(written.find(R"("label":"report","done":2,"total":2,)"), std::string::npos) << written;
    EXPECT_NE(written.find(R"("label":"hash","done":3,"total":3,)"), std::string::npos) << written;
}

TEST_F(Pipe, AReaderThatLeftHarmsNobody)
{
    int broken[2];
    ASSERT_EQ(::pipe(broken), 0);
    ::close(broken[0]);
    for (const bar_style style : {bar_style::json, bar_style::terminal}) {
        const auto results = parmap::map(std::views::iota(0, 3), [](int x) { return x; },
                                         {.progress = progress_bar{.delay = 0ms, .style = style, .fd = broken[1]}});
        EXPECT_EQ(results, (std::vector{0, 1, 2}));
    }
    ::close(broken[1]);
}

TEST_F(Pipe, AFullOneHarmsNobody)
{
    ASSERT_EQ(::fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    const std::string filler(4096, 'x');
    while (::write(ends[1], filler.data(), filler.size()) > 0) {
    }
    ASSERT_EQ(::fcntl(ends[1], F_SETFL, 0), 0);  // from here on a write would wait for a reader
    for (const bar_style style : {bar_style::json, bar_style::terminal}) {
        const auto results = parmap::map(std::views::iota(0, 3), [](int x) { return x; },
                                         {.progress = progress_bar{.delay = 0ms, .style = style, .fd = ends[1]}});
        EXPECT_EQ(results.size(), 3U);
    }
}

TEST_F(Pipe, ALineStuckInAWriteDoesNotKeepTheCallFromReturning)
{
    const std::string more_than_a_pipe_holds(200'000, 'x');
    parmap::for_each(std::views::iota(0, 1),
                     [&](int) {
                         char first{};
                         EXPECT_EQ(::read(ends[0], &first, 1), 1);  // the reporter is in its write
                     },
                     {.progress = progress_bar{
                          .label = more_than_a_pipe_holds, .delay = 0ms, .style = bar_style::json, .fd = ends[1]}});
    const std::string written = all_written();
    EXPECT_EQ(std::ranges::count(written, '\n'), 1) << "the last line was dropped";
    EXPECT_NE(written.find("\"state\":\"running\"}\n"), std::string::npos);
}

TEST(ProgressFile, ClosedOrFullHarmsNobody)
{
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    for (const int fd : {-1, 987, full}) {
        for (const bar_style style : {bar_style::automatic, bar_style::json, bar_style::terminal, bar_style::plain}) {
            const auto results =
                parmap::map(std::views::iota(0, 3), [](int x) { return x; },
                            {.progress = progress_bar{.delay = 0ms, .interval = 0ms, .style = style, .fd = fd}});
            EXPECT_EQ(results.size(), 3U);
        }
    }
    ::close(full);
}

// Loops of the caller's own

TEST(ProgressScope, CountsWhatAnyThreadAdvances)
{
    recorder r;
    {
        parmap::progress_scope scope(40'000, r.sink());
        std::vector<std::jthread> threads;
        for (int t = 0; t < 40; ++t) {
            threads.emplace_back([&] {
                for (int i = 0; i < 1000; ++i) scope.advance();
            });
        }
    }
    ASSERT_EQ(last_states(r), 1U);
    EXPECT_EQ(r.states.back().done, 40'000U);
    EXPECT_EQ(r.states.back().phase, progress_phase::finished);
    EXPECT_EQ(r.states.back().workers, 0);
}

TEST(ProgressScope, TellsHowItEnded)
{
    recorder left_early;
    {
        parmap::progress_scope(10, left_early.sink()).advance(4);
    }
    EXPECT_EQ(left_early.states.back().phase, progress_phase::cancelled);

    recorder thrown;
    try {
        parmap::progress_scope scope(10, thrown.sink());
        scope.advance(4);
        throw std::runtime_error("no");
    } catch (const std::runtime_error&) {
    }
    EXPECT_EQ(thrown.states.back().phase, progress_phase::failed);
    EXPECT_EQ(thrown.states.back().done, 4U);

    recorder unknown;
    {
        parmap::progress_scope(std::nullopt, unknown.sink()).advance(4);
    }
    EXPECT_EQ(unknown.states.back().phase, progress_phase::finished);
    EXPECT_EQ(unknown.states.back().total, std::nullopt);

    parmap::progress_scope silent(10, {});
    silent.advance();
}

TEST(Tracked, CountsTheElementsOfALoop)
{
    recorder all;
    std::vector<int> numbers{1, 2, 3};
    for (int& x : parmap::tracked(numbers, all.sink())) x *= 2;
    EXPECT_EQ(numbers, (std::vector{2, 4, 6}));
    EXPECT_EQ(all.states.back().done, 3U);
    EXPECT_EQ(all.states.back().total, 3U);
    EXPECT_EQ(all.states.back().phase, progress_phase::finished);

    recorder left_early;
    for (const int x : parmap::tracked(numbers, left_early.sink())) {
        if (x == 4) break;
    }
    EXPECT_EQ(left_early.states.back().done, 1U);
    EXPECT_EQ(left_early.states.back().phase, progress_phase::cancelled);

    recorder of_unknown_length;
    std::istringstream text("a b");
    for (const std::string& word : parmap::tracked(std::views::istream<std::string>(text), of_unknown_length.sink())) {
        EXPECT_FALSE(word.empty());
    }
    EXPECT_EQ(of_unknown_length.states.back().done, 2U);
    EXPECT_EQ(of_unknown_length.states.back().total, std::nullopt);
}

}  // namespace
