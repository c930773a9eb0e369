// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <parmap/vector.hpp>

namespace {

TEST(Vector, LeavesTrivialElementsUnwritten)
{
    // The place of an element that is there already keeps its value.
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

TEST(Vector, RefusesMoreThanThereIs)
{
    EXPECT_THROW(static_cast<void>(parmap::first_touch_allocator<double>().allocate(SIZE_MAX / 4)),
                 std::bad_array_new_length);
}

}  // namespace
