// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdint>
#include <memory>
#include <ranges>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <parmap/parmap.hpp>

namespace {

TEST(Vector, LeavesTrivialElementsUnwritten)
{
    // The memory of the new element keeps its value.
    int place = 42;
    parmap::first_touch_allocator<int>().construct(&place);
    EXPECT_EQ(place, 42);
}

TEST(Vector, ConstructsOtherElements)
{
    const parmap::vector<std::string> words(3);
    EXPECT_EQ(words[2], "");
    const parmap::vector<int> ones(3, 1);
    EXPECT_EQ(ones[2], 1);
}

TEST(Vector, HoldsLargeAndOverAlignedElements)
{
    parmap::vector<char> large(std::size_t{40} << 20U);
    large.front() = 'a';
    large.back() = 'z';
    parmap::vector<char> moved = std::move(large);
    EXPECT_EQ(moved.back(), 'z');

    struct alignas(512) wide {
        int value;
    };
    const parmap::vector<wide> aligned(3);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&aligned[1]) % 512, 0U);
}

TEST(Vector, ALargeMapIsRight)
{
    // Larger than large_block, so the workers populate its pages; not a whole number of huge pages.
    constexpr std::size_t size = (std::size_t{40} << 20U) / sizeof(double) + 5;
    const auto numbers = std::views::iota(std::size_t{0}, size);
    const auto half = [](std::size_t x) { return static_cast<double>(x) / 2; };
    const auto plain = parmap::map(numbers, half);
    const auto first_touch = parmap::map_to<parmap::vector<double>>(numbers, half);
    ASSERT_EQ(plain.size(), size);
    ASSERT_EQ(first_touch.size(), size);
    for (const std::size_t i : numbers) {
        ASSERT_EQ(plain[i], half(i));
        ASSERT_EQ(first_touch[i], half(i));
    }
}

TEST(Vector, ALargeMapStopsBeforeItsFirstItem)
{
    constexpr std::size_t size = std::size_t{8} << 20U;
    const auto numbers = std::views::iota(std::size_t{0}, size);
    EXPECT_THROW(parmap::map(numbers, [](std::size_t x) { return x; }, {.timeout = std::chrono::seconds(0)}),
                 parmap::cancelled);
}

TEST(Vector, PopulateChangesNoContent)
{
    constexpr std::size_t huge_page = std::size_t{2} << 20U;
    std::vector<char> memory(5 * huge_page, 'x');
    const parmap::options defaults;
    const parmap::detail::run_limits limits(defaults);
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, huge_page, 3 * huge_page + 77}) {
        parmap::detail::populate(memory.data() + 100, bytes, limits);
    }
    EXPECT_EQ(memory, std::vector<char>(5 * huge_page, 'x')) << "the content stays";
}

TEST(Vector, RefusesASizeThatNoMemoryHas)
{
    EXPECT_THROW(static_cast<void>(parmap::first_touch_allocator<double>().allocate(SIZE_MAX / 4)),
                 std::bad_array_new_length);
}

}  // namespace
