// SPDX-License-Identifier: Apache-2.0
// The program that signals_test.cpp sends signals to. Items wait for the test by reading from descriptor 3.
//   signals_program MODE [KIND]
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <functional>
#include <iostream>
#include <latch>
#include <map>
#include <numeric>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <unistd.h>

#include <parmap/map.hpp>
#include <parmap/map_reduce.hpp>
#include <parmap/stream.hpp>
#include <parmap/task_graph.hpp>

#include "faults/fake_clock.hpp"
#include "support/on_workers.hpp"

namespace {

using namespace std::chrono_literals;

constexpr int items = 2'000;
constexpr int workers = 4;

/// Returns when the test writes a byte to descriptor 3.
void wait_for_the_test()
{
    char byte{};
    while (::read(3, &byte, 1) < 0 && errno == EINTR) {
    }
}

parmap::progress_bar bar()
{
    return {.label = "squaring", .delay = 0ms, .interval = 10ms};
}

/// A call of some kind over the numbers below `items`. \return the sum of the results
using call = std::function<long long(const std::function<long long(int)>&, const parmap::options&)>;

const std::map<std::string, call>& calls()
{
    static const auto numbers = std::views::iota(0, items);
    static const std::map<std::string, call> all{
        {"map",
         [](const auto& fn, const auto& options) {
             const auto results = parmap::map(numbers, fn, options);
             return std::accumulate(results.begin(), results.end(), 0LL);
         }},
        {"map_reduce",
         [](const auto& fn, const auto& options) {
             return parmap::map_reduce(numbers, fn, 0LL, std::plus<>(), options);
         }},
        {"stream",
         [](const auto& fn, const auto& options) {
             long long sum = 0;
             for (const long long result : parmap::stream(numbers, fn, options)) sum += result;
             return sum;
         }},
        {"as_completed",
         [](const auto& fn, const auto& options) {
             long long sum = 0;
             for (const auto& [index, result] : parmap::as_completed(numbers, fn, options)) sum += result;
             return sum;
         }},
        {"graph",
         [](const auto& fn, const auto& options) {
             parmap::task_graph graph;
             const auto source = graph.add("list", [] { return std::vector(numbers.begin(), numbers.end()); });
             const auto sum = graph.reduce("sum", graph.map("square", source, fn), 0LL, std::plus<>());
             graph.run(options);
             return sum.get();
         }},
    };
    return all;
}

long long sum_of_squares()
{
    long long sum = 0;
    for (long long x = 0; x < items; ++x) sum += x * x;
    return sum;
}

/// The first SIGINT requests a stop, as docs/guide/errors-and-stopping.md shows; a second one ends the program.
std::stop_source stop_on_interrupt()
{
    std::stop_source source;
    sigset_t interrupt;
    ::sigemptyset(&interrupt);
    ::sigaddset(&interrupt, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &interrupt, nullptr);
    std::thread([=]() mutable {
        int signal{};
        ::sigwait(&interrupt, &signal);
        source.request_stop();
        ::pthread_sigmask(SIG_UNBLOCK, &interrupt, nullptr);
        while (true) ::pause();
    }).detach();
    return source;
}

/// Item 0 waits for the test, which sends its signals first.
int run_with_a_bar(const parmap::options& options)
{
    const auto fn = [](long long x) {
        if (x == 0) {
            parmap::println("item 0 begun");
            wait_for_the_test();
        }
        for (int i = 0; i < 10; ++i) std::this_thread::yield();
        return x * x;
    };
    parmap::testing::on_workers(workers, [&] {
        const bool right = calls().at("map")(fn, options) == sum_of_squares();
        std::cout << "sum " << (right ? "right" : "wrong") << '\n';
    });
    return 0;
}

/// From item 100 on, every item waits for the stop.
int stop(const std::string& kind, std::size_t grain)
{
    const std::stop_source source = stop_on_interrupt();
    std::latch stopped(1);
    const std::stop_callback callback(source.get_token(), [&] { stopped.count_down(); });
    std::atomic<int> begun_late{0};
    const auto fn = [&](long long x) {
        if (source.stop_requested()) ++begun_late;
        if (x >= 100) stopped.wait();
        return x * x;
    };
    parmap::testing::on_workers(workers, [&] {
        try {
            calls().at(kind)(fn, {.progress = bar(), .stop = source.get_token(), .grain_size = grain});
            std::cout << "not stopped\n";
        } catch (const parmap::cancelled& e) {
            std::cout << e.what() << "\nbegun late " << begun_late << '\n';
        }
    });
    return 0;
}

/// Prints a line when a stop is requested; the item that runs goes on.
int ignore_a_stop()
{
    const std::stop_source source = stop_on_interrupt();
    const std::stop_callback callback(source.get_token(), [] { parmap::println("asked to stop"); });
    return run_with_a_bar({.progress = bar(), .stop = source.get_token(), .grain_size = 1});
}

/// An item writes to a pipe of the program that has no reader.
int break_a_pipe()
{
    calls().at("map")(
        [](long long x) {
            std::array<int, 2> ends{};
            if (x != 100 || ::pipe(ends.data()) != 0) return x;
            ::close(ends[0]);
            return static_cast<long long>(::write(ends[1], "x", 1));
        },
        {.progress = bar(), .grain_size = 1});
    return 0;
}

/// The program is stopped, and when it goes on its clock has moved by an hour. Every item lasts until the next progress
/// state, a tenth of a second or a little more.
int estimate_across_a_stop()
{
    struct sigaction action {};
    action.sa_handler = [](int) { parmap::testing::fake_clock::jump(1h); };
    ::sigaction(SIGCONT, &action, nullptr);
    std::atomic<int> states_seen{0};
    std::chrono::nanoseconds longest{0};
    parmap::progress_state last{};
    const auto watch = [&](const parmap::progress_state& state) {
        longest = std::max(longest, state.eta.value_or(0ns));
        last = state;
        ++states_seen;
        states_seen.notify_all();
    };
    const auto item = [&](int x) {
        const int before = states_seen;
        if (x == 8) {
            parmap::println("half");
            wait_for_the_test();
        }
        states_seen.wait(before);
    };
    parmap::for_each(std::views::iota(0, 16), item, {.max_workers = 1, .progress = watch, .grain_size = 1});
    std::cout << (last.elapsed >= 1h ? "an hour or more" : "less than an hour") << ", " << last.done << " of "
              << *last.total << ", estimates " << (longest < 10min ? "sane" : "absurd") << '\n';
    return 0;
}

/// Signals that interrupt every wait, all the time.
int storm()
{
    struct sigaction action {};  // without SA_RESTART
    action.sa_handler = [](int) {};
    ::sigaction(SIGUSR1, &action, nullptr);
    std::jthread thunder([](const std::stop_token& over) {
        while (!over.stop_requested()) {
            ::kill(::getpid(), SIGUSR1);
            std::this_thread::yield();
        }
    });
    const auto fn = [](long long x) {
        for (int i = 0; i < 10; ++i) std::this_thread::yield();
        return x * x;
    };
    std::string results;
    parmap::testing::on_workers(workers, [&] {
        for (const auto& [kind, run] : calls()) {
            const bool right = run(fn, {.progress = bar(), .grain_size = 1}) == sum_of_squares();
            results += kind + (right ? " right\n" : " wrong\n");
        }
    });
    thunder.request_stop();
    thunder.join();
    // After the signals: they may interrupt a write of the C library, which then does not go on.
    std::cout << results;
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    const std::string mode = argc > 1 ? argv[1] : "";
    const std::string kind = argc > 2 ? argv[2] : "map";
    if (mode == "bar") return run_with_a_bar({.progress = bar(), .grain_size = 1});
    if (mode == "stop") return stop(kind, 1);
    if (mode == "stop-in-blocks") return stop(kind, 8);
    if (mode == "ignore-a-stop") return ignore_a_stop();
    if (mode == "break-a-pipe") return break_a_pipe();
    if (mode == "estimate") return estimate_across_a_stop();
    if (mode == "storm") return storm();
    std::cerr << "signals_program: no such mode\n";
    return 2;
}
