// SPDX-License-Identifier: Apache-2.0
// The cost of a bar: a map of many trivial items and an empty map, each with and without a bar, and one tick of a
// progress_scope. The bar is drawn on a terminal, whose output a thread reads.
//   tqdm publishes 64 ns a tick, indicators 94 us.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <parmap/parmap.hpp>

namespace {

/// A terminal whose output is read and discarded.
class terminal {
public:
    terminal()
    {
        const winsize size{.ws_row = 24, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
        if (::openpty(&screen_, &fd, nullptr, nullptr, &size) != 0) std::abort();
        std::thread([screen = screen_] {
            char buffer[4096];
            while (::read(screen, buffer, sizeof buffer) > 0) {
            }
        }).detach();
    }

    int fd{};

private:
    int screen_{};
};

parmap::progress_sink bar(bool on)
{
    static const terminal shown;
    if (!on) return {};
    return parmap::progress_bar{.label = "bench", .style = parmap::bar_style::terminal, .fd = shown.fd};
}

/// \param state  range(0): with a bar or without
void hundred_million_trivial_items(benchmark::State& state)
{
    static std::vector<std::uint32_t> items(100'000'000, 1);
    for (auto _ : state) {
        parmap::for_each(items, [](std::uint32_t& x) { x = x * 3 + 1; }, {.progress = bar(state.range(0) != 0)});
    }
    state.counters["ns/item"] = benchmark::Counter(static_cast<double>(state.iterations()) * 0.1,
                                                   benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void empty_map(benchmark::State& state)
{
    const std::vector<int> one{1};
    for (auto _ : state) parmap::for_each(one, [](int) {}, {.progress = bar(state.range(0) != 0)});
}

void scope_tick(benchmark::State& state)
{
    parmap::progress_scope scope(std::nullopt, bar(true));
    for (auto _ : state) scope.advance();
}

}  // namespace

BENCHMARK(hundred_million_trivial_items)->ArgName("bar")->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(empty_map)->ArgName("bar")->Arg(0)->Arg(1)->UseRealTime();
BENCHMARK(scope_tick)->UseRealTime();
BENCHMARK_MAIN();
