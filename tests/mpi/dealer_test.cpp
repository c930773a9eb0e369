// SPDX-License-Identifier: Apache-2.0
#include "mpi/dealer.hpp"

#include <chrono>
#include <cstddef>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using parmap::mpi::detail::dealer;

std::size_t next_items(dealer& deals, std::size_t rank)
{
    const auto [begin, end] = deals.next(rank);
    return end - begin;
}

TEST(Dealer, DealsEveryItemOnceInIncreasingOrder)
{
    dealer deals(10'007, {1, 3, 2}, 5);
    std::size_t next = 0;
    for (std::size_t rank = 0; !deals.is_all_dealt(); rank = (rank + 1) % 3) {
        const auto [begin, end] = deals.next(rank);
        ASSERT_EQ(begin, next);
        ASSERT_GT(end, begin);
        ASSERT_TRUE(end % 5 == 0 || end == 10'007);
        next = end;
    }
    EXPECT_EQ(next, 10'007U);
}

TEST(Dealer, ARanksBlockIsItsWorkersPartOfAQuarterOfWhatIsLeft)
{
    dealer deals(8'000, {2, 6}, 1);
    EXPECT_EQ(next_items(deals, 0), 500U);
    EXPECT_EQ(next_items(deals, 1), 7'500U * 6 / 32);
}

TEST(Dealer, FirstOfAllEveryWorkerGetsAnItem)
{
    std::vector<int> workers(1024, 64);
    dealer deals(1024 * 64, workers, 1);
    for (std::size_t rank = 0; rank < workers.size(); ++rank) ASSERT_EQ(next_items(deals, rank), 64U);
    EXPECT_TRUE(deals.is_all_dealt());
}

TEST(Dealer, FewItemsGoToAsManyRanksAsThereAre)
{
    dealer deals(3, {64, 64, 64}, 1);
    for (std::size_t rank = 0; rank < 3; ++rank) EXPECT_EQ(next_items(deals, rank), 1U);
}

TEST(Dealer, NoBlockIsBelowAMillisecondOfWork)
{
    dealer deals(10'000, {2, 2}, 1);
    deals.measured(10us, 0ns);
    while (deals.next(0).end < 9'000) {
    }
    EXPECT_EQ(next_items(deals, 1), 200U);
}

TEST(Dealer, BlocksAreTheLargerTheMoreRanksAsk)
{
    dealer deals(1'000'000'000, std::vector<int>(100, 1), 1);
    deals.measured(1us, 100us);  // a turn of all ranks takes 10 ms, and a block four times as long
    while (deals.next(0).end < 995'000'000) {
    }
    EXPECT_EQ(next_items(deals, 1), 40'000U);
}

TEST(Dealer, NoRankGetsMoreThanItsShareBecauseMessagesAreDear)
{
    dealer deals(1'000, {1, 1, 1, 1}, 1);
    deals.measured(1ms, 50ms);
    EXPECT_EQ(next_items(deals, 0), 250U);
}

TEST(Dealer, CountsWhatNoMachineHolds)
{
    constexpr std::size_t size = std::numeric_limits<std::size_t>::max() - 1;
    dealer deals(size, std::vector<int>(1024, 64), 1);
    EXPECT_EQ(next_items(deals, 0), size / 4096);
}

}  // namespace
