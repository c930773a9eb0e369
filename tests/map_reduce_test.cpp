// SPDX-License-Identifier: Apache-2.0
// map_reduce, compared with serial loops.
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <functional>
#include <latch>
#include <list>
#include <memory>
#include <numeric>
#include <optional>
#include <ostream>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include <parmap/map_reduce.hpp>
#include <parmap/vector.hpp>

#include "support/counted.hpp"
#include "support/on_workers.hpp"
#include "support/random_cases.hpp"

namespace {

using namespace std::chrono_literals;
using parmap::testing::counted;
using parmap::testing::dice;
using parmap::testing::for_random_cases;
using parmap::testing::most_workers;
using parmap::testing::on_workers;

std::vector<int> numbers(std::size_t n)
{
    std::vector<int> v(n);
    std::iota(v.begin(), v.end(), 0);
    return v;
}

struct coded_error {
    int code;
};

int same(int x)
{
    return x;
}

counted added(counted a, const counted& b)
{
    a.value += b.value;
    return a;
}

/// The documented grouping, computed serially: the result of map_reduce without init, and the order of its calls.
template <class Value, class Op>
class documented_grouping {
public:
    documented_grouping(std::size_t size, const Value& value, const Op& op)
        : size_(size),
          leaf_size_((size + 4095) / 4096),
          leaves_((size + leaf_size_ - 1) / leaf_size_),
          value_(value),
          op_(op)
    {
    }

    auto result() const { return node(0, std::bit_ceil(leaves_)); }

private:
    auto leaf(std::size_t n) const
    {
        auto sum = value_(n * leaf_size_);
        const std::size_t end = std::min((n + 1) * leaf_size_, size_);
        for (std::size_t i = n * leaf_size_ + 1; i < end; ++i) sum = op_(sum, value_(i));
        return sum;
    }

    std::invoke_result_t<const Value&, std::size_t> node(std::size_t first, std::size_t width) const
    {
        if (width == 1) return leaf(first);
        const std::size_t middle = first + width / 2;
        if (middle >= leaves_) return node(first, width / 2);
        auto left = node(first, width / 2);
        return op_(left, node(middle, width / 2));
    }

    std::size_t size_;
    std::size_t leaf_size_;
    std::size_t leaves_;
    const Value& value_;
    const Op& op_;
};

// Results

TEST(MapReduce, SumsTheResultsOfTheFunction)
{
    on_workers(most_workers, [] {
        const auto square = [](int x) { return std::int64_t{x} * x; };
        EXPECT_EQ(parmap::map_reduce(numbers(100'000), square, std::int64_t{0}, std::plus{}), 333'328'333'350'000);
    });
}

TEST(MapReduce, GivesInitForAnEmptyRange)
{
    const std::vector<int> none;
    const auto never = [](int, int) -> int { throw coded_error{0}; };
    EXPECT_EQ(parmap::map_reduce(none, same, 7, never), 7);
    EXPECT_EQ(*parmap::map_reduce(
                  none, [](int x) { return std::make_unique<int>(x); }, std::make_unique<int>(7),
                  [](auto a, auto) { return a; }),
              7);
    EXPECT_EQ(parmap::map_reduce(none, same, 7, never, {.timeout = 0ns}), 7);
    EXPECT_THROW(parmap::map_reduce(none, same, 7, never, {.max_workers = -1}), std::invalid_argument);
}

TEST(MapReduce, CombinesOneItemWithInit)
{
    EXPECT_EQ(parmap::map_reduce(std::vector{5}, same, 7, std::minus{}), 2);
}

TEST(MapReduce, UsesInitOnceAndFromTheLeft)
{
    const auto text = [](int x) { return std::to_string(x) + ","; };
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [&] {
            EXPECT_EQ(parmap::map_reduce(numbers(4), text, std::string("init:"), std::plus{}), "init:0,1,2,3,");
        });
    }
}

TEST(MapReduce, ConcatenatesInIndexOrder)
{
    const auto text = [](int x) { return std::to_string(x) + ","; };
    for (const std::size_t size : {2U, 100U, 4097U, 30'000U}) {
        std::string expected;
        for (const int x : numbers(size)) expected += text(x);
        for (int workers = 1; workers <= most_workers; ++workers) {
            on_workers(workers, [&] {
                ASSERT_EQ(parmap::map_reduce(numbers(size), text, std::string{}, std::plus{}), expected);
            });
        }
    }
}

TEST(MapReduce, GivesTheSameBitsForEveryWorkerCountAndGrain)
{
    std::mt19937_64 random(42);
    std::uniform_real_distribution<double> exponent(-30, 30);
    std::size_t other_than_a_left_fold = 0;
    for (const std::size_t size : {0U, 1U, 2U, 4095U, 4096U, 4097U, 8193U, 100'000U}) {
        std::vector<double> v(size);
        for (double& x : v) x = std::exp(exponent(random)) * (random() % 2 == 0 ? 1 : -1);
        const auto root = [](double x) { return x / 3; };
        std::optional<std::uint64_t> expected;
        if (size != 0) {
            const auto value = [&](std::size_t i) { return root(v[i]); };
            expected = std::bit_cast<std::uint64_t>(0.1 + documented_grouping(size, value, std::plus{}).result());
        } else {
            expected = std::bit_cast<std::uint64_t>(0.1);
        }
        for (int workers = 1; workers <= most_workers; ++workers) {
            for (const std::size_t grain : {0U, 1U, 3U, 64U, 1000U}) {
                on_workers(workers, [&] {
                    const double sum = parmap::map_reduce(v, root, 0.1, std::plus{}, {.grain_size = grain});
                    ASSERT_EQ(std::bit_cast<std::uint64_t>(sum), expected)
                        << "size " << size << ", workers " << workers << ", grain " << grain;
                });
            }
        }
        const double left_fold = std::transform_reduce(v.begin(), v.end(), 0.1, std::plus{}, root);
        if (std::bit_cast<std::uint64_t>(left_fold) != expected) ++other_than_a_left_fold;
    }
    EXPECT_GT(other_than_a_left_fold, 0U) << "these sums do not show how they are grouped";
}

TEST(MapReduce, GroupsAsDocumented)
{
    const auto letter = [](std::size_t i) { return std::string(1, static_cast<char>('a' + i % 26)); };
    const auto paired = [](const std::string& a, const std::string& b) { return "(" + a + b + ")"; };
    EXPECT_EQ(documented_grouping(7, letter, paired).result(), "(((ab)(cd))((ef)g))");
    for (const std::size_t size : {1U, 2U, 3U, 5U, 6U, 7U, 8U, 9U, 100U, 4095U, 4096U, 4097U, 8193U, 20'000U}) {
        const std::string expected = documented_grouping(size, letter, paired).result();
        for (const int workers : {1, 2, 3, most_workers}) {
            on_workers(workers, [&] {
                const auto items = std::views::iota(std::size_t{0}, size);
                ASSERT_EQ(parmap::map_reduce(items, letter, std::string{}, paired), "(" + expected + ")");
            });
        }
    }
}

TEST(MapReduce, PassesTheIndexToAFunctionOfTwo)
{
    const std::vector<std::string> words{"a", "b", "c"};
    const auto numbered = [](std::size_t i, const std::string& word) { return std::to_string(i) + word; };
    EXPECT_EQ(parmap::map_reduce(words, numbered, std::string{}, std::plus{}), "0a1b2c");
}

TEST(MapReduce, TakesMemberPointers)
{
    const std::vector<std::string> words{"one", "three"};
    EXPECT_EQ(parmap::map_reduce(words, &std::string::size, std::size_t{0}, std::plus{}), 8U);
    struct bag {
        std::set<int> all;
        bag& join(bag other)
        {
            all.merge(other.all);
            return *this;
        }
    };
    const bag joined = parmap::map_reduce(
        numbers(100), [](int x) { return bag{{x}}; }, bag{}, [](bag a, bag b) { return a.join(b); });
    EXPECT_EQ(joined.all.size(), 100U);
}

TEST(MapReduce, ConvertsToTheTypeOfInit)
{
    EXPECT_EQ(parmap::map_reduce(numbers(3), same, 0.5, std::plus{}), 3.5);
    const std::vector<const char*> words{"a", "b"};
    EXPECT_EQ(parmap::map_reduce(words, std::identity{}, std::string{}, std::plus{}), "ab");
    static_assert(std::is_same_v<decltype(parmap::map_reduce(numbers(3), same, 0L, std::plus{})), long>);
}

TEST(MapReduce, CopiesWhatAFunctionReturnsByReference)
{
    const std::vector<std::string> words{"a", "b"};
    EXPECT_EQ(
        parmap::map_reduce(
            words, [](const std::string& word) -> const std::string& { return word; }, std::string{}, std::plus{}),
        "ab");
    EXPECT_EQ(words, (std::vector<std::string>{"a", "b"}));
}

TEST(MapReduce, TakesAnOperationThatReturnsItsArgument)
{
    const auto append = [](std::string&& a, std::string&& b) -> std::string&& { return std::move(a += b); };
    const auto text = [](int x) { return std::to_string(x); };
    EXPECT_EQ(parmap::map_reduce(numbers(10), text, std::string{}, append), "0123456789");
}

TEST(MapReduce, ReadsEveryKindOfRange)
{
    EXPECT_EQ(parmap::map_reduce(std::list{1, 2, 3}, same, 0, std::plus{}), 6);
    std::istringstream words("a bb ccc");
    EXPECT_EQ(parmap::map_reduce(
                  std::views::istream<std::string>(words), [](std::string& word) { return std::move(word); },
                  std::string{}, std::plus{}),
              "abbccc");
    EXPECT_EQ(parmap::map_reduce(std::views::iota(0, 5), same, 0, std::plus{}), 10);
    EXPECT_EQ(parmap::map_reduce(parmap::vector<int>(5, 2), same, 0, std::plus{}), 10);
    EXPECT_EQ(parmap::map_reduce(
                  std::vector<bool>{true, false, true}, [](bool b) { return b; }, false, std::bit_xor<bool>{}),
              false);
}

// Accumulators

TEST(MapReduce, TakesMoveOnlyAccumulators)
{
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [] {
            const auto sum = parmap::map_reduce(
                numbers(10'000), [](int x) { return std::make_unique<int>(x); }, std::make_unique<int>(1),
                [](auto a, auto b) {
                    *a += *b;
                    return a;
                });
            EXPECT_EQ(*sum, 49'995'001);
        });
    }
}

TEST(MapReduce, DestroysEveryAccumulator)
{
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [] {
            const auto make = [](int x) { return counted(x); };
            EXPECT_EQ(parmap::map_reduce(numbers(10'000), make, counted(1), added).value, 49'995'001);
            EXPECT_EQ(counted::alive, 0);
        });
    }
}

TEST(MapReduce, DestroysEveryAccumulatorWhenAnythingThrows)
{
    const auto make = [](int x) {
        if (x % 4000 == 3333) throw coded_error{x};
        return counted(x);
    };
    const auto refuses_large = [](counted a, const counted& b) {
        if (a.value + b.value > 1'000'000) throw coded_error{-1};
        return added(std::move(a), b);
    };
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [&] {
            EXPECT_THROW(parmap::map_reduce(numbers(10'000), make, counted(0), added), coded_error);
            EXPECT_EQ(counted::alive, 0);
            const auto whole = [](int x) { return counted(x); };
            EXPECT_THROW(parmap::map_reduce(numbers(10'000), whole, counted(0), refuses_large), coded_error);
            EXPECT_EQ(counted::alive, 0);
            for (const int moves : {0, 1, 2, 3, 100, 5000}) {
                counted::moves_until_throw = moves;
                EXPECT_THROW(parmap::map_reduce(numbers(10'000), whole, counted(0), added), std::runtime_error);
                counted::moves_until_throw = -1;
                EXPECT_EQ(counted::alive, 0);
            }
        });
    }
}

TEST(MapReduce, CombinesNeighboursAsSoonAsBothAreReady)
{
    // At item 6,000, almost all results of the items before it have been combined.
    std::atomic<int> most_alive{0};
    const auto make = [&](int x) {
        if (x == 6000) most_alive = counted::alive.load();
        return counted(x);
    };
    parmap::map_reduce(numbers(8192), make, counted(0), added, {.max_workers = 1});
    EXPECT_LT(most_alive, 20);
}

TEST(MapReduce, CombinesOnAllWorkers)
{
    on_workers(2, [] {
        std::latch both(2);  // opens only when two combinations run at once
        const auto meet = [&](int a, int b) {
            if ((a == 0 && b == 1) || (a == 2 && b == 3)) both.arrive_and_wait();
            return a + b;
        };
        EXPECT_EQ(parmap::map_reduce(numbers(4), same, 0, meet, {.grain_size = 2}), 6);
    });
}

// Errors, stop, timeout, progress

TEST(MapReduce, ThrowsTheLowestFailingIndex)
{
    const auto fails = [](int x) {
        if (x % 10 == 3) throw coded_error{x};  // 3, 13, 23 ...
        return x;
    };
    for (const std::size_t size : {64U, 10'000U}) {
        for (int run = 0; run < 500; ++run) {
            on_workers(most_workers, [&] {
                try {
                    parmap::map_reduce(numbers(size), fails, 0, std::plus{}, {.grain_size = 1});
                    FAIL();
                } catch (const coded_error& e) {
                    ASSERT_EQ(e.code, 3);
                }
            });
        }
    }
}

TEST(MapReduce, ThrowsWhatTheCombinationWithInitThrows)
{
    const auto refuses_init = [](int a, int b) {
        if (a == -1) throw coded_error{b};
        return a + b;
    };
    try {
        parmap::map_reduce(numbers(4), same, -1, refuses_init);
        FAIL();
    } catch (const coded_error& e) {
        EXPECT_EQ(e.code, 6);
    }
}

TEST(MapReduce, CountsItemsWhenStopped)
{
    for (int workers = 1; workers <= most_workers; ++workers) {
        on_workers(workers, [] {
            std::stop_source source;
            std::atomic<std::size_t> ran{0};
            const auto stops = [&](int x) {
                const std::size_t before = ran++;
                if (before == 100) source.request_stop();
                // No worker finishes many leaves before the stop is requested.
                while (before > 100 && !source.stop_requested()) std::this_thread::yield();
                return std::int64_t{x};
            };
            try {
                parmap::map_reduce(numbers(1'000'000), stops, std::int64_t{0}, std::plus{},
                                   {.stop = source.get_token(), .grain_size = 10});
                FAIL();
            } catch (const parmap::cancelled& c) {
                EXPECT_EQ(c.reason(), parmap::stop_reason::stop_requested);
                EXPECT_EQ(c.completed(), ran);
                EXPECT_EQ(c.total(), 1'000'000U);
                EXPECT_LE(ran, 100U + 245U * most_workers) << "no worker began another leaf";
            }
        });
    }
}

TEST(MapReduce, ATimeoutOfZeroRunsNothing)
{
    std::atomic<int> ran{0};
    try {
        parmap::map_reduce(numbers(10), [&](int) { return ++ran; }, 0, std::plus{}, {.timeout = 0ns});
        FAIL();
    } catch (const parmap::cancelled& c) {
        EXPECT_STREQ(c.what(), "parmap: timed out after 0 of 10 items");
    }
    EXPECT_EQ(ran, 0);
}

TEST(MapReduce, ProgressCountsItems)
{
    on_workers(most_workers, [] {
        parmap::progress_state last{};
        const auto watch = [&](const parmap::progress_state& state) { last = state; };
        parmap::map_reduce(numbers(100'001), same, std::int64_t{0}, std::plus{}, {.progress = watch});
        EXPECT_EQ(last.done, 100'001U);
        EXPECT_EQ(last.total, 100'001U);
        EXPECT_EQ(last.phase, parmap::progress_phase::finished);
    });
}

TEST(MapReduce, ProgressCountsTheItemsBeforeAFailure)
{
    parmap::progress_state last{};
    const auto watch = [&](const parmap::progress_state& state) { last = state; };
    const auto fails = [](int x) {
        if (x == 5003) throw coded_error{x};  // in the middle of a leaf
        return x;
    };
    EXPECT_THROW(parmap::map_reduce(numbers(20'000), fails, 0, std::plus{}, {.max_workers = 1, .progress = watch}),
                 coded_error);
    EXPECT_EQ(last.done, 5003U);
    EXPECT_EQ(last.phase, parmap::progress_phase::failed);
}

TEST(MapReduce, OneWorkerRunsOnTheCallingThreadInOrder)
{
    std::vector<int> order;
    const auto caller = std::this_thread::get_id();
    const auto note = [&](int x) {
        EXPECT_EQ(std::this_thread::get_id(), caller);
        order.push_back(x);
        return 0;
    };
    parmap::map_reduce(numbers(10'000), note, 0, std::plus{}, {.max_workers = 1});
    EXPECT_EQ(order, numbers(10'000));
}

// Random cases

/// Matrices of two rows and columns modulo a prime: their product is associative and not commutative.
struct matrix {
    std::array<std::uint64_t, 4> cells;

    friend matrix operator*(const matrix& a, const matrix& b)
    {
        constexpr std::uint64_t prime = 2'147'483'647;
        const auto cell = [&](std::size_t row, std::size_t column) {
            return (a.cells.at(2 * row) * b.cells.at(column) + a.cells.at(2 * row + 1) * b.cells.at(2 + column)) %
                   prime;
        };
        return {{cell(0, 0), cell(0, 1), cell(1, 0), cell(1, 1)}};
    }
    friend bool operator==(const matrix&, const matrix&) = default;
};

struct concatenation {
    static std::string init() { return "init "; }
    static std::string value(std::size_t i) { return std::to_string(i) + " "; }
    static std::string combine(std::string a, const std::string& b) { return std::move(a += b); }
};

struct matrix_product {
    static matrix init() { return {{1, 2, 3, 5}}; }
    static matrix value(std::size_t i) { return {{i + 1, i % 7, i % 5, 1}}; }
    static matrix combine(const matrix& a, const matrix& b) { return a * b; }
};

struct item_error {
    std::size_t index;
    friend bool operator==(item_error, item_error) = default;
};

struct scenario {
    std::size_t size;
    int workers;
    std::optional<int> max_workers;
    std::size_t grain;
    std::vector<std::size_t> throws_at;
    std::optional<std::size_t> stops_at;
    int range_kind;
    bool matrices;

    bool throws(std::size_t i) const { return std::ranges::find(throws_at, i) != throws_at.end(); }
};

std::ostream& operator<<(std::ostream& out, const scenario& s)
{
    out << "size " << s.size << ", workers " << s.workers << ", max_workers " << s.max_workers.value_or(-1)
        << ", grain " << s.grain << ", range " << s.range_kind << (s.matrices ? ", matrices" : ", strings")
        << ", throws at";
    for (const std::size_t i : s.throws_at) out << ' ' << i;
    if (s.stops_at) out << ", stops at " << *s.stops_at;
    return out;
}

scenario random_scenario(dice& random)
{
    scenario s{};
    s.size = random.below(random.one_in(20) ? 20'000 : random.one_in(4) ? 3 : 300);
    s.workers = 1 + static_cast<int>(random.below(most_workers));
    if (random.one_in(5)) s.max_workers = static_cast<int>(random.below(2 * most_workers));
    s.grain = random.one_of<std::size_t>({0, 0, 1, 3, 64});
    if (s.size != 0 && random.one_in(3)) {
        for (std::size_t n = 1 + random.below(4); n != 0; --n) s.throws_at.push_back(random.below(s.size));
    }
    if (s.size != 0 && random.one_in(4)) s.stops_at = random.below(s.size);
    s.range_kind = static_cast<int>(random.below(3));
    s.matrices = random.one_in(2);
    return s;
}

template <class Algebra, class Range>
void check(const scenario& s, Range&& range)
{
    std::stop_source source;
    std::atomic<std::size_t> returned{0};
    const auto item = [&](std::size_t element) {
        if (s.stops_at == element) source.request_stop();
        if (s.throws(element)) throw item_error{element};
        ++returned;
        return Algebra::value(element);
    };
    try {
        const auto result =
            parmap::map_reduce(range, item, Algebra::init(), Algebra::combine,
                               {.max_workers = s.max_workers, .stop = source.get_token(), .grain_size = s.grain});
        EXPECT_TRUE(s.throws_at.empty()) << s;
        auto expected = Algebra::init();
        for (std::size_t i = 0; i < s.size; ++i) expected = Algebra::combine(std::move(expected), Algebra::value(i));
        EXPECT_TRUE(result == expected) << s;
        EXPECT_EQ(returned, s.size) << s;
    } catch (const item_error& e) {
        ASSERT_FALSE(s.throws_at.empty()) << s;
        EXPECT_EQ(e.index, *std::ranges::min_element(s.throws_at)) << s;
    } catch (const parmap::cancelled& c) {
        EXPECT_TRUE(s.stops_at.has_value()) << s;
        EXPECT_EQ(c.completed(), returned) << s;
        EXPECT_EQ(c.total(), s.size) << s;
    }
}

template <class Algebra>
void check_range(const scenario& s)
{
    std::vector<std::size_t> indices(s.size);
    std::iota(indices.begin(), indices.end(), std::size_t{0});
    switch (s.range_kind) {
        case 0:
            return check<Algebra>(s, indices);
        case 1:
            return check<Algebra>(s, std::list<std::size_t>(indices.begin(), indices.end()));
        default: {
            std::stringstream text;
            for (const std::size_t i : indices) text << i << ' ';
            return check<Algebra>(s, std::views::istream<std::size_t>(text));
        }
    }
}

TEST(Differential, RandomReductionsDoWhatTheSerialFoldDoes)
{
    for_random_cases(10'000, [](dice& random) {
        const scenario s = random_scenario(random);
        on_workers(s.workers, [&] { s.matrices ? check_range<matrix_product>(s) : check_range<concatenation>(s); });
    });
}

/// The items of a partial result: [first, end).
struct span_of_items {
    std::size_t first;
    std::size_t end;
    friend bool operator==(span_of_items, span_of_items) = default;
};

/// Thrown by an operation: the two partial results that it had to combine.
struct pair_error {
    span_of_items left;
    span_of_items right;
    friend bool operator==(const pair_error&, const pair_error&) = default;
};

using reduction_end = std::variant<span_of_items, item_error, pair_error>;

template <class Run>
reduction_end end_of(const Run& run)
{
    try {
        return run();
    } catch (const item_error& e) {
        return e;
    } catch (const pair_error& e) {
        return e;
    }
}

TEST(Differential, RandomReductionsFailAsOneWorkerDoes)
{
    std::array<std::size_t, 3> ends{};
    const std::uint64_t cases = for_random_cases(10'000, [&](dice& random) {
        const std::size_t size = 1 + random.below(random.one_in(10) ? 20'000 : 200);
        const std::size_t one_in = 1 + random.below(2 * size);
        const std::uint64_t salt = random.next();
        const auto unlucky = [&](std::uint64_t a, std::uint64_t b) {
            std::minstd_rand mixed(static_cast<std::uint_fast32_t>((salt ^ (a * 1'000'003 + b)) % 2'147'483'647));
            mixed.discard(2);
            return mixed() % one_in == 0;
        };
        const auto item = [&](std::size_t i) {
            if (unlucky(i, i + 1) && i % 4 == 0) throw item_error{i};
            return span_of_items{i, i + 1};
        };
        const auto combine = [&](span_of_items left, span_of_items right) {
            EXPECT_EQ(left.end, right.first) << "only neighbours are combined, the left one first";
            if (unlucky(left.first, right.end)) throw pair_error{left, right};
            return span_of_items{left.first, right.end};
        };
        const auto expected = end_of([&] { return documented_grouping(size, item, combine).result(); });
        ++ends.at(expected.index());
        const std::size_t grain = random.one_of<std::size_t>({0, 1, 3, 64});
        for (const int workers : {1, 2, 1 + static_cast<int>(random.below(most_workers))}) {
            on_workers(workers, [&] {
                const auto last_step = [&](span_of_items left, span_of_items right) {
                    return left.end == 0 ? right : combine(left, right);
                };
                const auto actual = end_of([&] {
                    return parmap::map_reduce(std::views::iota(std::size_t{0}, size), item, span_of_items{0, 0},
                                              last_step, {.grain_size = grain});
                });
                EXPECT_TRUE(actual == expected) << "size " << size << ", workers " << workers;
            });
        }
    });
    if (cases >= 1000) {
        EXPECT_GT(*std::ranges::min_element(ends), cases / 20) << "each end comes often enough to be tested";
    }
}

}  // namespace
