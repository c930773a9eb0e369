// SPDX-License-Identifier: Apache-2.0
// Thousands of random cases against a serial loop: same results, same exception, nothing leaked.
// PARMAP_TEST_SEED replays a run, PARMAP_TEST_CASES sets how many cases.
#include <algorithm>
#include <atomic>
#include <concepts>
#include <iostream>
#include <list>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <parmap/parmap.hpp>

#include "support/counted.hpp"
#include "support/on_workers.hpp"
#include "support/random_cases.hpp"

namespace {

using parmap::testing::counted;
using parmap::testing::most_workers;
using parmap::testing::number_from_environment;
using parmap::testing::on_workers;

struct item_error {
    std::size_t index;
};

/// One random case.
struct scenario {
    std::size_t size;
    int workers;
    std::size_t grain;
    std::vector<std::size_t> throws_at;
    std::optional<std::size_t> stops_at;  // the item that requests the stop
    int range_kind;
    int result_kind;
    int algorithm;

    bool throws(std::size_t i) const { return std::ranges::find(throws_at, i) != throws_at.end(); }
    std::optional<std::size_t> lowest_throw() const
    {
        if (throws_at.empty()) return std::nullopt;
        return *std::ranges::min_element(throws_at);
    }
};

std::ostream& operator<<(std::ostream& out, const scenario& s)
{
    out << "size " << s.size << ", workers " << s.workers << ", grain " << s.grain << ", range "
        << s.range_kind << ", result " << s.result_kind << ", algorithm " << s.algorithm << ", throws at";
    for (const std::size_t i : s.throws_at) out << ' ' << i;
    if (s.stops_at) out << ", stops at " << *s.stops_at;
    return out;
}

scenario random_scenario(std::mt19937_64& random)
{
    const auto below = [&](std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
    };
    scenario s{};
    s.size = below(10) == 0 ? below(5000) : below(4) == 0 ? below(3) : below(300);
    s.workers = 1 + static_cast<int>(below(most_workers));
    s.grain = std::vector<std::size_t>{0, 0, 1, 3, 64}[below(5)];
    if (s.size != 0 && below(2) == 0) {
        for (std::size_t n = 1 + below(4); n != 0; --n) s.throws_at.push_back(below(s.size));
    }
    if (s.size != 0 && below(4) == 0) s.stops_at = below(s.size);
    s.range_kind = static_cast<int>(below(5));
    s.result_kind = static_cast<int>(below(5));
    s.algorithm = static_cast<int>(below(3));
    return s;
}

/// What an item gives, of each kind; the expected value is made of the index alone.
template <class R>
R result_of(std::size_t i)
{
    if constexpr (std::is_same_v<R, bool>) {
        return i % 3 == 0;
    } else if constexpr (std::is_same_v<R, std::string>) {
        return "item " + std::to_string(i);
    } else if constexpr (std::is_same_v<R, std::unique_ptr<std::size_t>>) {
        return std::make_unique<std::size_t>(i);
    } else {
        return R(static_cast<int>(i));
    }
}

template <class R>
bool is_result_of(const R& result, std::size_t i)
{
    if constexpr (std::is_same_v<R, std::unique_ptr<std::size_t>>) {
        return result != nullptr && *result == i;
    } else if constexpr (std::is_same_v<R, counted>) {
        return result.value == static_cast<int>(i);
    } else {
        return result == result_of<R>(i);
    }
}

/// The serial loop fails with this item, or does not.
void expect_error(const scenario& s, std::size_t index)
{
    EXPECT_EQ(s.lowest_throw(), index) << s;
}

void expect_cancelled(const scenario& s, const parmap::cancelled& c, std::size_t returned)
{
    EXPECT_TRUE(s.stops_at.has_value()) << s;
    EXPECT_EQ(c.reason(), parmap::stop_reason::stop_requested) << s;
    EXPECT_EQ(c.completed(), returned) << s;
    EXPECT_EQ(c.total(), s.size) << s;
}

std::size_t index_of(std::integral auto element)
{
    return static_cast<std::size_t>(element);
}
std::size_t index_of(const std::string& element)
{
    return std::stoul(element);
}

template <class R, class Range>
void check(const scenario& s, Range&& range)
{
    std::stop_source source;
    std::atomic<std::size_t> returned{0};
    std::vector<std::atomic<int>> runs(s.size);
    const auto item = [&](std::size_t i, auto&& element) -> R {
        EXPECT_EQ(index_of(element), i) << s;
        ++runs[i];
        if (s.stops_at == i) source.request_stop();
        if (s.throws(i)) throw item_error{i};
        R result = result_of<R>(i);
        ++returned;
        return result;
    };
    const parmap::options options{.stop = source.get_token(), .grain_size = s.grain};

    switch (s.algorithm) {
        case 0:
            try {
                const auto results = parmap::map(range, item, options);
                EXPECT_TRUE(s.throws_at.empty()) << s;
                ASSERT_EQ(results.size(), s.size) << s;
                for (std::size_t i = 0; i < s.size; ++i) ASSERT_TRUE(is_result_of<R>(results[i], i)) << s;
            } catch (const item_error& e) {
                expect_error(s, e.index);
            } catch (const parmap::cancelled& c) {
                expect_cancelled(s, c, returned);
            }
            break;
        case 1:
            try {
                parmap::for_each(range, item, options);
                EXPECT_TRUE(s.throws_at.empty()) << s;
                EXPECT_EQ(returned, s.size) << s;
            } catch (const item_error& e) {
                expect_error(s, e.index);
            } catch (const parmap::cancelled& c) {
                expect_cancelled(s, c, returned);
            }
            break;
        default: {
            const auto all = parmap::try_map(range, item, options);
            EXPECT_EQ(all.completed(), returned) << s;
            auto failed = all.failures.begin();
            for (std::size_t i = 0; i < s.size; ++i) {
                const bool failed_here = failed != all.failures.end() && failed->index == i;
                if (failed_here) ++failed;
                ASSERT_EQ(failed_here, runs[i] == 1 && s.throws(i)) << s;
                ASSERT_EQ(all.values[i].has_value(), runs[i] == 1 && !s.throws(i)) << s;
                ASSERT_TRUE(!all.values[i] || is_result_of<R>(*all.values[i], i)) << s;
                ASSERT_TRUE(runs[i] == 1 || all.stopped == parmap::stop_reason::stop_requested) << s;
            }
            EXPECT_TRUE(all.stopped == parmap::stop_reason::none || s.stops_at) << s;
        }
    }
    for (const auto& count : runs) ASSERT_LE(count, 1) << s;
}

template <class R>
void check_range(const scenario& s)
{
    std::vector<int> numbers(s.size);
    for (std::size_t i = 0; i < s.size; ++i) numbers[i] = static_cast<int>(i);
    switch (s.range_kind) {
        case 0:
            return check<R>(s, numbers);
        case 1:
            return check<R>(s, std::views::iota(std::size_t{0}, s.size));
        case 2:
            return check<R>(s, std::list<int>(numbers.begin(), numbers.end()));
        case 3: {
            std::vector<std::string> texts;
            for (const int n : numbers) texts.push_back(std::to_string(n));
            return check<R>(s, texts);
        }
        default: {
            std::stringstream text;
            for (const int n : numbers) text << n << ' ';
            return check<R>(s, std::views::istream<int>(text));
        }
    }
}

void check_result(const scenario& s)
{
    switch (s.result_kind) {
        case 0:
            return check_range<int>(s);
        case 1:
            return check_range<std::string>(s);
        case 2:
            return check_range<std::unique_ptr<std::size_t>>(s);
        case 3:
            return check_range<bool>(s);
        default:
            return check_range<counted>(s);
    }
}

TEST(Differential, RandomMapsDoWhatTheSerialLoopDoes)
{
    const std::uint64_t seed = number_from_environment("PARMAP_TEST_SEED", std::random_device{}());
    const std::uint64_t cases = number_from_environment("PARMAP_TEST_CASES", 20'000);
    std::cout << "PARMAP_TEST_SEED=" << seed << " PARMAP_TEST_CASES=" << cases << '\n';
    std::mt19937_64 random(seed);
    for (std::uint64_t n = 0; n < cases && !HasFailure(); ++n) {
        const scenario s = random_scenario(random);
        on_workers(s.workers, [&] { check_result(s); });
        EXPECT_EQ(counted::alive, 0) << s;
    }
}

}  // namespace
