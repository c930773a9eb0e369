// SPDX-License-Identifier: Apache-2.0
// Many calling threads at once, deep nesting, and the child of a fork.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <latch>
#include <memory>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <parmap/map.hpp>
#include <parmap/progress_scope.hpp>
#include <parmap/stream.hpp>
#include <parmap/task_graph.hpp>

#include "all_algorithms.hpp"
#include "support/keep_busy.hpp"
#include "support/leave_child.hpp"
#include "support/on_workers.hpp"

namespace {

using parmap::testing::loud;
using parmap::testing::most_workers;
using parmap::testing::on_workers;
using parmap::testing::wrong_results;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int rounds = 3;
#else
constexpr int rounds = 20;
#endif

/// Options with a bar and a trace that go to /dev/null.
class to_nowhere {
public:
    parmap::options options(const std::string& label) const
    {
        parmap::progress_bar bar = loud(label);
        bar.fd = ::fileno(file_.get());
        return {.progress = bar, .grain_size = 1, .trace = trace_};
    }

private:
    struct close {
        void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
    };

    std::unique_ptr<std::FILE, close> file_{std::fopen("/dev/null", "w")};
    parmap::trace_file trace_{"/dev/null"};
};

// Many calls at once

TEST(Threads, SixtyFourCallersAtOnceAllGetTheRightResults)
{
    on_workers(most_workers, [] {
        constexpr int callers = 64;
        const to_nowhere nowhere;
        std::latch all_here(callers);
        std::vector<std::string> wrong(callers);
        std::vector<std::thread> threads;
        for (std::string& mine : wrong) {
            threads.emplace_back([&] {
                const parmap::options how = nowhere.options("one of many");
                all_here.arrive_and_wait();
                for (int i = 0; i < rounds; ++i) mine += wrong_results(how);
            });
        }
        for (std::thread& thread : threads) thread.join();
        EXPECT_EQ(wrong, std::vector<std::string>(callers));
    });
}

/// Counts the leaves of a tree with three children a node; the levels alternate between a map, a stream and a graph.
int leaves(int depth, const parmap::options& how)
{
    if (depth == 0) return 1;
    const auto below = [&](int) { return leaves(depth - 1, how); };
    const auto three = std::views::iota(0, 3);
    if (depth % 3 == 0) {
        const std::vector<int> counts = parmap::map(three, below, how);
        return std::reduce(counts.begin(), counts.end());
    }
    if (depth % 3 == 1) {
        int sum = 0;
        for (const int count : parmap::stream(three, below, how)) sum += count;
        return sum;
    }
    parmap::task_graph graph;
    const auto first = graph.add("one", [&] { return below(0); });
    const auto others = graph.map("two", graph.add("of", [] { return std::vector<int>(2); }), below);
    const auto sum = graph.reduce("sum", others, 0, std::plus<>());
    graph.run(how);
    return first.get() + sum.get();
}

TEST(Threads, SixDeepMapsStreamsAndGraphsCountEveryLeaf)
{
    on_workers(most_workers, [] {
        const to_nowhere nowhere;
        EXPECT_EQ(leaves(6, nowhere.options("deep")), 729);
    });
}

// After a fork

class Forks : public ::testing::Test {
protected:
    void SetUp() override
    {
#if defined(__SANITIZE_THREAD__)
        GTEST_SKIP() << "ThreadSanitizer ends a child whose new thread has the place of one that was the parent's";
#endif
    }
};

/// Runs `body` in a child process. \return what `body` returns; false when the child ends in another way
bool in_a_child(const std::function<bool()>& body, void (*end)(int) = &parmap::testing::leave_child)
{
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(60);  // a child that hangs ends by a signal
        end(body() ? 0 : 1);
    }
    int status = 0;
    return child != -1 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Waits until all other threads sleep. A lock that one of them holds would stay locked in the child of a fork.
void wait_until_the_others_sleep()
{
    const auto sleeps = [](const std::filesystem::path& task) {
        std::ifstream file(task / "stat");
        const std::string stat{std::istreambuf_iterator<char>(file), {}};
        const std::size_t name_ends = stat.rfind(')');
        return name_ends == std::string::npos || stat.substr(name_ends + 2, 1) == "S";
    };
    const std::filesystem::path own = std::to_string(::gettid());
    const auto all_sleep = [&] {
        for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
            if (task.path().filename() != own && !sleeps(task.path())) return false;
        }
        return true;
    };
    while (!all_sleep()) std::this_thread::yield();
}

bool all_is_right()
{
    const to_nowhere nowhere;
    return wrong_results(nowhere.options("in a child")).empty();
}

#if defined(__SANITIZE_ADDRESS__)
constexpr auto ordinary_end = &::_exit;  // LeakSanitizer would report what only the parent's other threads refer to
#else
constexpr auto ordinary_end = &std::exit;
#endif

/// A static object that uses the library when its process ends.
struct use_at_the_end {
    ~use_at_the_end()
    {
        if (!all_is_right()) std::_Exit(EXIT_FAILURE);
    }
};

std::string contents(const std::string& path)
{
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t count(const std::string& text, const std::string& part)
{
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

TEST_F(Forks, AChildAndItsChildAndTheParentGoOn)
{
    static const use_at_the_end here_too;
    on_workers(most_workers, [] {
        ASSERT_TRUE(all_is_right());
        wait_until_the_others_sleep();
        const auto child = [] { return all_is_right() && in_a_child(all_is_right, ordinary_end) && all_is_right(); };
        EXPECT_TRUE(in_a_child(child, ordinary_end));
        EXPECT_TRUE(all_is_right());
    });
}

TEST_F(Forks, AChildWorksThoughAnotherThreadOfTheParentWasInACall)
{
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP()
        << "the other thread may hold the lock of AddressSanitizer's allocator, which then stays locked in the child";
#endif
    on_workers(most_workers, [] {
        const to_nowhere nowhere;
        std::atomic<bool> over{false};
        std::latch begun(1);
        std::thread other([&] {
            const parmap::options how = nowhere.options("of the parent");
            EXPECT_EQ(wrong_results(how), "");
            begun.count_down();
            while (!over) EXPECT_EQ(wrong_results(how), "");
        });
        begun.wait();
        for (int i = 0; i < 5 * rounds; ++i) EXPECT_TRUE(in_a_child(all_is_right));
        over = true;
        other.join();
    });
}

TEST_F(Forks, AChildOfAnItemWorks)
{
    on_workers(most_workers, [] {
        std::latch both(2);
        const auto right = parmap::map(std::views::iota(0, 2),
                                       [&](int) {
                                           both.arrive_and_wait();  // so one item runs on a worker thread
                                           return in_a_child(all_is_right);
                                       },
                                       {.grain_size = 1});
        EXPECT_EQ(right, std::vector<bool>(2, true));
    });
}

TEST_F(Forks, AChildHasAReporterOfItsOwn)
{
    const auto sees_a_running_state = [] {
        std::latch running_state_seen(1);
        std::atomic<bool> first{true};
        const parmap::progress_scope scope(1, [&](const parmap::progress_state& state) {
            const bool running = state.phase == parmap::progress_phase::running;
            if (running && first.exchange(false)) running_state_seen.count_down();
        });
        running_state_seen.wait();
        return true;
    };
    EXPECT_TRUE(sees_a_running_state());
    EXPECT_TRUE(in_a_child(sees_a_running_state));
}

TEST_F(Forks, ABarOfTheParentEndsOnce)
{
    const std::string path = ::testing::TempDir() + "bar_" + std::to_string(::getpid());
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"), &std::fclose);
    ASSERT_NE(file, nullptr);
    parmap::progress_bar bar = loud("twice?");
    bar.fd = ::fileno(file.get());
    auto scope = std::make_unique<parmap::progress_scope>(2, bar);
    scope->advance();
    EXPECT_TRUE(in_a_child([&] {
        scope.reset();
        return all_is_right();
    }));
    scope->advance();
    scope.reset();
    const std::string lines = contents(path);
    EXPECT_EQ(count(lines, "\"cancelled\""), 0U) << lines;
    EXPECT_EQ(count(lines, "\"finished\""), 1U) << lines;
    EXPECT_EQ(std::remove(path.c_str()), 0);
}

TEST_F(Forks, ABarWhoseFunctionIsBeingCalledByTheParentEndsInTheChild)
{
    const pid_t parent = ::getpid();
    std::latch called(1);
    std::latch forked(1);
    std::atomic<bool> first{true};
    std::atomic<bool> called_in_the_child{false};
    auto scope = std::make_unique<parmap::progress_scope>(1, [&](const parmap::progress_state&) {
        if (::getpid() != parent) called_in_the_child = true;
        if (!first.exchange(false)) return;
        called.count_down();
        forked.wait();
    });
    called.wait();
    EXPECT_TRUE(in_a_child([&] {
        scope.reset();
        return !called_in_the_child;
    }));
    forked.count_down();
    scope.reset();
}

TEST_F(Forks, ATraceOfTheParentIsWrittenOnceAndByTheParent)
{
    const std::string path = ::testing::TempDir() + "trace_" + std::to_string(::getpid());
    {
        parmap::trace_file trace(path);
        const auto use = [&] { return wrong_results({.grain_size = 1, .trace = trace}).empty(); };
        EXPECT_TRUE(use());
        EXPECT_TRUE(in_a_child([&] {
            const bool right = use();
            trace = {};
            return right;
        }));
        EXPECT_EQ(contents(path), "");
        EXPECT_TRUE(use());
    }
    const std::string text = contents(path);
    EXPECT_EQ(count(text, "traceEvents"), 1U);
    EXPECT_EQ(count(text, "\"source\""), 2U) << "the parent's two graphs";
    EXPECT_EQ(std::remove(path.c_str()), 0);
}

TEST_F(Forks, AStreamThatIsNotBegunRunsInTheChild)
{
    on_workers(most_workers, [] {
        ASSERT_TRUE(all_is_right());
        auto squares = parmap::as_completed(std::views::iota(0, 100), [](int x) { return x * x; });
        const auto sum = [&] {
            int total = 0;
            for (const auto& [index, value] : squares) total += value;
            return total;
        };
        EXPECT_TRUE(in_a_child([&] { return sum() == 328'350; }));
        EXPECT_EQ(sum(), 328'350);
    });
}

TEST_F(Forks, AStreamBegunBeforeTheForkThrowsInTheChild)
{
    on_workers(most_workers, [] {
        auto squares = parmap::stream(std::views::iota(0, 100), [](int x) {
            parmap::testing::keep_busy(std::chrono::microseconds(50));  // heavy enough for other workers to help
            return x * x;
        });
        auto at = squares.begin();
        EXPECT_TRUE(in_a_child([&] {
            try {
                while (at != squares.end()) ++at;
            } catch (const std::logic_error& error) {
                auto gone = std::move(squares);
                return std::string(error.what()).find("before a fork") != std::string::npos;
            }
            return false;
        }));
        int total = 0;
        for (; at != squares.end(); ++at) total += *at;
        EXPECT_EQ(total, 328'350);
    });
}

}  // namespace
