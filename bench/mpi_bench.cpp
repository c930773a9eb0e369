// SPDX-License-Identifier: Apache-2.0
// How well parmap::mpi keeps the workers of several ranks busy, what an item costs, and the time of a message.
//   mpirun --oversubscribe --bind-to none -n 4 mpi_bench wait       Pareto costs, 5 ms each on average, waited for
//   mpirun --oversubscribe --bind-to none -n 2 mpi_bench spin       1,000,000 x 10 us on two CPUs, on 1 or 2 ranks
//   mpirun --oversubscribe --bind-to none -n 2 mpi_bench messages   the inputs of bench/mpi_simulation
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <numeric>
#include <random>
#include <span>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <time.h>

#include <fmt/format.h>

#include <parmap/mpi.hpp>
#include <parmap/parmap.hpp>

#include "workloads.hpp"

namespace {

using clock = std::chrono::steady_clock;

double median(std::vector<double> values)
{
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

double seconds(const std::function<void()>& work)
{
    const clock::time_point start = clock::now();
    work();
    return std::chrono::duration<double>(clock::now() - start).count();
}

/// Ends the bench on all ranks.
void require(bool holds, const char* what)
{
    if (holds) return;
    std::cerr << "mpi_bench: " << what << '\n';
    MPI_Abort(MPI_COMM_WORLD, 1);
}

/// Quantiles of a Pareto distribution with shape 1.5, 5 ms on average and 100 ms at most, in seconds.
std::vector<double> pareto_waits(std::size_t n)
{
    std::vector<double> waits(n);
    for (std::size_t i = 0; i < n; ++i) {
        const double above = 1 - (static_cast<double>(i) + 0.5) / static_cast<double>(n);
        waits[i] = std::min(0.1, 0.005 / 3 * std::pow(above, -1 / 1.5));
    }
    const double scale = 0.005 * static_cast<double>(n) / std::reduce(waits.begin(), waits.end());
    for (double& wait : waits) wait *= scale;
    std::ranges::shuffle(waits, std::mt19937_64(42));
    return waits;
}

/// The same items on threads of one process that claim one at a time: nothing is sent, and sleeps are as much too long.
double seconds_of_threads(int threads, const std::vector<double>& items, const std::function<double(double)>& fn)
{
    return seconds([&] {
        std::atomic<std::size_t> next{0};
        std::vector<std::jthread> all;
        for (int i = 0; i < threads; ++i) {
            all.emplace_back([&] {
                for (std::size_t item = next++; item < items.size(); item = next++) fn(items[item]);
            });
        }
    });
}

/// A barrier that uses no CPU while it waits.
void sleeping_barrier()
{
    MPI_Request all_have_arrived{};
    MPI_Ibarrier(MPI_COMM_WORLD, &all_have_arrived);
    for (int over = 0; over == 0;) {
        MPI_Test(&all_have_arrived, &over, MPI_STATUS_IGNORE);
        if (over == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

/// Items that wait need no CPU, so a machine of two can run many at once.
void wait_for_items(const parmap::mpi::session& session)
{
    constexpr int workers = 2;  // of each rank
    constexpr int rounds = 7;
    const int all_workers = workers * session.size();
    const std::vector<double> waits = pareto_waits(4'000);
    const auto wait = [](double s) {
        const clock::time_point start = clock::now();
        std::this_thread::sleep_for(std::chrono::duration<double>(s));
        return std::chrono::duration<double>(clock::now() - start).count();
    };
    std::vector<double> times;
    std::vector<double> threads;  // of as many in one process
    std::vector<double> shares;   // of the workers' time that was spent in items
    for (int round = 0; round < rounds; ++round) {
        if (session.rank() == 0) threads.push_back(seconds_of_threads(all_workers, waits, wait));
        sleeping_barrier();
        std::vector<double> waited;
        times.push_back(
            seconds([&] { waited = parmap::mpi::map(MPI_COMM_WORLD, waits, wait, {.max_workers = workers}); }));
        shares.push_back(std::reduce(waited.begin(), waited.end()) / all_workers / times.back());
    }
    if (session.rank() != 0) return;
    const double time = median(times);
    fmt::print("{} items that wait 5 ms on average, {} ranks x {} workers, median of {} rounds: {:.3f} s\n",
               waits.size(), session.size(), workers, rounds, time);
    fmt::print("efficiency against {} threads of one process {:.1f} % (goal: 95 %)\n", all_workers,
               100 * median(threads) / time);
    fmt::print("against sleeps of exactly the given time {:.1f} %, workers in items {:.1f} %\n",
               100 * std::reduce(waits.begin(), waits.end()) / all_workers / time, 100 * median(shares));
}

/// The time of some work, in nanoseconds an item.
struct cost {
    std::vector<double> wall;  // times the CPUs it has
    std::vector<double> cpu;   // of all threads of all ranks, without other processes
};

double cpu_seconds()
{
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void measure(cost& to, std::size_t items, int cpus, const std::function<void()>& work)
{
    const double before = cpu_seconds();
    const double wall = seconds(work);
    to.wall.push_back(1e9 * wall * cpus / static_cast<double>(items));
    to.cpu.push_back(1e9 * (cpu_seconds() - before) / static_cast<double>(items));
}

/// How much more an item costs than in a loop, on two CPUs.
void spin_items(const parmap::mpi::session& session)
{
    constexpr int cpus = 2;
    constexpr int rounds = 5;
    require(session.size() <= cpus, "spin needs 1 or 2 ranks");
    const int workers = cpus / session.size();
    std::uint64_t ten_us = workloads::rounds(10'000);
    MPI_Bcast(&ten_us, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD);  // the ranks measure different numbers
    const std::vector<std::uint64_t> items(1'000'000, ten_us);
    const std::span some = std::span(items).first(100'000);
    const workloads::spin spin;
    cost loop;
    cost map;
    cost mpi_map;
    for (int round = 0; round < rounds; ++round) {
        if (session.rank() == 0) {
            volatile std::uint64_t sink = 0;
            measure(loop, some.size(), 1, [&] {
                for (const std::uint64_t item : some) sink = sink + spin(item);
            });
            measure(map, some.size(), cpus, [&] { static_cast<void>(parmap::map(some, spin, {.max_workers = cpus})); });
        }
        MPI_Barrier(MPI_COMM_WORLD);  // the call shall not include the wait for the other rank
        std::vector<std::uint64_t> results;
        measure(mpi_map, items.size(), cpus,
                [&] { results = parmap::mpi::map(MPI_COMM_WORLD, items, spin, {.max_workers = workers}); });
        double all_ranks = 0;
        MPI_Reduce(&mpi_map.cpu.back(), &all_ranks, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
        mpi_map.cpu.back() = all_ranks;
        require(session.rank() != 0 || (results.size() == items.size() && results.back() == spin(items.back())),
                "a wrong result");
    }
    if (session.rank() != 0) return;
    fmt::print("{} items of 10 us on {} rank(s) x {} worker(s), ns an item:\n", items.size(), session.size(), workers);
    fmt::print("| | wall time x CPUs | CPU time |\n|---|---|---|\n");
    for (const auto& [name, took] :
         {std::pair{"a loop", &loop}, {"parmap::map", &map}, {"parmap::mpi::map", &mpi_map}}) {
        fmt::print("| {} | {:.0f} | {:.0f} |\n", name, median(took->wall), median(took->cpu));
    }
    fmt::print("An item costs {:.0f} ns of wall time, {:.0f} ns of CPU time more than in a loop.\n",
               median(mpi_map.wall) - median(loop.wall), median(mpi_map.cpu) - median(loop.cpu));
}

/// One small message in each direction, as src/mpi/transport.cpp sends them, but without sleeps between polls.
class ping_pong {
public:
    /// Waits for a message, and takes it. \return when it had arrived
    clock::time_point take(int from)
    {
        MPI_Status status;
        for (int is_there = 0; is_there == 0;) MPI_Iprobe(from, 0, MPI_COMM_WORLD, &is_there, &status);
        const clock::time_point there = clock::now();
        int size = 0;
        MPI_Get_count(&status, MPI_BYTE, &size);
        std::vector<std::byte> message(static_cast<std::size_t>(size));
        MPI_Recv(message.data(), size, MPI_BYTE, from, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        return there;
    }

    /// \return the time to take and answer a message that has arrived
    double answer(int from)
    {
        const clock::time_point there = take(from);
        send(from);
        return std::chrono::duration<double>(clock::now() - there).count();
    }

    void send(int to)
    {
        finish();
        MPI_Isend(message_.data(), static_cast<int>(message_.size()), MPI_BYTE, to, 0, MPI_COMM_WORLD, &sent_);
    }

    void finish() { MPI_Wait(&sent_, MPI_STATUS_IGNORE); }

private:
    std::vector<std::byte> message_{256};
    MPI_Request sent_{MPI_REQUEST_NULL};
};

void pass_messages(const parmap::mpi::session& session)
{
    constexpr int rounds = 20'001;
    require(session.size() == 2, "messages needs 2 ranks");
    ping_pong side;
    if (session.rank() != 0) {
        for (int round = 0; round < rounds; ++round) side.answer(0);
        side.finish();
        return;
    }
    std::vector<double> there_and_back;
    std::vector<double> served;
    side.send(1);
    for (int round = 1; round < rounds; ++round) {
        there_and_back.push_back(seconds([&] { served.push_back(side.answer(1)); }));
    }
    side.take(1);
    fmt::print("mpi_simulation --latency {:.0f} --service {:.0f}\n", 1e9 * median(there_and_back) / 2,
               1e9 * median(served));
}

}  // namespace

int main(int argc, char** argv)
{
    const parmap::mpi::session session(argc, argv);
    const std::string_view what = argc == 2 ? argv[1] : "";
    if (what == "wait") {
        wait_for_items(session);
    } else if (what == "spin") {
        spin_items(session);
    } else if (what == "messages") {
        pass_messages(session);
    } else {
        if (session.rank() == 0) std::cerr << "usage: mpi_bench wait|spin|messages\n";
        return 2;
    }
}
