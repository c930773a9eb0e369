// SPDX-License-Identifier: Apache-2.0
// The price of an Asian option by Monte Carlo, on every CPU of every rank. The random numbers of a path depend on its
// index alone, and the grouping of the sum on the number of paths alone: the price has the same bits on one rank and
// on a hundred.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <iostream>
#include <numbers>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

#include <parmap/mpi.hpp>

#include "command_line.hpp"

namespace {

constexpr std::string_view usage =
    "usage: monte_carlo_mpi [--workers N] [--paths N]\n"
    "Prints the price of a call on the mean of twelve monthly prices, rounded and exactly (hexadecimal).\n"
    "  --workers N  threads of each rank that draw paths (default: every CPU)\n"
    "  --paths N    how many to draw (default: 1000000)\n"
    "Exit code: 0, 1 for a failure, 2 for wrong arguments.\n";

/// Random numbers that are a function of a key and a counter (splitmix64: Steele, Lea and Flood, 2014).
class generator {
public:
    explicit generator(std::uint64_t key) noexcept : state_(mixed(key)) {}

    /// A number from the normal distribution (Box and Muller, 1958).
    double normal() noexcept
    {
        const double radius = std::sqrt(-2 * std::log(uniform()));
        return radius * std::cos(2 * std::numbers::pi * uniform());
    }

private:
    static std::uint64_t mixed(std::uint64_t x) noexcept
    {
        x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
        x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
        return x ^ (x >> 31U);
    }

    /// A number in (0, 1].
    double uniform() noexcept
    {
        state_ += 0x9E3779B97F4A7C15U;
        return static_cast<double>((mixed(state_) >> 11U) + 1) * 0x1p-53;
    }

    std::uint64_t state_;
};

/// The discounted payoff of the option for one path of the share's price, which starts at 100 (Black and Scholes,
/// 1973).
double payoff(std::uint64_t path)
{
    constexpr int months = 12;
    constexpr double rate = 0.03;
    constexpr double volatility = 0.25;
    constexpr double strike = 100;
    constexpr double dt = 1.0 / months;
    generator random(path);
    double price = 100;
    double sum = 0;
    for (int month = 0; month < months; ++month) {
        price *= std::exp((rate - volatility * volatility / 2) * dt + volatility * std::sqrt(dt) * random.normal());
        sum += price;
    }
    return std::exp(-rate) * std::max(sum / months - strike, 0.0);
}

int print_price(const parmap::mpi::session& session, std::optional<int> workers, int paths)
{
    const double sum =
        parmap::mpi::map_reduce(MPI_COMM_WORLD, std::views::iota(std::uint64_t{0}, static_cast<std::uint64_t>(paths)),
                                payoff, 0.0, std::plus<>(), {.max_workers = workers, .progress = "drawing paths"});
    if (session.rank() != 0) return 0;
    const double price = sum / paths;
    std::cout << "price " << price << ' ' << std::hexfloat << price << '\n';
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    const parmap::mpi::session session(argc, argv);
    std::optional<int> workers;
    std::optional<int> paths = 1'000'000;
    return command_line::run(
        "monte_carlo_mpi", usage, {argv + 1, argv + argc},
        {command_line::number_option("--workers", workers), command_line::number_option("--paths", paths)},
        [&](const std::vector<std::string>& operands) {
            if (!operands.empty()) throw command_line::wrong_arguments("nothing is expected after the options");
            return print_price(session, workers, *paths);
        });
}
