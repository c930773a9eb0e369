// SPDX-License-Identifier: Apache-2.0
// What ranks conclude from what each says of itself: in what they differ, and who has which CPUs.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <parmap/workers.hpp>

#include "mpi/agreement.hpp"
#include "support/on_workers.hpp"
#include "support/random_cases.hpp"

namespace {

using parmap::mpi::detail::binding_notice;
using parmap::mpi::detail::describe_this_process;
using parmap::mpi::detail::difference;
using parmap::mpi::detail::hello;
using parmap::mpi::detail::text_of;
using parmap::mpi::detail::workers_of;
using parmap::testing::dice;
using parmap::testing::for_random_cases;
using parmap::testing::with_cpus;

constexpr std::int64_t no_timeout = std::numeric_limits<std::int64_t>::max();

hello some_rank()
{
    return {.version = text_of<16>("1.2.3"),
            .kind = text_of<16>("map"),
            .types = 17,
            .size = 100,
            .has_size = 1,
            .timeout_ns = no_timeout,
            .max_workers = -1,
            .cpus = 8,
            .online = 8,
            .host = text_of<64>("n1")};
}

hello on_cpus(const std::vector<std::size_t>& cpus, std::string_view host = "n1")
{
    hello rank = some_rank();
    rank.cpus = static_cast<std::int32_t>(cpus.size());
    rank.host = text_of<64>(host);
    for (const std::size_t cpu : cpus) rank.mask.at(cpu / 64) |= std::uint64_t{1} << cpu % 64;
    return rank;
}

std::vector<std::size_t> cpus_from(std::size_t first, std::size_t n)
{
    std::vector<std::size_t> cpus(n);
    std::iota(cpus.begin(), cpus.end(), first);
    return cpus;
}

// In what ranks differ

std::string difference_of(const std::function<void(hello&)>& change)
{
    std::vector<hello> ranks(4, some_rank());
    change(ranks[2]);
    ranks[3] = ranks[2];
    return difference(ranks).value_or("none");
}

TEST(Agreement, OfEqualRanksThereIsNothingToSay)
{
    EXPECT_EQ(difference(std::vector<hello>(1, some_rank())), std::nullopt);
    EXPECT_EQ(difference(std::vector<hello>(5, some_rank())), std::nullopt);
}

TEST(Agreement, NamesWhatDiffersTheRankAndBothValues)
{
    const std::string begin = "parmap::mpi: rank 2 differs from rank 0 in ";
    const std::string end = ": every rank makes the same call with the same range, function and options";
    const std::pair<std::string, std::function<void(hello&)>> differences[] = {
        {"the version of parmap: 1.2.4, not 1.2.3", [](hello& h) { h.version = text_of<16>("1.2.4"); }},
        {"the call: for_each, not map", [](hello& h) { h.kind = text_of<16>("for_each"); }},
        {"the types of the function or its results: its map is another one", [](hello& h) { h.types = 18; }},
        {"who has the range: rank 0 (scatter), not every rank", [](hello& h) { h.has_size = 0; }},
        {"the size of the range: 99, not 100", [](hello& h) { h.size = 99; }},
        {"options::results: everywhere, not on_root", [](hello& h) { h.results = 1; }},
        {"options::timeout: 1000 ns, not none", [](hello& h) { h.timeout_ns = 1'000; }},
        {"options::grain_size: 7, not 0", [](hello& h) { h.grain_size = 7; }}};
    for (const auto& [what, change] : differences) EXPECT_EQ(difference_of(change), begin + what + end);
}

TEST(Agreement, NamesTheFirstRankThatDiffers)
{
    std::vector<hello> ranks(4, some_rank());
    ranks[3].version = text_of<16>("0.9");
    ranks[1].grain_size = 2;
    EXPECT_NE(difference(ranks).value_or("").find("rank 1 differs from rank 0 in options::grain_size: 2, not 0"),
              std::string::npos);
}

TEST(Agreement, OfOtherVersionsOnlyTheVersionIsSaid)
{
    const std::string said = difference_of([](hello& h) {
        h = {};
        h.version = text_of<16>("9.0.0");
        h.size = 3;
    });
    EXPECT_NE(said.find("version of parmap: 9.0.0, not 1.2.3"), std::string::npos) << said;
    EXPECT_EQ(said.find("size"), std::string::npos) << said;
}

TEST(Agreement, ARankThatCouldNotReadItsRangeIsNotBlamedForItsSize)
{
    EXPECT_EQ(difference_of([](hello& h) {
                  h.has_failed = 1;
                  h.size = 0;
              }),
              "none");
    std::vector<hello> ranks(2, some_rank());
    ranks[0].has_failed = 1;
    ranks[0].size = 0;
    EXPECT_EQ(difference(ranks), std::nullopt);
}

TEST(Agreement, WhereRankZeroHasTheRangeTheOthersHaveNoSize)
{
    std::vector<hello> ranks(3, some_rank());
    for (hello& rank : ranks) rank.has_size = 0;
    ranks[0].size = 1'000;
    EXPECT_EQ(difference(ranks), std::nullopt);
}

TEST(Agreement, RanksMayDifferInWhereTheyRunAndWhoLooks)
{
    EXPECT_EQ(difference_of([](hello& h) {
                  h.max_workers = 3;
                  h.cpus = 1;
                  h.online = 2;
                  h.host = text_of<64>("n2");
                  h.mask[0] = 5;
                  h.is_reported = 1;
              }),
              "none");
}

TEST(Agreement, TextsAreCutToWhatFitsAndEndWithAZero)
{
    EXPECT_EQ(text_of<4>("abc"), (std::array<char, 4>{'a', 'b', 'c', '\0'}));
    EXPECT_EQ(text_of<4>("abcdef"), (std::array<char, 4>{'a', 'b', 'c', '\0'}));
    EXPECT_EQ(text_of<4>(""), (std::array<char, 4>{}));
    const std::string said = difference_of([](hello& h) { h.version = text_of<16>("1.2.3-and-something-long"); });
    EXPECT_NE(said.find(": 1.2.3-and-somet, not 1.2.3:"), std::string::npos) << said;
}

TEST(Agreement, ATextWithoutAZeroIsReadToItsEnd)
{
    const std::string said = difference_of([](hello& h) { h.kind.fill('x'); });
    EXPECT_NE(said.find("the call: " + std::string(16, 'x') + ", not map:"), std::string::npos) << said;
}

// Who has which CPUs

TEST(WorkersOfRanks, ARankAloneHasAllItsCpus)
{
    EXPECT_EQ(workers_of(std::vector{on_cpus(cpus_from(0, 8))}), (std::vector{8}));
    EXPECT_EQ(workers_of(std::vector{on_cpus(cpus_from(60, 10))}), (std::vector{10})) << "in two words";
    EXPECT_EQ(workers_of(std::vector{on_cpus(cpus_from(0, 4'096))}), (std::vector{4'096}));
}

TEST(WorkersOfRanks, RanksOnTheSameCpusShareThem)
{
    EXPECT_EQ(workers_of(std::vector(4, on_cpus(cpus_from(0, 2)))), (std::vector{1, 1, 1, 1}));
    EXPECT_EQ(workers_of(std::vector(2, on_cpus(cpus_from(0, 8)))), (std::vector{4, 4}));
    auto three = workers_of(std::vector(3, on_cpus(cpus_from(0, 8))));
    std::ranges::sort(three);
    EXPECT_EQ(three, (std::vector{2, 3, 3}));
}

TEST(WorkersOfRanks, NoCpuIsLostToRounding)
{
    for (std::size_t ranks = 1; ranks <= 200; ++ranks) {
        for (const std::size_t cpus : {1U, 7U, 64U, 100U, 192U}) {
            const auto workers = workers_of(std::vector(ranks, on_cpus(cpus_from(0, cpus))));
            const int each = std::max(static_cast<int>(cpus / ranks), 1);
            EXPECT_GE(*std::ranges::min_element(workers), each);
            EXPECT_LE(*std::ranges::max_element(workers), each + 1);
            EXPECT_EQ(std::accumulate(workers.begin(), workers.end(), 0), static_cast<int>(std::max(cpus, ranks)))
                << ranks << " ranks on " << cpus;
        }
    }
}

TEST(WorkersOf, ShareAQuotaTooAsInAContainer)
{
    const auto on_eight = [](float quota) {
        hello rank = on_cpus(cpus_from(0, 8));
        rank.quota = quota;
        return rank;
    };
    EXPECT_EQ(workers_of(std::vector(4, on_eight(4.0F))), (std::vector{1, 1, 1, 1}));
    EXPECT_EQ(workers_of(std::vector(2, on_eight(16.0F))), (std::vector{4, 4})) << "more than there are";
    EXPECT_EQ(workers_of(std::vector{on_eight(1.5F)}), (std::vector{2})) << "rounded up, as num_cpus() is";
}

TEST(WorkersOfRanks, BoundRanksHaveTheirOwnCpus)
{
    EXPECT_EQ(workers_of(std::vector{on_cpus({0}), on_cpus({1}), on_cpus({2, 3, 4}), on_cpus({5, 70})}),
              (std::vector{1, 1, 3, 2}));
}

TEST(WorkersOfRanks, MasksThatOverlapInPartAreSharedInThatPart)
{
    EXPECT_EQ(workers_of(std::vector{on_cpus(cpus_from(0, 4)), on_cpus(cpus_from(2, 4))}), (std::vector{3, 3}));
    EXPECT_EQ(workers_of(std::vector{on_cpus(cpus_from(0, 8)), on_cpus({0})}), (std::vector{7, 1}));
}

TEST(WorkersOfRanks, RanksOfOtherMachinesShareNothing)
{
    const auto cpus = cpus_from(0, 4);
    EXPECT_EQ(workers_of(std::vector{on_cpus(cpus, "n1"), on_cpus(cpus, "n2"), on_cpus(cpus, "n2")}),
              (std::vector{4, 2, 2}));
}

TEST(WorkersOfRanks, MaxWorkersCountsAsAskedUpToTheCpus)
{
    hello three = on_cpus(cpus_from(0, 8));
    three.max_workers = 3;
    hello too_many = three;
    too_many.max_workers = 100;
    hello none = three;
    none.max_workers = 0;
    EXPECT_EQ(workers_of(std::vector{three, too_many, none, on_cpus(cpus_from(0, 8))}), (std::vector{3, 8, 1, 8}))
        << "who asks for a number shares with nobody";
}

TEST(WorkersOfRanks, AQuotaIsAnUpperBound)
{
    hello limited = on_cpus(cpus_from(0, 8));
    limited.cpus = 2;
    EXPECT_EQ(workers_of(std::vector{limited}), (std::vector{2}));
}

TEST(WorkersOfRanks, WhatIsLeftOfWholeCpusGoesToARankOnTheSameCpus)
{
    // As `--map-by socket --bind-to socket` gives.
    const hello on_first = on_cpus(cpus_from(0, 5));
    const hello on_second = on_cpus(cpus_from(5, 5));
    EXPECT_EQ(workers_of(std::vector{on_first, on_second, on_first, on_second}), (std::vector{2, 2, 3, 3}));
}

TEST(WorkersOfRanks, RandomSocketsAreSharedEvenlyAndWhole)
{
    for_random_cases(2'000, [](dice& random) {
        std::vector<std::pair<hello, std::size_t>> ranks;  // and their sockets
        std::vector<int> cpus_of;
        std::size_t first = 0;
        for (std::size_t socket = 0; socket != 4; ++socket) {
            const std::size_t cpus = 1 + random.below(100);
            const std::size_t members = 1 + random.below(20);
            const hello rank = on_cpus(cpus_from(std::exchange(first, first + cpus), cpus));
            ranks.insert(ranks.end(), members, {rank, socket});
            cpus_of.push_back(static_cast<int>(std::max(cpus, members)));
        }
        for (std::size_t n = ranks.size(); n > 1; --n) std::swap(ranks[n - 1], ranks[random.below(n)]);
        std::vector<hello> all;
        for (const auto& [rank, socket] : ranks) all.push_back(rank);
        const std::vector<int> workers = workers_of(all);
        ASSERT_EQ(workers.size(), ranks.size());
        std::vector<int> sums(cpus_of.size());
        for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
            ASSERT_GE(workers[rank], 1);
            ASSERT_LE(workers[rank], all[rank].cpus);
            sums[ranks[rank].second] += workers[rank];
        }
        ASSERT_EQ(sums, cpus_of);
    });
}

// Ranks that were bound to one CPU

TEST(BindingNotice, IsGivenWhereCpusAreLeftUnused)
{
    const std::string rest =
        " bound to one CPU: `mpirun --bind-to none` (or `--map-by node:PE=k`) gives a rank its CPUs";
    EXPECT_EQ(binding_notice(std::vector{on_cpus({0}), on_cpus({1})}), "parmap::mpi: 2 of 2 ranks are" + rest);
    EXPECT_EQ(binding_notice(std::vector{on_cpus({3}), on_cpus({1, 2})}), "parmap::mpi: 1 of 2 ranks is" + rest);
    EXPECT_EQ(binding_notice(std::vector{on_cpus(cpus_from(0, 8), "n1"), on_cpus({64}, "n2")}),
              "parmap::mpi: 1 of 2 ranks is" + rest);
}

TEST(BindingNotice, IsNotGivenWhereEveryCpuHasItsRank)
{
    std::vector<hello> ranks;
    for (std::size_t cpu = 0; cpu < 8; ++cpu) ranks.push_back(on_cpus({cpu}));
    EXPECT_EQ(binding_notice(ranks), std::nullopt);
    hello single = on_cpus({0});
    single.online = 1;
    EXPECT_EQ(binding_notice(std::vector{single}), std::nullopt) << "the machine has no more";
}

TEST(BindingNotice, IsNotGivenToRanksWithSeveralCpusOrANumberOfWorkers)
{
    EXPECT_EQ(binding_notice(std::vector{on_cpus({0, 1}), on_cpus({2, 3})}), std::nullopt);
    hello asked = on_cpus({0});
    asked.max_workers = 1;
    EXPECT_EQ(binding_notice(std::vector{asked, on_cpus({2, 3})}), std::nullopt);
}

// This process

TEST(Hello, DescribesThisProcess)
{
    with_cpus(3, [] {
        hello self;
        describe_this_process(self, std::nullopt);
        EXPECT_NE(self.host[0], '\0');
        EXPECT_EQ(self.max_workers, -1);
        EXPECT_EQ(self.cpus, 3);
        EXPECT_GE(self.online, 1);
        EXPECT_TRUE(std::ranges::any_of(self.mask, [](std::uint64_t bits) { return bits != 0; }));
        describe_this_process(self, 5);
        EXPECT_EQ(self.max_workers, 5);
    });
}

}  // namespace
