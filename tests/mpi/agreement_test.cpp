// SPDX-License-Identifier: Apache-2.0
// What ranks compute from their records: in what they differ, and how they share CPUs; and a rank's options.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <parmap/workers.hpp>

#include "mpi/agreement.hpp"
#include "mpi/local_options.hpp"
#include "support/on_workers.hpp"
#include "support/random_cases.hpp"

namespace {

using namespace std::chrono_literals;
using parmap::mpi::detail::binding_notice;
using parmap::mpi::detail::describe_this_process;
using parmap::mpi::detail::difference;
using parmap::mpi::detail::local_options;
using parmap::mpi::detail::rank_record;
using parmap::mpi::detail::text_of;
using parmap::mpi::detail::workers_of;
using parmap::testing::dice;
using parmap::testing::for_random_cases;
using parmap::testing::with_cpus;

constexpr std::int64_t no_timeout = std::numeric_limits<std::int64_t>::max();

rank_record some_rank()
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

rank_record on_cpus(const std::vector<std::size_t>& cpus, std::string_view host = "n1")
{
    rank_record rank = some_rank();
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

std::string difference_of(const std::function<void(rank_record&)>& change)
{
    std::vector<rank_record> ranks(4, some_rank());
    change(ranks[2]);
    ranks[3] = ranks[2];
    return difference(ranks).value_or("none");
}

TEST(Agreement, OfEqualRanksThereIsNothingToSay)
{
    EXPECT_EQ(difference(std::vector<rank_record>(1, some_rank())), std::nullopt);
    EXPECT_EQ(difference(std::vector<rank_record>(5, some_rank())), std::nullopt);
}

TEST(Agreement, NamesWhatDiffersTheRankAndBothValues)
{
    const std::string begin = "parmap::mpi: rank 2 differs from rank 0 in ";
    const std::string end = ": every rank makes the same call with the same range, function and options";
    const std::pair<std::string, std::function<void(rank_record&)>> differences[] = {
        {"the version of parmap: 1.2.4, not 1.2.3", [](rank_record& h) { h.version = text_of<16>("1.2.4"); }},
        {"the call: for_each, not map", [](rank_record& h) { h.kind = text_of<16>("for_each"); }},
        {"the types of the function or its results: its map is another one", [](rank_record& h) { h.types = 18; }},
        {"which ranks have the range: rank 0 (scatter), not every rank", [](rank_record& h) { h.has_size = 0; }},
        {"the size of the range: 99, not 100", [](rank_record& h) { h.size = 99; }},
        {"options::results: everywhere, not on_root", [](rank_record& h) { h.results = 1; }},
        {"options::timeout: 1000 ns, not none", [](rank_record& h) { h.timeout_ns = 1'000; }},
        {"options::grain_size: 7, not 0", [](rank_record& h) { h.grain_size = 7; }}};
    for (const auto& [what, change] : differences) EXPECT_EQ(difference_of(change), begin + what + end);
}

TEST(Agreement, NamesTheFirstRankThatDiffers)
{
    std::vector<rank_record> ranks(4, some_rank());
    ranks[3].version = text_of<16>("0.9");
    ranks[1].grain_size = 2;
    EXPECT_NE(difference(ranks).value_or("").find("rank 1 differs from rank 0 in options::grain_size: 2, not 0"),
              std::string::npos);
}

TEST(Agreement, OfOtherVersionsOnlyTheVersionIsNamed)
{
    const std::string text = difference_of([](rank_record& h) {
        h = {};
        h.version = text_of<16>("9.0.0");
        h.size = 3;
    });
    EXPECT_NE(text.find("version of parmap: 9.0.0, not 1.2.3"), std::string::npos) << text;
    EXPECT_EQ(text.find("size"), std::string::npos) << text;
}

TEST(Agreement, ARankThatCouldNotReadItsRangeIsNotBlamedForItsSize)
{
    EXPECT_EQ(difference_of([](rank_record& h) {
                  h.has_failed = 1;
                  h.size = 0;
              }),
              "none");
    std::vector<rank_record> ranks(2, some_rank());
    ranks[0].has_failed = 1;
    ranks[0].size = 0;
    EXPECT_EQ(difference(ranks), std::nullopt);
}

TEST(Agreement, WhereRankZeroHasTheRangeTheOthersHaveNoSize)
{
    std::vector<rank_record> ranks(3, some_rank());
    for (rank_record& rank : ranks) rank.has_size = 0;
    ranks[0].size = 1'000;
    EXPECT_EQ(difference(ranks), std::nullopt);
}

TEST(Agreement, RanksMayDifferInWhereTheyRunAndWhichReports)
{
    EXPECT_EQ(difference_of([](rank_record& h) {
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
    const std::string text = difference_of([](rank_record& h) { h.version = text_of<16>("1.2.3-and-something-long"); });
    EXPECT_NE(text.find(": 1.2.3-and-somet, not 1.2.3:"), std::string::npos) << text;
}

TEST(Agreement, ATextWithoutAZeroIsReadToItsEnd)
{
    const std::string text = difference_of([](rank_record& h) { h.kind.fill('x'); });
    EXPECT_NE(text.find("the call: " + std::string(16, 'x') + ", not map:"), std::string::npos) << text;
}

// How ranks share CPUs

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
        rank_record rank = on_cpus(cpus_from(0, 8));
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
    rank_record three = on_cpus(cpus_from(0, 8));
    three.max_workers = 3;
    rank_record too_many = three;
    too_many.max_workers = 100;
    rank_record none = three;
    none.max_workers = 0;
    EXPECT_EQ(workers_of(std::vector{three, too_many, none, on_cpus(cpus_from(0, 8))}), (std::vector{3, 8, 1, 8}))
        << "a rank that asks for a number shares with none";
}

TEST(WorkersOfRanks, AQuotaIsAnUpperBound)
{
    rank_record limited = on_cpus(cpus_from(0, 8));
    limited.cpus = 2;
    EXPECT_EQ(workers_of(std::vector{limited}), (std::vector{2}));
}

TEST(WorkersOfRanks, WhatIsLeftOfWholeCpusGoesToARankOnTheSameCpus)
{
    // As `--map-by socket --bind-to socket` gives.
    const rank_record on_first = on_cpus(cpus_from(0, 5));
    const rank_record on_second = on_cpus(cpus_from(5, 5));
    EXPECT_EQ(workers_of(std::vector{on_first, on_second, on_first, on_second}), (std::vector{2, 2, 3, 3}));
}

TEST(WorkersOfRanks, RandomSocketsAreSharedEvenlyAndWhole)
{
    for_random_cases(2'000, [](dice& random) {
        std::vector<std::pair<rank_record, std::size_t>> ranks;  // and their sockets
        std::vector<int> cpus_of;
        std::size_t first = 0;
        for (std::size_t socket = 0; socket != 4; ++socket) {
            const std::size_t cpus = 1 + random.below(100);
            const std::size_t members = 1 + random.below(20);
            const rank_record rank = on_cpus(cpus_from(std::exchange(first, first + cpus), cpus));
            ranks.insert(ranks.end(), members, {rank, socket});
            cpus_of.push_back(static_cast<int>(std::max(cpus, members)));
        }
        for (std::size_t n = ranks.size(); n > 1; --n) std::swap(ranks[n - 1], ranks[random.below(n)]);
        std::vector<rank_record> all;
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
    std::vector<rank_record> ranks;
    for (std::size_t cpu = 0; cpu < 8; ++cpu) ranks.push_back(on_cpus({cpu}));
    EXPECT_EQ(binding_notice(ranks), std::nullopt);
    rank_record single = on_cpus({0});
    single.online = 1;
    EXPECT_EQ(binding_notice(std::vector{single}), std::nullopt) << "the machine has no more";
}

TEST(BindingNotice, IsNotGivenToRanksWithSeveralCpusOrANumberOfWorkers)
{
    EXPECT_EQ(binding_notice(std::vector{on_cpus({0, 1}), on_cpus({2, 3})}), std::nullopt);
    rank_record asked = on_cpus({0});
    asked.max_workers = 1;
    EXPECT_EQ(binding_notice(std::vector{asked, on_cpus({2, 3})}), std::nullopt);
}

// This process

TEST(RankRecord, DescribesThisProcess)
{
    with_cpus(3, [] {
        rank_record self;
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

// Options

/// Names every field of both aggregates: with one more in either, this no longer compiles. Then extend local_options(),
/// or write here that the field has no counterpart.
TEST(LocalOptions, HasEveryFieldThatBothAggregatesHave)
{
    std::stop_source source;
    const parmap::mpi::options given{.max_workers = 3,
                                     .progress = "label",
                                     .stop = source.get_token(),
                                     .timeout = 5s,
                                     .grain_size = 7,
                                     .results = parmap::mpi::results::everywhere};
    const auto& [max_workers, progress, stop, timeout, grain_size, results] = given;
    const parmap::options options = local_options(given);
    const auto& [its_max_workers, its_progress, its_stop, its_timeout, its_grain_size, its_max_in_flight, its_trace] =
        options;
    EXPECT_EQ(its_max_workers, max_workers);
    ASSERT_NE(its_progress.bar(), nullptr);
    EXPECT_EQ(its_progress.bar()->label, progress.bar()->label);
    EXPECT_EQ(its_stop, stop);
    EXPECT_EQ(its_timeout, timeout);
    EXPECT_EQ(its_grain_size, grain_size);
    // Without a counterpart: `results`, which the call itself reads, and what no call on ranks has.
    EXPECT_EQ(results, parmap::mpi::results::everywhere);
    EXPECT_EQ(its_max_in_flight, 0U);
    EXPECT_FALSE(its_trace);
}

}  // namespace
