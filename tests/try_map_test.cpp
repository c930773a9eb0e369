// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <parmap/try_map.hpp>

#include "support/on_workers.hpp"

namespace {

using parmap::testing::most_workers;
using parmap::testing::on_workers;

int even_only(int x)
{
    if (x % 2 == 1) throw std::runtime_error("odd: " + std::to_string(x));
    return x;
}

TEST(TryMap, KeepsEveryResultAndEveryFailure)
{
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [] {
            const auto all = parmap::try_map(std::views::iota(0, 10'000), even_only);
            ASSERT_EQ(all.values.size(), 10'000U);
            ASSERT_EQ(all.failures.size(), 5'000U);
            for (std::size_t i = 0; i < 10'000; ++i) {
                ASSERT_EQ(all.values[i].has_value(), i % 2 == 0);
                ASSERT_EQ(all.values[i].value_or(-1), i % 2 == 0 ? static_cast<int>(i) : -1);
            }
            for (std::size_t k = 0; k < 5'000; ++k) ASSERT_EQ(all.failures[k].index, 2 * k + 1);
            EXPECT_EQ(all.failures[1].what(), "odd: 3");
            EXPECT_EQ(all.completed(), 5'000U);
            EXPECT_FALSE(all.ok());
            EXPECT_EQ(all.stopped, parmap::stop_reason::none);
        });
    }
}

TEST(TryMap, ValueGivesAllResults)
{
    auto all = parmap::try_map(std::views::iota(0, 100), [](int x) { return std::make_unique<int>(x); });
    ASSERT_TRUE(all.ok());
    const std::vector<std::unique_ptr<int>> values = std::move(all).value();
    ASSERT_EQ(values.size(), 100U);
    EXPECT_EQ(*values[99], 99);
}

TEST(TryMap, ValueThrowsTheLowestFailure)
{
    try {
        static_cast<void>(parmap::try_map(std::views::iota(0, 100), even_only).value());
        FAIL();
    } catch (const std::runtime_error& e) {
        EXPECT_STREQ(e.what(), "odd: 1");
    }
}

TEST(TryMap, ReturnsTheResultsSoFarWhenStopped)
{
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [] {
            std::stop_source source;
            std::atomic<std::size_t> ran{0};
            auto all = parmap::try_map(std::views::iota(0, 100'000),
                                       [&](int x) {
                                           if (x == 50) source.request_stop();
                                           ++ran;
                                           return x;
                                       },
                                       {.stop = source.get_token(), .grain_size = 1});
            EXPECT_EQ(all.stopped, parmap::stop_reason::stop_requested);
            EXPECT_FALSE(all.ok());
            EXPECT_EQ(all.completed(), ran);
            EXPECT_TRUE(all.values[50].has_value());
            EXPECT_FALSE(all.values.back().has_value());
            EXPECT_THROW(static_cast<void>(std::move(all).value()), parmap::cancelled);
        });
    }
}

TEST(TryMap, OfAVoidFunctionReportsWhichItemsReturned)
{
    on_workers(most_workers, [] {
        auto all = parmap::try_map(std::views::iota(0, 1000), [](int x) { even_only(x); });
        static_assert(std::is_same_v<decltype(all), parmap::outcome<void>>);
        ASSERT_EQ(all.done.size(), 1000U);
        for (std::size_t i = 0; i < 1000; ++i) ASSERT_EQ(all.done[i], i % 2 == 0);
        EXPECT_EQ(all.completed(), 500U);
        EXPECT_FALSE(all.ok());
        EXPECT_THROW(std::move(all).value(), std::runtime_error);
    });
}

TEST(TryMap, OfAVoidFunctionReportsThatNothingRan)
{
    std::stop_source source;
    source.request_stop();
    auto all = parmap::try_map(std::views::iota(0, 10), [](int) {}, {.stop = source.get_token()});
    EXPECT_EQ(all.completed(), 0U);
    EXPECT_THROW(std::move(all).value(), parmap::cancelled);
}

TEST(TryMap, OfAVoidFunctionIsOkWhenEveryItemReturned)
{
    auto all = parmap::try_map(std::views::iota(0, 10), [](int) {});
    EXPECT_TRUE(all.ok());
    EXPECT_EQ(all.completed(), 10U);
    EXPECT_NO_THROW(std::move(all).value());
}

TEST(TryMap, GivesBoolsAndNothingForAnEmptyRange)
{
    const auto bools = parmap::try_map(std::views::iota(0, 10), [](int x) { return x > 4; });
    EXPECT_EQ(bools.values[5], std::optional(true));
    const auto none = parmap::try_map(std::vector<int>{}, even_only);
    EXPECT_TRUE(none.ok());
    EXPECT_TRUE(none.values.empty());
}

TEST(Failure, OfAnotherTypeIsAnUnknownException)
{
    const auto all = parmap::try_map(std::views::iota(0, 1), [](int) -> int { throw 3; });
    EXPECT_EQ(all.failures.at(0).what(), "unknown exception");
    EXPECT_EQ((parmap::failure{0, nullptr}).what(), "");
}

}  // namespace
