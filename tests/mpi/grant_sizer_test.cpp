// SPDX-License-Identifier: Apache-2.0
// Which items a rank is granted: sizes of blocks, by the numbers.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <ostream>
#include <vector>

#include <gtest/gtest.h>

#include "mpi/grant_sizer.hpp"
#include "support/random_cases.hpp"

namespace {

using namespace std::chrono_literals;
using parmap::mpi::detail::grant_sizer;
using parmap::testing::dice;
using parmap::testing::for_random_cases;

std::size_t size_of(grant_sizer::block block)
{
    return block.end - block.begin;
}

TEST(GrantSizer, GrantsAQuarterOfAnEqualShareOfWhatIsLeft)
{
    grant_sizer all(1'000, {2, 2, 1}, 1);
    EXPECT_EQ(size_of(all.next(0)), 1'000 / 20 * 2);
    EXPECT_EQ(size_of(all.next(1)), 900 / 20 * 2);
    EXPECT_EQ(size_of(all.next(2)), 810 / 20);
}

TEST(GrantSizer, EndsWithSingleItems)
{
    grant_sizer all(20, {1, 1}, 1);
    std::vector<std::size_t> sizes;
    while (!all.is_all_granted()) sizes.push_back(size_of(all.next(0)));
    EXPECT_EQ(sizes, (std::vector<std::size_t>{2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
}

TEST(GrantSizer, FirstOfAllEveryWorkerGetsAnItem)
{
    grant_sizer all(1'024 * 64, std::vector<int>(1'024, 64), 1);
    for (std::size_t rank = 0; rank < 1'024; ++rank) ASSERT_EQ(size_of(all.next(rank)), 64U);
    EXPECT_TRUE(all.is_all_granted());
}

TEST(GrantSizer, FewItemsGoToAsManyRanksAsThereAre)
{
    grant_sizer all(3, {64, 64, 64}, 1);
    for (std::size_t rank = 0; rank < 3; ++rank) EXPECT_EQ(size_of(all.next(rank)), 1U);
}

TEST(GrantSizer, NoRankGetsMoreThanItsShareBecauseMessagesAreDear)
{
    grant_sizer all(1'000, {1, 1, 1, 1}, 1);
    all.measured(1ms, 50ms);
    EXPECT_EQ(size_of(all.next(0)), 250U) << "not 4 x 4 x 50";
}

TEST(GrantSizer, OfNothingEverythingIsGranted)
{
    grant_sizer none(0, {1, 2}, 1);
    EXPECT_TRUE(none.is_all_granted());
    EXPECT_EQ(size_of(none.next(1)), 0U);
}

TEST(GrantSizer, ABlockThatIsAskedForTooLateIsEmpty)
{
    grant_sizer all(1, {1}, 8);
    EXPECT_EQ(size_of(all.next(0)), 1U);
    EXPECT_TRUE(all.is_all_granted());
    EXPECT_EQ(size_of(all.next(0)), 0U);
}

TEST(GrantSizer, ABlockIsAMillisecondOfWorkForEveryWorkerOfTheRank)
{
    grant_sizer all(1'000, {1, 4}, 1);
    all.measured(100us, 1us);
    EXPECT_EQ(size_of(all.next(0)), 50U) << "the share is more";
    while (size_of(all.next(0)) > 10) {
    }
    EXPECT_EQ(size_of(all.next(0)), 10U);
    EXPECT_EQ(size_of(all.next(1)), 40U);
    EXPECT_EQ(size_of(all.next(0)), 10U);
}

TEST(GrantSizer, ItemsThatTakeLongAreGrantedOneByOneAtTheEnd)
{
    grant_sizer all(8, {1, 1}, 1);
    all.measured(1h, 1us);
    for (int i = 0; i < 8; ++i) EXPECT_EQ(size_of(all.next(1)), 1U);
    EXPECT_TRUE(all.is_all_granted());
}

TEST(GrantSizer, ItemsOfLessThanANanosecondHaveACostToo)
{
    grant_sizer all(100'000'000, {1}, 1);
    all.measured(std::chrono::duration<double, std::nano>(0.5), 1us);
    std::size_t least = SIZE_MAX;
    while (true) {
        const std::size_t size = size_of(all.next(0));
        if (all.is_all_granted()) break;
        least = std::min(least, size);
    }
    EXPECT_GE(least, 2'000'000U);
}

TEST(GrantSizer, BlocksGrowWithTheTimeThatRankZeroNeedsForOne)
{
    const auto least_with = [](std::chrono::nanoseconds service) {
        grant_sizer all(1'000'000'000, std::vector<int>(1'024, 64), 1);
        all.measured(1us, service);
        std::size_t least = SIZE_MAX;
        while (true) {
            const std::size_t size = size_of(all.next(0));
            if (all.is_all_granted()) return least;
            least = std::min(least, size);
        }
    };
    EXPECT_EQ(least_with(0us), 64'000U);
    EXPECT_EQ(least_with(900ns), 64'000U) << "a millisecond is more than 1,024 x 900 ns";
    EXPECT_EQ(least_with(2us), 1'024U * 2 * 64) << "at the end, rank 0 serves all of the time";
    EXPECT_EQ(least_with(10us), 1'024U * 10 * 64);
}

TEST(GrantSizer, HugeSizesDoNotOverflow)
{
    for (const std::size_t size : {std::size_t{1} << 60, SIZE_MAX, SIZE_MAX - 6}) {
        for (const std::size_t quantum : {std::size_t{1}, std::size_t{1} << 48, (std::size_t{1} << 48) + 1}) {
            grant_sizer all(size, std::vector<int>(1'024, 64), quantum);
            std::size_t end = 0;
            for (std::size_t rank = 0; rank < 1'024; ++rank) {
                const grant_sizer::block block = all.next(rank);
                ASSERT_EQ(block.begin, end);
                ASSERT_GT(block.end, block.begin);
                ASSERT_LT(block.end, size);
                end = block.end;
                all.measured(1'000h, 1'000h);
            }
            all.measured(1ns, 1'000h);
            EXPECT_EQ(all.next(5).end, size) << "more than all that is left would be needed";
        }
    }
}

struct scenario {
    std::size_t size;
    std::vector<int> workers;
    std::size_t quantum;

    friend std::ostream& operator<<(std::ostream& out, const scenario& s)
    {
        out << s.size << " items, quantum " << s.quantum << ", workers";
        for (const int n : s.workers) out << ' ' << n;
        return out;
    }
};

scenario random_scenario(dice& random)
{
    scenario s{.size = random.below(random.one_of<std::size_t>({2, 100, 10'000, std::size_t{1} << 60})),
               .workers = {},
               .quantum = 1};
    for (std::size_t n = 1 + random.below(random.one_of<std::size_t>({1, 8, 100})); n != 0; --n) {
        s.workers.push_back(1 + static_cast<int>(random.below(64)));
    }
    if (random.one_in(2)) s.quantum = 1 + s.size / 4096;
    if (random.one_in(4)) s.quantum = 1 + random.below(1'000);
    return s;
}

/// The items of a block before anything is measured.
std::size_t guided(const scenario& s, std::size_t left, std::size_t rank, bool is_first)
{
    const auto all = static_cast<std::size_t>(std::accumulate(s.workers.begin(), s.workers.end(), 0));
    const auto workers = static_cast<std::size_t>(s.workers[rank]);
    const std::size_t share = left / (4 * all) * workers + left % (4 * all) * workers / (4 * all);
    const std::size_t even = s.size / all * workers + (s.size % all * workers + all - 1) / all;
    const std::size_t items = std::max<std::size_t>(share, is_first ? std::min(workers, even) : 1);
    return std::min((items + s.quantum - 1) / s.quantum * s.quantum, left);
}

TEST(GrantSizer, RandomBlocksAreAdjacentAndEndAtTheEnd)
{
    for_random_cases(5'000, [](dice& random) {
        const scenario s = random_scenario(random);
        SCOPED_TRACE(::testing::Message() << s);
        grant_sizer all(s.size, s.workers, s.quantum);
        const bool learns = random.one_in(2);
        bool knows = false;
        std::vector<bool> has_begun(s.workers.size());
        std::size_t end = 0;
        while (!all.is_all_granted()) {
            const std::size_t rank = random.below(s.workers.size());
            const grant_sizer::block block = all.next(rank);
            ASSERT_EQ(block.begin, end);
            ASSERT_GT(block.end, block.begin);
            ASSERT_LE(block.end, s.size);
            ASSERT_EQ(block.begin % s.quantum, 0U);
            const std::size_t expected = guided(s, s.size - end, rank, !has_begun[rank]);
            has_begun[rank] = true;
            if (knows) {
                ASSERT_GE(size_of(block), expected);
            } else {
                ASSERT_EQ(size_of(block), expected);
            }
            end = block.end;
            if (learns && random.one_in(3)) {
                all.measured(std::chrono::nanoseconds(random.below(1'000'000)),
                             std::chrono::nanoseconds(random.below(1'000'000)));
                knows = true;
            }
        }
        ASSERT_EQ(end, s.size);
    });
}

TEST(GrantSizer, RandomCostsAreNeverMoreThanRankZeroCanServe)
{
    for_random_cases(5'000, [](dice& random) {
        const scenario s = random_scenario(random);
        const auto item = std::chrono::nanoseconds(1 + random.below(10'000));
        const auto service = std::chrono::nanoseconds(random.below(100'000));
        SCOPED_TRACE(::testing::Message()
                     << s << ", " << item.count() << " ns an item, service " << service.count() << " ns");
        grant_sizer all(s.size, s.workers, s.quantum);
        all.measured(item, service);
        while (!all.is_all_granted()) {
            const std::size_t rank = random.below(s.workers.size());
            const grant_sizer::block block = all.next(rank);
            const std::size_t left = s.size - block.begin;
            if (all.is_all_granted()) break;  // what was left
            const double busy_ns =
                static_cast<double>(size_of(block)) * static_cast<double>(item.count()) / s.workers[rank];
            ASSERT_GE(busy_ns, 0.999e6);
            // If every rank's block were as short, rank 0 would serve all ranks in this time. Unless the rank gets its
            // even share, that takes a quarter of the time at most.
            const auto all_service_ns = static_cast<double>(service.count()) * static_cast<double>(s.workers.size());
            const auto even =
                static_cast<double>(left) * s.workers[rank] / std::accumulate(s.workers.begin(), s.workers.end(), 0.0);
            ASSERT_LE(all_service_ns,
                      (static_cast<double>(size_of(block)) < 0.999 * even - 1 ? 0.2501 : 1.0001) * busy_ns);
        }
    });
}

}  // namespace
