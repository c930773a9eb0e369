// SPDX-License-Identifier: Apache-2.0
#include "graph/quick_clock.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <semaphore>
#include <thread>

namespace parmap::detail {
namespace {

using steady = std::chrono::steady_clock;

// 2,000 ticks at 1 GHz: no processor counts more slowly.
constexpr auto most_behind = std::chrono::microseconds(2);

TEST(QuickClock, IsUpToTwoMicrosecondsBehind)
{
    quick_clock clock;
    for (int i = 0; i < 1'000; ++i) {
        const auto before = clock.last();
        const auto wait = std::chrono::nanoseconds(i * 100);
        const auto until = steady::now() + wait;
        while (steady::now() < until) {
        }
        const auto now = clock.now();
        EXPECT_GE(now, until - most_behind) << wait.count();
        EXPECT_LE(now, steady::now()) << wait.count();
        EXPECT_GE(now, before) << wait.count();
        EXPECT_EQ(clock.last(), now);
    }
}

TEST(QuickClock, IsOnTimeAfterASleep)
{
    quick_clock clock;
    for (int i = 0; i < 20; ++i) {
        const auto until = clock.last() + std::chrono::microseconds(200);
        std::binary_semaphore is_over(0);
        const std::jthread other([&] {
            while (steady::now() < until) {
            }
            is_over.release();
        });
        is_over.acquire();
        EXPECT_GE(clock.now(), until - most_behind);
    }
}

#ifdef __x86_64__
TEST(QuickClock, GivesTheSameTimeWhenReadTwiceAtOnce)
{
    quick_clock clock;
    int same = 0;  // not each time: the thread may be interrupted between
    for (int i = 0; i < 1'000; ++i) {
        const auto once = clock.now();
        same += once == clock.now() ? 1 : 0;
    }
    EXPECT_GT(same, 0);
}
#endif

}  // namespace
}  // namespace parmap::detail
