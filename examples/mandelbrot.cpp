// SPDX-License-Identifier: Apache-2.0
// Draws a part of the Mandelbrot set on every CPU. An item is a row of pixels. The cost of rows differs much: most
// points take a few hundred steps, points in the set take 4,000.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <iomanip>
#include <iostream>
#include <limits>
#include <memory>
#include <numbers>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <png.h>

#include <parmap/parmap.hpp>

#include "command_line.hpp"

namespace {

constexpr std::string_view usage =
    "usage: mandelbrot [--size WIDTHxHEIGHT] [--workers N] [--compare] OUT.png\n"
    "Draws one of the small copies of the Mandelbrot set within the set.\n"
    "  --size WIDTHxHEIGHT  in pixels, each 1 to 30000 (default: 720x480)\n"
    "  --workers N          threads to use; 0 or 1: only the main thread (default: every CPU)\n"
    "  --compare            also time one worker, std::threads with equal shares of the rows, and parmap\n"
    "Exit code: 0, 1 for a failure, 2 for wrong arguments.\n";

using command_line::number;
using command_line::wrong_arguments;

struct arguments {
    int width{720};
    int height{480};
    std::optional<int> workers;
    bool compare{false};
    std::string out;
};

void parse_size(std::string_view text, arguments& args)
{
    const std::size_t x = text.find('x');
    args.width = number(text.substr(0, x)).value_or(0);
    args.height = x == std::string_view::npos ? 0 : number(text.substr(x + 1)).value_or(0);
    if (args.width < 1 || args.width > 30'000 || args.height < 1 || args.height > 30'000) {
        throw wrong_arguments("--size " + std::string(text) + ": give it as 900x600, each 1 to 30000");
    }
}

/// \throws wrong_arguments unless there is one operand.
std::string the_only(const std::vector<std::string>& operands)
{
    if (command_line::at_least_one("OUT.png", operands).size() > 1) {
        throw wrong_arguments(operands[0] + " and " + operands[1] + ": give one OUT.png");
    }
    return operands[0];
}

// The part of the complex plane that is drawn, and the number of steps after which a point counts as in the set.
constexpr double left = -0.7436492;
constexpr double top = 0.1318323;
constexpr double view_width = 0.0000122;
constexpr int most_steps = 4'000;

/// The number of steps of z = z * z + c, from 0, until z is far from 0; infinity for a point in the set. It has a
/// fraction, by how far z went beyond the limit: whole numbers would give bands of colour.
double steps_to_escape(double re, double im)
{
    constexpr double limit = 256 * 256;
    double x = 0;
    double y = 0;
    for (int step = 1; step <= most_steps; ++step) {
        const double xx = x * x;
        const double yy = y * y;
        if (xx + yy > limit) return step - std::log2(std::log(xx + yy) / std::log(limit));
        y = 2 * x * y + im;
        x = xx - yy + re;
    }
    return std::numeric_limits<double>::infinity();
}

using colour = std::array<double, 3>;           // red, green, blue, from 0 to 1
using pixel = std::array<std::uint8_t, 3>;      // the same, from 0 to 255
using image = std::vector<std::vector<pixel>>;  // rows

/// Dark, blue, white, gold, black: along the logarithm of the steps, from 75 on, first blue rises and falls, then
/// green, then red, each while the steps grow 60-fold.
colour colour_after(double steps)
{
    const auto wave = [t = std::log(steps / 75) / std::log(60)](double begin) {
        return 0.5 - 0.5 * std::cos(2 * std::numbers::pi * std::clamp(t - begin, 0.0, 1.0));
    };
    return {wave(0.2), wave(0.1), wave(0)};
}

/// The mean of four points of the pixel, for smooth edges.
pixel draw_pixel(int column, int row, double size)
{
    colour sum{};
    for (const double right : {0.25, 0.75}) {
        for (const double down : {0.25, 0.75}) {
            const double re = left + (column + right) * size;
            const double im = top - (row + down) * size;
            std::ranges::transform(sum, colour_after(steps_to_escape(re, im)), sum.begin(), std::plus{});
        }
    }
    const auto byte = [](double x) { return static_cast<std::uint8_t>(std::lround(x / 4 * 255)); };
    return {byte(sum[0]), byte(sum[1]), byte(sum[2])};
}

std::vector<pixel> draw_row(int row, int width)
{
    std::vector<pixel> pixels(static_cast<std::size_t>(width));
    const double size = view_width / width;
    std::ranges::generate(pixels, [=, column = 0]() mutable { return draw_pixel(column++, row, size); });
    return pixels;
}

/// With parmap: a worker that has finished takes the next rows.
image draw(const arguments& args, const parmap::options& options)
{
    const auto row = [&](int number) { return draw_row(number, args.width); };
    return parmap::map(std::views::iota(0, args.height), row, options);
}

/// Without parmap: each thread draws an equal share of the rows, and then waits for the slowest.
image draw_in_shares(const arguments& args, int threads)
{
    image picture(static_cast<std::size_t>(args.height));
    const auto draw_share = [&](int share) {
        const int end = args.height * (share + 1) / threads;
        for (int row = args.height * share / threads; row < end; ++row) {
            picture[static_cast<std::size_t>(row)] = draw_row(row, args.width);
        }
    };
    std::vector<std::jthread> running;
    running.reserve(static_cast<std::size_t>(threads));
    for (int share = 0; share < threads; ++share) running.emplace_back(draw_share, share);
    running.clear();  // joins the threads
    return picture;
}

/// The seconds that one drawing takes. \throws std::runtime_error when the picture differs from `expected`
template <class Draw>
double seconds(const Draw& draw, const image& expected)
{
    const auto begin = std::chrono::steady_clock::now();
    const image picture = draw();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (picture != expected) throw std::runtime_error("two ways to draw give different pictures");
    return took.count();
}

/// Times three ways to draw the picture. They alternate, so that a machine that slows down slows all three.
void compare(const image& expected, const arguments& args)
{
    const int n = std::clamp(args.workers.value_or(parmap::num_cpus()), 1, parmap::num_cpus());
    std::vector<double> one;
    std::vector<double> shares;
    std::vector<double> all;
    for ([[maybe_unused]] const int round : parmap::tracked(std::views::iota(0, 5), "comparing")) {
        one.push_back(seconds([&] { return draw(args, {.max_workers = 1}); }, expected));
        shares.push_back(seconds([&] { return draw_in_shares(args, n); }, expected));
        all.push_back(seconds([&] { return draw(args, {.max_workers = n}); }, expected));
    }
    for (auto* times : {&one, &shares, &all}) std::ranges::nth_element(*times, times->begin() + 2);
    std::cout << std::fixed << std::setprecision(2) << "median of 5, " << n << " threads\n"
              << "one worker    " << one[2] << " s\n"
              << "equal shares  " << shares[2] << " s, " << one[2] / shares[2] << " times as fast\n"
              << "parmap        " << all[2] << " s, " << one[2] / all[2] << " times as fast\n";
}

/// \throws std::system_error that names the path and the reason.
void write(const image& picture, const std::string& path)
{
    png_image png{};
    png.version = PNG_IMAGE_VERSION;
    png.format = PNG_FORMAT_RGB;
    png.width = static_cast<png_uint_32>(picture.front().size());
    png.height = static_cast<png_uint_32>(picture.size());
    std::vector<pixel> pixels;
    for (const auto& row : picture) pixels.insert(pixels.end(), row.begin(), row.end());

    const auto close = [](std::FILE* file) { static_cast<void>(std::fclose(file)); };
    const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "wb"), close);
    if (file == nullptr || png_image_write_to_stdio(&png, file.get(), 0, pixels.data(), 0, nullptr) == 0 ||
        std::fflush(file.get()) != 0) {
        throw std::system_error(errno, std::generic_category(), path);
    }
}

void run(const arguments& args)
{
    const parmap::progress_bar bar = {.label = "rendering", .unit = "row"};
    const image picture = draw(args, {.max_workers = args.workers, .progress = bar});
    write(picture, args.out);
    if (args.compare) compare(picture, args);
}

}  // namespace

int main(int argc, char** argv)
{
    arguments args;
    return command_line::run("mandelbrot", usage, {argv + 1, argv + argc},
                             {{"--size", "WIDTHxHEIGHT", [&](std::string_view text) { parse_size(text, args); }},
                              command_line::number_option("--workers", args.workers),
                              {"--compare", "", [&](std::string_view) { args.compare = true; }}},
                             [&](const std::vector<std::string>& operands) {
                                 args.out = the_only(operands);
                                 run(args);
                                 if (!std::cout.flush()) throw std::runtime_error("the output could not be written");
                                 return 0;
                             });
}
