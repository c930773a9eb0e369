// SPDX-License-Identifier: Apache-2.0
// Calls over several ranks, each of which runs this program: what every rank gets or throws.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <forward_list>
#include <functional>
#include <iostream>
#include <latch>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <parmap/mpi.hpp>
#include <parmap/workers.hpp>

#include "mpi/transport.hpp"
#include "support/keep_busy.hpp"
#include "support/on_workers.hpp"
#include "support/random_cases.hpp"

namespace {

using namespace std::chrono_literals;
using parmap::mpi::results;
using parmap::testing::dice;
using parmap::testing::keep_busy;
using parmap::testing::with_cpus;

int rank_of(MPI_Comm communicator = MPI_COMM_WORLD)
{
    int rank = 0;
    MPI_Comm_rank(communicator, &rank);
    return rank;
}

int ranks_of(MPI_Comm communicator = MPI_COMM_WORLD)
{
    int ranks = 0;
    MPI_Comm_size(communicator, &ranks);
    return ranks;
}

bool is_root()
{
    return rank_of() == 0;
}

/// Whether it is true on some rank.
bool on_any_rank(bool here)
{
    int mine = here ? 1 : 0;
    int any = 0;
    MPI_Allreduce(&mine, &any, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    return any != 0;
}

/// The text of what a call throws, which must be an `Error`; and the same on every rank.
template <class Error, class Call>
std::string error_of(const Call& call)
{
    std::string text;
    try {
        call();
        ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& e) {
        text = e.what();
    }
    std::vector<char> roots(1000);
    text.copy(roots.data(), roots.size() - 1);
    MPI_Bcast(roots.data(), static_cast<int>(roots.size()), MPI_CHAR, 0, MPI_COMM_WORLD);
    EXPECT_EQ(text, std::string(roots.data()));
    return text;
}

auto numbers(int n)
{
    return std::views::iota(0, n);
}

TEST(Ranks, GiveResultsInInputOrderToRankZero)
{
    const auto squares = parmap::mpi::map(MPI_COMM_WORLD, numbers(10'000), [](int x) { return x * x; });
    ASSERT_EQ(squares.size(), is_root() ? 10'000 : 0);
    for (std::size_t i = 0; i < squares.size(); ++i) ASSERT_EQ(squares[i], static_cast<int>(i * i));
}

TEST(Ranks, GiveResultsToEveryRankByOption)
{
    const auto texts = parmap::mpi::map(MPI_COMM_WORLD, numbers(1'000),
                                        [](int x) { return std::string(static_cast<std::size_t>(x), 'x'); },
                                        {.results = results::everywhere});
    ASSERT_EQ(texts.size(), 1'000U);
    for (std::size_t i = 0; i < texts.size(); ++i) ASSERT_EQ(texts[i], std::string(i, 'x'));
}

TEST(Ranks, RunEveryItemOnce)
{
    for (const int n : {0, 1, 2, 3, 1'000}) {
        std::atomic<int> here{0};
        parmap::mpi::for_each(MPI_COMM_WORLD, numbers(n), [&](int) { ++here; });
        int mine = here;
        int all = 0;
        MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
        EXPECT_EQ(all, n);
    }
}

TEST(Ranks, AllTakePart)
{
    std::atomic<bool> has_one{false};
    const auto is_everywhere = [&](int) {
        has_one = true;
        keep_busy(1ms);
        return rank_of();
    };
    const auto by = parmap::mpi::map(MPI_COMM_WORLD, numbers(64 * ranks_of()), is_everywhere);
    EXPECT_TRUE(has_one) << "rank " << rank_of();
    for (int rank = 0; is_root() && rank < ranks_of(); ++rank) EXPECT_TRUE(std::ranges::count(by, rank) > 0) << rank;
}

TEST(Ranks, MakeOneItemOfAnyKindOfRange)
{
    std::forward_list<std::string> words{"one", "three", "fifteen"};
    const auto lengths = parmap::mpi::map(MPI_COMM_WORLD, words, &std::string::size, {.results = results::everywhere});
    EXPECT_EQ(lengths, (std::vector<std::size_t>{3, 5, 7}));
    const auto with_index = parmap::mpi::map(MPI_COMM_WORLD, words,
                                             [](std::size_t i, const std::string& word) { return std::pair(i, word); },
                                             {.results = results::everywhere});
    EXPECT_EQ(with_index.at(2), std::pair(std::size_t{2}, std::string("fifteen")));
}

/// Has no default constructor, and a serializer of its own.
struct named {
    named(std::string n, std::vector<double> v) : name(std::move(n)), values(std::move(v)) {}
    std::string name;
    std::vector<double> values;
};

}  // namespace

template <>
struct parmap::mpi::serializer<named> {
    static void write(writer& to, const named& value)
    {
        if (value.name == "unwritable") throw std::runtime_error("cannot be written");
        to.value(value.name);
        to.value(value.values);
    }
    static named read(reader& from)
    {
        auto name = from.value<std::string>();
        if (name == "unreadable") throw std::runtime_error("cannot be read");
        return {std::move(name), from.value<std::vector<double>>()};
    }
};

namespace {

TEST(Results, OfTypesWithASerializerOfTheirOwnTravel)
{
    const auto all = parmap::mpi::map(
        MPI_COMM_WORLD, numbers(100),
        [](int x) { return named(std::to_string(x), std::vector<double>(static_cast<std::size_t>(x), 0.5)); },
        {.results = results::everywhere});
    ASSERT_EQ(all.size(), 100U);
    EXPECT_EQ(all[7].name, "7");
    EXPECT_EQ(all[7].values.size(), 7U);
}

TEST(Results, ThatCannotBeWrittenOrReadAreFailuresOfTheirItems)
{
    for (const char* const fault : {"unwritable", "unreadable"}) {
        const auto fn = [&](int x) { return named(x == 50 ? fault : "fine", {}); };
        const auto text = error_of<parmap::mpi::item_error>(
            [&] { parmap::mpi::map(MPI_COMM_WORLD, numbers(100), fn, {.grain_size = 1}); });
        EXPECT_NE(text.find(fault == std::string("unwritable") ? "cannot be written" : "cannot be read"),
                  std::string::npos)
            << text;
        const auto tried = parmap::mpi::try_map(MPI_COMM_WORLD, numbers(100), fn);
        if (!is_root()) continue;
        EXPECT_EQ(tried.stopped, parmap::stop_reason::none);
        EXPECT_EQ(tried.completed() + tried.failures.size(), 100U);
        EXPECT_FALSE(tried.values[50].has_value());
    }
}

TEST(Scatter, OfWhatCannotBeWrittenOrReadFailsThoseItems)
{
    for (const char* const fault : {"unwritable", "unreadable"}) {
        std::vector<named> given;
        for (int i = 0; is_root() && i < 100; ++i) given.emplace_back(i == 50 ? fault : "fine", std::vector<double>());
        const auto size = [](const named& n) { return n.name.size(); };
        const auto tried =
            parmap::mpi::try_map(MPI_COMM_WORLD, parmap::mpi::scatter(given), size, {.results = results::everywhere});
        EXPECT_EQ(tried.completed() + tried.failures.size(), 100U);
        const auto is_of_fault = [&](const parmap::failure& f) {
            return f.what().find(fault == std::string("unwritable") ? "cannot be written" : "cannot be read") !=
                   std::string::npos;
        };
        EXPECT_TRUE(std::ranges::all_of(tried.failures, is_of_fault));
        bool fails = false;
        try {
            parmap::mpi::for_each(MPI_COMM_WORLD, parmap::mpi::scatter(given), size);
        } catch (const parmap::mpi::item_error& e) {
            EXPECT_LE(e.index(), 50U);
            fails = true;
        }
        // What rank 0 runs of its own range does not travel.
        if (ranks_of() == 1) {
            EXPECT_FALSE(fails);
        }
    }
}

TEST(Results, OfAnySizeTravelInPieces)
{
    struct restore {
        std::size_t before{parmap::mpi::detail::transport::piece_bytes};
        ~restore() { parmap::mpi::detail::transport::piece_bytes = before; }
    } const restored;
    for (const std::size_t piece : {8UL, 9UL, 1000UL}) {
        parmap::mpi::detail::transport::piece_bytes = piece;
        std::vector<std::string> words(200);
        if (is_root()) {
            for (std::size_t i = 0; i < words.size(); ++i) words[i] = std::string(i, 'y');
        }
        const auto doubled =
            parmap::mpi::map(MPI_COMM_WORLD, parmap::mpi::scatter(words),
                             [](const std::string& word) { return word + word; }, {.results = results::everywhere});
        ASSERT_EQ(doubled.size(), words.size());
        for (std::size_t i = 0; i < words.size(); ++i) EXPECT_EQ(doubled[i], std::string(2 * i, 'y'));
    }
}

TEST(Scatter, GivesOtherRanksWhatRankZeroHas)
{
    std::vector<bool> flags;
    std::vector<std::pair<int, std::string>> pairs;
    if (is_root()) {
        for (int i = 0; i < 300; ++i) {
            flags.push_back(i % 3 == 0);
            pairs.emplace_back(i, std::to_string(i));
        }
    }
    const auto inverted = parmap::mpi::map(MPI_COMM_WORLD, parmap::mpi::scatter(flags), [](bool b) { return !b; },
                                           {.results = results::everywhere});
    ASSERT_EQ(inverted.size(), 300U);
    for (std::size_t i = 0; i < inverted.size(); ++i) EXPECT_EQ(inverted[i], i % 3 != 0);

    const auto are_alike = parmap::mpi::map_reduce(
        MPI_COMM_WORLD, parmap::mpi::scatter(pairs),
        [](const std::pair<int, std::string>& p) { return std::to_string(p.first) == p.second ? 1 : 0; }, 0,
        std::plus(), {.results = results::everywhere});
    EXPECT_EQ(are_alike, 300);
}

TEST(Errors, AreTheLowestItemsOnEveryRank)
{
    for (int round = 0; round < 20; ++round) {
        const auto fn = [](int x) {
            if (x >= 40) keep_busy(10us);
            if (x % 100 == 41) throw std::runtime_error("item " + std::to_string(x));
            return x;
        };
        try {
            parmap::mpi::map(MPI_COMM_WORLD, numbers(1'000), fn, {.grain_size = 1});
            ADD_FAILURE();
        } catch (const parmap::mpi::item_error& e) {
            EXPECT_EQ(e.index(), 41U);
            EXPECT_EQ(e.text(), "item 41");
            EXPECT_EQ(e.cause() != nullptr, e.rank() == rank_of());
            int roots = e.rank();
            MPI_Bcast(&roots, 1, MPI_INT, 0, MPI_COMM_WORLD);
            EXPECT_EQ(e.rank(), roots);
            EXPECT_EQ(std::string(e.what()),
                      "parmap::mpi: item 41 failed on rank " + std::to_string(e.rank()) + ": item 41");
        }
    }
}

TEST(Errors, OfNoStandardTypeSayTheyAreUnknown)
{
    const auto text = error_of<parmap::mpi::item_error>(
        [] { parmap::mpi::for_each(MPI_COMM_WORLD, numbers(10), [](int) { throw 1; }); });
    EXPECT_NE(text.find("item 0 failed on rank"), std::string::npos) << text;
    EXPECT_NE(text.find("unknown exception"), std::string::npos) << text;
}

TEST(Errors, AreAllThereInATryMap)
{
    for (const results where : {results::on_root, results::everywhere}) {
        const auto tried = parmap::mpi::try_map(MPI_COMM_WORLD, numbers(1'000),
                                                [](int x) {
                                                    if (x % 7 == 3) throw std::runtime_error(std::to_string(x));
                                                    return std::to_string(x);
                                                },
                                                {.results = where});
        const bool has = is_root() || where == results::everywhere;
        ASSERT_EQ(tried.values.size(), has ? 1'000 : 0);
        ASSERT_EQ(tried.failures.size(), has ? 143 : 0);
        EXPECT_EQ(tried.stopped, parmap::stop_reason::none);
        for (std::size_t i = 0; i < tried.values.size(); ++i) {
            ASSERT_EQ(tried.values[i].has_value(), i % 7 != 3);
            if (tried.values[i]) {
                ASSERT_EQ(*tried.values[i], std::to_string(i));
            }
        }
        for (std::size_t i = 0; i < tried.failures.size(); ++i) EXPECT_EQ(tried.failures[i].index, 7 * i + 3);
    }
    const auto done = parmap::mpi::try_map(MPI_COMM_WORLD, numbers(10),
                                           [](int x) {
                                               if (x == 4) throw std::runtime_error("four");
                                           },
                                           {.results = results::everywhere});
    std::vector<bool> expected(10, true);
    expected[4] = false;
    EXPECT_EQ(done.done, expected);
}

TEST(Reductions, HaveTheBitsOfOneMachine)
{
    const auto value = [](int x) { return 1.0 / (x + 0.1); };
    for (const int n : {0, 1, 100, 4'095, 4'097, 10'000, 100'003}) {
        const double alone = parmap::map_reduce(numbers(n), value, 0.25, std::plus());
        const double together = parmap::mpi::map_reduce(MPI_COMM_WORLD, numbers(n), value, 0.25, std::plus(),
                                                        {.results = results::everywhere});
        EXPECT_EQ(alone, together) << n;
        const double on_root = parmap::mpi::map_reduce(MPI_COMM_WORLD, numbers(n), value, 0.25, std::plus());
        EXPECT_EQ(on_root, is_root() ? alone : 0.25);
    }
}

TEST(Reductions, ThrowWhatTheOperationThrows)
{
    const auto op = [](int a, int b) -> int {
        if (a + b > 100'000) throw std::overflow_error("too much");
        return a + b;
    };
    const auto text = error_of<parmap::mpi::item_error>([&] {
        parmap::mpi::map_reduce(
            MPI_COMM_WORLD, numbers(1'000), [](int x) { return x; }, 0, op);
    });
    EXPECT_NE(text.find("too much"), std::string::npos);
    // The last step of all, with init.
    const auto last = error_of<parmap::mpi::item_error>([&] {
        parmap::mpi::map_reduce(
            MPI_COMM_WORLD, numbers(10), [](int x) { return x; }, 100'000, op);
    });
    EXPECT_NE(last.find("item 9 failed on rank 0: too much"), std::string::npos) << last;
}

TEST(Stops, OnAnyRankEndTheCallOnAll)
{
    for (int stopping = 0; stopping < ranks_of(); ++stopping) {
        std::stop_source source;
        const auto text = error_of<parmap::cancelled>([&] {
            parmap::mpi::for_each(MPI_COMM_WORLD, numbers(1'000'000),
                                  [&](int) {
                                      if (rank_of() == stopping) source.request_stop();
                                      keep_busy(20us);
                                  },
                                  {.stop = source.get_token()});
        });
        EXPECT_NE(text.find("parmap: stopped on request after "), std::string::npos) << text;
    }
}

TEST(Stops, BeforeTheCallRunNothing)
{
    std::stop_source source;
    if (rank_of() == ranks_of() - 1) source.request_stop();
    std::atomic<int> ran{0};
    const auto text = error_of<parmap::cancelled>([&] {
        parmap::mpi::for_each(MPI_COMM_WORLD, numbers(1'000'000), [&](int) { ++ran, keep_busy(20us); },
                              {.stop = source.get_token()});
    });
    if (source.stop_requested()) {
        EXPECT_EQ(ran, 0);
    }
}

TEST(Stops, ByTheTimeoutHoldOnEveryRank)
{
    std::atomic<int> ran{0};
    const auto none = error_of<parmap::cancelled>(
        [&] { parmap::mpi::for_each(MPI_COMM_WORLD, numbers(100), [&](int) { ++ran; }, {.timeout = 0s}); });
    EXPECT_EQ(none, "parmap: timed out after 0 of 100 items");
    EXPECT_EQ(ran, 0);

    const auto some = error_of<parmap::cancelled>([&] {
        parmap::mpi::for_each(MPI_COMM_WORLD, numbers(100'000'000), [](int) { keep_busy(100us); }, {.timeout = 50ms});
    });
    EXPECT_NE(some.find("parmap: timed out after "), std::string::npos) << some;

    const auto tried = parmap::mpi::try_map(MPI_COMM_WORLD, numbers(100), [](int x) { return x; }, {.timeout = 0s});
    EXPECT_EQ(tried.stopped, parmap::stop_reason::timed_out);
}

TEST(Progress, IsOfAllRanksAndShownOnRankZero)
{
    std::vector<parmap::progress_state> states;
    const auto watch = [&](const parmap::progress_state& state) { states.push_back(state); };
    parmap::mpi::for_each(MPI_COMM_WORLD, numbers(200 * ranks_of()), [](int) { keep_busy(2ms); },
                          {.max_workers = 2, .progress = watch});
    if (!is_root()) {
        EXPECT_TRUE(states.empty());
        return;
    }
    ASSERT_FALSE(states.empty());
    EXPECT_EQ(states.back().done, 200U * static_cast<unsigned>(ranks_of()));
    EXPECT_EQ(states.back().total, 200U * static_cast<unsigned>(ranks_of()));
    EXPECT_EQ(states.back().phase, parmap::progress_phase::finished);
    EXPECT_EQ(states.back().workers, ranks_of() * std::min(2, parmap::num_cpus()));
    EXPECT_TRUE(std::ranges::is_sorted(states, {}, &parmap::progress_state::done));
}

TEST(Differences, AreNamedOnEveryRankAndNothingRuns)
{
    if (ranks_of() == 1) GTEST_SKIP() << "one rank agrees with itself";
    const bool is_odd_one = rank_of() == ranks_of() - 1;
    const std::string begin = "parmap::mpi: rank " + std::to_string(ranks_of() - 1) + " differs from rank 0 in ";
    std::atomic<int> ran{0};
    const auto item = [&](int) { ++ran; };
    const auto expect = [&](const std::string& what, const auto& call) {
        const auto text = error_of<std::invalid_argument>(call);
        EXPECT_EQ(text.substr(0, begin.size() + what.size()), begin + what);
    };
    expect("the size of the range: 99, not 100",
           [&] { parmap::mpi::for_each(MPI_COMM_WORLD, numbers(is_odd_one ? 99 : 100), item); });
    expect("options::grain_size: 2, not 0",
           [&] { parmap::mpi::for_each(MPI_COMM_WORLD, numbers(100), item, {.grain_size = is_odd_one ? 2U : 0U}); });
    expect("options::timeout: ", [&] {
        parmap::mpi::options options;
        if (is_odd_one) options.timeout = 1h;
        parmap::mpi::for_each(MPI_COMM_WORLD, numbers(100), item, options);
    });
    expect("options::results: everywhere, not on_root", [&] {
        parmap::mpi::for_each(MPI_COMM_WORLD, numbers(100), item,
                              {.results = is_odd_one ? results::everywhere : results::on_root});
    });
    const auto value = [&](int x) {
        ++ran;
        return x;
    };
    expect("the call: for_each, not map", [&] {
        if (is_odd_one) {
            parmap::mpi::for_each(MPI_COMM_WORLD, numbers(100), item);
        } else {
            parmap::mpi::map(MPI_COMM_WORLD, numbers(100), value);
        }
    });
    expect("the types of the function or its results", [&] {
        if (is_odd_one) {
            parmap::mpi::map(MPI_COMM_WORLD, numbers(100), [](int x) { return x; });
        } else {
            parmap::mpi::map(MPI_COMM_WORLD, numbers(100), value);
        }
    });
    expect("which ranks have the range: rank 0 (scatter), not every rank", [&] {
        std::vector<int> all(100);
        if (is_odd_one) {
            parmap::mpi::for_each(MPI_COMM_WORLD, parmap::mpi::scatter(all), item);
        } else {
            parmap::mpi::for_each(MPI_COMM_WORLD, all, item);
        }
    });
    EXPECT_EQ(ran, 0);
}

TEST(Differences, AsToWorkersAndStopsAreAllowed)
{
    const auto sum = parmap::mpi::map_reduce(MPI_COMM_WORLD, numbers(1'000), [](int x) { return x; }, 0, std::plus(),
                                             {.max_workers = 1 + rank_of() % 2, .results = results::everywhere});
    EXPECT_EQ(sum, 499'500);
}

TEST(Faults, OfOneRankAreThrownOnAll)
{
    const int last = ranks_of() - 1;
    const std::string begin = ranks_of() == 1 ? "" : "parmap::mpi: rank " + std::to_string(last) + ": ";
    const auto negative = error_of<std::invalid_argument>([&] {
        parmap::mpi::for_each(MPI_COMM_WORLD, numbers(100), [](int) {}, {.max_workers = rank_of() == last ? -1 : 1});
    });
    EXPECT_EQ(negative.substr(0, negative.find(':', begin.size())), begin + "parmap");
    EXPECT_NE(negative.find("max_workers is -1"), std::string::npos);

    // Read on each rank, before anything runs.
    auto unreadable = numbers(100) | std::views::filter([&](int x) {
                          if (x == 50 && rank_of() == last) throw std::runtime_error("no fiftieth");
                          return true;
                      });
    const auto unread =
        error_of<std::runtime_error>([&] { parmap::mpi::for_each(MPI_COMM_WORLD, unreadable, [](int) {}); });
    EXPECT_EQ(unread, begin + "no fiftieth");

    if (std::getenv("PARMAP_MAX_WORKERS") != nullptr) return;
    with_cpus(0, [&] {  // not known yet
        if (rank_of() == last) ::setenv("PARMAP_MAX_WORKERS", "banana", 1);
        const auto unknown =
            error_of<std::invalid_argument>([&] { parmap::mpi::for_each(MPI_COMM_WORLD, numbers(100), [](int) {}); });
        ::unsetenv("PARMAP_MAX_WORKERS");
        EXPECT_NE(unknown.find("PARMAP_MAX_WORKERS is \"banana\""), std::string::npos) << unknown;
    });
}

TEST(Communicators, OfSomeRanksAndInAnotherOrderServe)
{
    MPI_Comm half = MPI_COMM_NULL;
    MPI_Comm_split(MPI_COMM_WORLD, rank_of() % 2, -rank_of(), &half);
    for (int round = 0; round < 2; ++round) {
        const auto all =
            parmap::mpi::map(half, numbers(500), [](int x) { return x + 1; }, {.results = results::everywhere});
        ASSERT_EQ(all.size(), 500U);
        EXPECT_EQ(all.back(), 500);
    }
    MPI_Comm_free(&half);
}

TEST(Communicators, ThatCannotServeAreRefused)
{
    EXPECT_THROW(parmap::mpi::for_each(MPI_COMM_NULL, numbers(1), [](int) {}), std::logic_error);
    const auto elsewhere = [](MPI_Comm communicator) {
        std::string text;
        std::thread([&] {
            try {
                parmap::mpi::for_each(communicator, numbers(1), [](int) {});
            } catch (const std::logic_error& e) {
                text = e.what();
            }
        }).join();
        return text;
    };
    int level = 0;
    MPI_Query_thread(&level);
    if (level == MPI_THREAD_FUNNELED) {
        EXPECT_NE(elsewhere(MPI_COMM_WORLD).find("only the thread that did may call"), std::string::npos);
    }
    if (ranks_of() == 1) return;
    MPI_Comm half = MPI_COMM_NULL;
    MPI_Comm_split(MPI_COMM_WORLD, rank_of() % 2, 0, &half);
    MPI_Comm between = MPI_COMM_NULL;
    MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, 1 - rank_of() % 2, 0, &between);
    EXPECT_THROW(parmap::mpi::for_each(between, numbers(1), [](int) {}), std::logic_error);
    MPI_Comm_free(&between);
    MPI_Comm_free(&half);
}

TEST(Items, MayCallParmapThemselves)
{
    const auto sums = parmap::mpi::map(MPI_COMM_WORLD, numbers(50),
                                       [](int n) {
                                           return parmap::map_reduce(
                                               numbers(n), [](int x) { return x; }, 0, std::plus());
                                       },
                                       {.results = results::everywhere});
    ASSERT_EQ(sums.size(), 50U);
    for (int n = 0; n < 50; ++n) EXPECT_EQ(sums[static_cast<std::size_t>(n)], n * (n - 1) / 2);
}

TEST(Items, RunOnThreadsThatMayNotBeTheCallers)
{
    const auto caller = std::this_thread::get_id();
    for (const int workers : {1, 2}) {
        parmap::mpi::for_each(MPI_COMM_WORLD, numbers(100), [&](int) { EXPECT_NE(std::this_thread::get_id(), caller); },
                              {.max_workers = workers});
    }
}

/// Joins texts with parentheses that show the grouping.
std::string joined(const std::string& a, const std::string& b)
{
    return "(" + a + b + ")";
}

TEST(RandomRanks, DoWhatASerialLoopDoes)
{
    parmap::testing::for_random_cases(200, [](dice& random) {
        const int n = static_cast<int>(random.one_of({random.below(10), random.below(300), random.below(20'000)}));
        std::vector<int> failing;
        if (random.one_in(2)) {
            for (std::size_t i = 0; i < 1 + random.below(5); ++i) {
                failing.push_back(static_cast<int>(random.below(static_cast<std::size_t>(n) + 10)));
            }
        }
        std::ranges::sort(failing);
        const auto lowest = failing.empty() || failing[0] >= n ? std::nullopt : std::optional(failing[0]);
        const auto fails = [&](int x) { return std::ranges::binary_search(failing, x); };
        const std::size_t effort = random.one_of({0UL, 0UL, 20UL});
        const auto fn = [&](int x) {
            if (effort != 0) keep_busy(std::chrono::microseconds(effort));
            if (fails(x)) throw std::runtime_error(std::to_string(x));
            return std::to_string(x);
        };
        const results where = random.one_of({results::on_root, results::everywhere});
        const bool has = is_root() || where == results::everywhere;
        const std::size_t grain = random.one_of({0UL, 1UL, 7UL});
        // In these, ranks may differ.
        const int cpus = 1 + static_cast<int>((random.next() >> static_cast<unsigned>(rank_of())) % 4);
        const parmap::mpi::options options{.max_workers = cpus, .grain_size = grain, .results = where};
        const std::size_t which = random.below(4);
        const bool scatters = random.one_in(3);

        with_cpus(cpus, [&] {
            std::vector<int> given(is_root() || !scatters ? static_cast<std::size_t>(n) : 0);
            std::iota(given.begin(), given.end(), 0);
            const auto call = [&](const auto& algorithm) {
                return scatters ? algorithm(parmap::mpi::scatter(given)) : algorithm(given);
            };
            const auto throws = [&](const auto& run) {
                try {
                    run();
                    EXPECT_FALSE(lowest);
                } catch (const parmap::mpi::item_error& e) {
                    ASSERT_TRUE(lowest);
                    EXPECT_EQ(e.text(), std::to_string(*lowest));
                    if (which != 2) {
                        EXPECT_EQ(e.index(), static_cast<std::size_t>(*lowest));
                    }
                }
            };
            if (which == 0) {
                throws([&] {
                    const auto all =
                        call([&](auto&& range) { return parmap::mpi::map(MPI_COMM_WORLD, range, fn, options); });
                    ASSERT_EQ(all.size(), has ? static_cast<std::size_t>(n) : 0U);
                    for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], std::to_string(i));
                });
            } else if (which == 1) {
                throws([&] {
                    call([&](auto&& range) {
                        parmap::mpi::for_each(MPI_COMM_WORLD, range, fn, options);
                        return 0;
                    });
                });
            } else if (which == 2) {
                throws([&] {
                    const auto all = call([&](auto&& range) {
                        return parmap::mpi::map_reduce(MPI_COMM_WORLD, range, fn, std::string("init"), joined, options);
                    });
                    const auto alone = parmap::map_reduce(numbers(n), fn, std::string("init"), joined);
                    EXPECT_EQ(all, has ? alone : "init");
                });
            } else {
                const auto tried =
                    call([&](auto&& range) { return parmap::mpi::try_map(MPI_COMM_WORLD, range, fn, options); });
                ASSERT_EQ(tried.values.size(), has ? static_cast<std::size_t>(n) : 0U);
                std::size_t failures = 0;
                for (std::size_t i = 0; i < tried.values.size(); ++i) {
                    const bool failed = fails(static_cast<int>(i));
                    failures += failed ? 1 : 0;
                    ASSERT_EQ(tried.values[i].has_value(), !failed);
                    if (!failed) {
                        ASSERT_EQ(*tried.values[i], std::to_string(i));
                    }
                }
                ASSERT_EQ(tried.failures.size(), failures);
            }
        });
        // All ranks leave the loop together.
        if (on_any_rank(::testing::Test::HasFailure())) ADD_FAILURE() << "on some rank";
    });
}

/// On ranks other than 0, only failures are printed.
class failures_alone final : public ::testing::EmptyTestEventListener {
    void OnTestPartResult(const ::testing::TestPartResult& result) override
    {
        if (!result.failed()) return;
        std::cerr << "rank " << rank_of() << ": " << result.file_name() << ':' << result.line_number() << ": "
                  << result.message() << std::endl;
    }
};

/// The same random cases everywhere.
void share_the_seed()
{
    const char* const given = std::getenv("PARMAP_TEST_SEED");
    unsigned long long seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    MPI_Bcast(&seed, 1, MPI_UNSIGNED_LONG_LONG, 0, MPI_COMM_WORLD);
    ::setenv("PARMAP_TEST_SEED", std::to_string(seed).c_str(), 1);
}

}  // namespace

int main(int argc, char** argv)
{
    const parmap::mpi::session session(argc, argv);
    ::testing::InitGoogleTest(&argc, argv);
    share_the_seed();
    if (session.rank() != 0) {
        auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
        delete listeners.Release(listeners.default_result_printer());
        listeners.Append(new failures_alone);
        std::cout.setstate(std::ios::failbit);  // for_random_cases prints on rank 0 only
    }
    return RUN_ALL_TESTS();
}
