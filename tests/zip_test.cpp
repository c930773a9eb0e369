// SPDX-License-Identifier: Apache-2.0
// zip of every kind of range; at the end thousands of random zips are compared with a serial loop.
#include <algorithm>
#include <atomic>
#include <deque>
#include <forward_list>
#include <functional>
#include <list>
#include <memory>
#include <numeric>
#include <ostream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <parmap/parmap.hpp>

#include "support/on_workers.hpp"
#include "support/random_cases.hpp"

namespace {

using parmap::testing::dice;
using parmap::testing::for_random_cases;
using parmap::testing::most_workers;
using parmap::testing::on_workers;

std::vector<int> numbers(int n)
{
    std::vector<int> v(static_cast<std::size_t>(n));
    std::iota(v.begin(), v.end(), 0);
    return v;
}

auto ints_in(std::istream& text)
{
    return std::views::istream<int>(text);
}

/// The text of the std::invalid_argument that `body` throws.
std::string refusal_of(const std::function<void()>& body)
{
    try {
        body();
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
    return "nothing was refused";
}

/// A function that must not run.
const auto never = [](auto&&...) { ADD_FAILURE(); };

template <class... Ranges>
using zip_of = decltype(parmap::zip(std::declval<Ranges>()...));

using random_access = std::vector<int>&;
using bidirectional = std::list<int>&;
using forward = std::forward_list<int>&;
using single_pass = std::ranges::istream_view<int>;
using endless = std::ranges::iota_view<int>;

// What kind of range a zip is

static_assert(std::ranges::random_access_range<zip_of<random_access, random_access>>);
static_assert(std::ranges::random_access_range<const zip_of<random_access, random_access>>);
static_assert(std::ranges::common_range<zip_of<random_access, random_access>>);
static_assert(std::ranges::bidirectional_range<zip_of<random_access, bidirectional>>);
static_assert(!std::ranges::random_access_range<zip_of<random_access, bidirectional>>);
static_assert(std::ranges::forward_range<zip_of<bidirectional, forward, random_access>>);
static_assert(!std::ranges::bidirectional_range<zip_of<bidirectional, forward, random_access>>);
static_assert(std::ranges::input_range<zip_of<random_access, single_pass>>);
static_assert(!std::ranges::forward_range<zip_of<random_access, single_pass>>);
static_assert(std::ranges::random_access_range<zip_of<endless, endless>>);
static_assert(std::ranges::random_access_range<zip_of<std::vector<std::unique_ptr<int>>&, random_access>>);
static_assert(std::ranges::random_access_range<zip_of<const std::vector<bool>&, random_access>>);
static_assert(std::ranges::view<zip_of<random_access, std::vector<int>>>);

static_assert(std::ranges::sized_range<zip_of<random_access, bidirectional>>);
static_assert(std::ranges::sized_range<const zip_of<random_access, random_access>>);
static_assert(!std::ranges::sized_range<zip_of<random_access, single_pass>>);
static_assert(!std::ranges::sized_range<zip_of<endless, endless>>);
static_assert(parmap::detail::endless<zip_of<endless, endless>>);

static_assert(
    std::same_as<std::ranges::range_reference_t<zip_of<random_access, std::vector<char>>>, std::tuple<int&, char&>>);
static_assert(std::same_as<std::ranges::range_value_t<zip_of<random_access, forward>>, std::tuple<int&, int&>>);
static_assert(std::same_as<std::ranges::range_value_t<zip_of<random_access, single_pass>>, std::tuple<int&, int>>);

TEST(Zip, KnowsItsSize)
{
    const std::vector<int> none;
    const auto three = numbers(3);
    EXPECT_EQ(parmap::zip(three, std::list<int>{4, 5, 6}).size(), 3U);
    EXPECT_EQ(parmap::zip(three, std::forward_list<int>{4, 5, 6}).size(), 3U);
    EXPECT_TRUE(parmap::zip(none, none).empty());
}

TEST(Zip, IteratesAsItsWeakestRangeAllows)
{
    const auto a = numbers(4);
    const std::vector<std::string> b{"a", "b", "c", "d"};
    const auto zipped = parmap::zip(a, b);
    EXPECT_EQ(zipped[2], std::tuple(2, "c"));
    const auto second = zipped.begin() + 1;
    EXPECT_EQ(second[2], std::tuple(3, "d"));
    EXPECT_EQ(*(zipped.end() - 1), std::tuple(3, "d"));
    EXPECT_EQ(zipped.end() - second, 3);
    EXPECT_LT(second, zipped.end());

    const std::list<int> list(a.begin(), a.end());
    std::vector<int> backwards;
    for (const auto [x, y] : parmap::zip(list, a) | std::views::reverse) backwards.push_back(10 * x + y);
    EXPECT_EQ(backwards, (std::vector{33, 22, 11, 0}));
}

TEST(Zip, OwnsTemporaries)
{
    auto zipped = parmap::zip(numbers(3), std::vector<std::string>{"a", "b", "c"});
    const auto moved = std::move(zipped);
    EXPECT_EQ(parmap::map(moved, [](int x, const std::string& s) { return s + std::to_string(x); }),
              (std::vector<std::string>{"a0", "b1", "c2"}));
}

TEST(Zip, GoesThroughOtherViews)
{
    const auto a = numbers(5);
    const std::list<int> list(a.begin(), a.end());
    EXPECT_EQ(parmap::map(parmap::zip(a, a) | std::views::take(3), std::plus<>()), (std::vector{0, 2, 4}));
    EXPECT_EQ(parmap::map(parmap::zip(a, list) | std::views::drop(3), std::plus<>()), (std::vector{6, 8}));
    const auto odd = [](const auto& element) { return std::get<0>(element) % 2 == 1; };
    EXPECT_EQ(parmap::map(parmap::zip(a, a) | std::views::filter(odd), std::plus<>()), (std::vector{2, 6}));
    EXPECT_EQ(parmap::map(parmap::zip(a, std::views::iota(7) | std::views::take(5)), std::plus<>()),
              (std::vector{7, 9, 11, 13, 15}));
    EXPECT_EQ(parmap::map(parmap::zip(list, std::views::iota(7) | std::views::take(5)), std::plus<>()),
              (std::vector{7, 9, 11, 13, 15}));
}

TEST(Zip, OfEndlessRangesIsEndless)
{
    const auto pairs = parmap::zip(std::views::iota(0), std::views::iota(10));
    EXPECT_EQ(parmap::map(pairs | std::views::take(3), std::plus<>()), (std::vector{10, 12, 14}));
}

// How fn is called

/// Calls every algorithm on pairs (x, x): `sum` returns 3 x, `triple` writes it, and `nothing` does nothing.
void expect_right_with_every_algorithm(const auto& sum, const auto& triple, const auto& nothing)
{
    on_workers(most_workers, [&] {
        const auto a = numbers(1000);
        const auto zipped = parmap::zip(a, a);
        std::vector<int> tripled(1000);
        for (std::size_t i = 0; i < 1000; ++i) tripled[i] = 3 * static_cast<int>(i);

        EXPECT_EQ(parmap::map(zipped, sum), tripled);
        EXPECT_EQ(parmap::map_to<std::deque<int>>(zipped, sum), std::deque<int>(tripled.begin(), tripled.end()));
        EXPECT_EQ(parmap::try_map(zipped, sum).value(), tripled);
        std::vector<int> out(1000);
        parmap::map_into(zipped, out, sum);
        EXPECT_EQ(out, tripled);
        std::vector<int> changed(1000);
        parmap::for_each(parmap::zip(changed, a), triple);
        EXPECT_EQ(changed, tripled);
        EXPECT_TRUE(parmap::try_map(zipped, nothing).ok());
    });
}

TEST(Zip, WorksWithEveryAlgorithm)
{
    expect_right_with_every_algorithm([](int x, int y) { return x + 2 * y; }, [](int& x, int y) { x = 3 * y; },
                                      [](int, int) {});
}

TEST(Zip, WorksWithEveryAlgorithmAndTheIndex)
{
    expect_right_with_every_algorithm([](std::size_t i, int x, int y) { return static_cast<int>(i) + x + y; },
                                      [](std::size_t i, int& x, int y) { x = static_cast<int>(i) + 2 * y; },
                                      [](std::size_t, int, int) {});
}

TEST(Zip, PassesTheTupleToAFunctionOfOne)
{
    const auto a = numbers(3);
    EXPECT_EQ(parmap::map(parmap::zip(a, a), [](const auto& element) { return std::get<1>(element); }), a);
    EXPECT_EQ(parmap::map(parmap::zip(a, a),
                          [](std::size_t i, const std::tuple<const int&, const int&>& element) {
                              return static_cast<int>(i) + std::get<0>(element);
                          }),
              (std::vector{0, 2, 4}));
}

TEST(Zip, PassesTheTwoElementsToAGenericFunctionOfTwo)
{
    const std::vector<std::string> words{"a", "b"};
    EXPECT_EQ(parmap::map(parmap::zip(words, words), [](auto a, auto b) { return a + b; }),
              (std::vector<std::string>{"aa", "bb"}));
    EXPECT_EQ(parmap::map(parmap::zip(words, words), [](auto i, auto a, auto b) { return a + b + std::to_string(i); }),
              (std::vector<std::string>{"aa0", "bb1"}));
}

TEST(Zip, PrefersThePartsWithoutTheIndex)
{
    struct every_form {
        char operator()(int, int) const { return 'p'; }
        char operator()(std::size_t, int, int) const { return 'P'; }
        char operator()(std::tuple<const int&, const int&>) const { return 'e'; }
    };
    struct without_parts_alone {
        char operator()(std::size_t, int, int) const { return 'P'; }
        char operator()(std::tuple<const int&, const int&>) const { return 'e'; }
    };
    struct without_parts {
        char operator()(std::tuple<const int&, const int&>) const { return 'e'; }
        char operator()(std::size_t, std::tuple<const int&, const int&>) const { return 'E'; }
    };
    const auto a = numbers(1);
    EXPECT_EQ(parmap::map(parmap::zip(a, a), every_form{}), std::vector{'p'});
    EXPECT_EQ(parmap::map(parmap::zip(a, a), without_parts_alone{}), std::vector{'P'});
    EXPECT_EQ(parmap::map(parmap::zip(a, a), without_parts{}), std::vector{'e'});
}

TEST(Zip, TakesMemberPointers)
{
    struct account {
        int balance;
        void add(int x) { balance += x; }
        int plus(int x, int y) const { return balance + x + y; }
    };
    std::vector<account> accounts{{10}, {20}};
    const std::vector<int> payments{1, 2};
    parmap::for_each(parmap::zip(accounts, payments), &account::add);
    EXPECT_EQ(parmap::map(parmap::zip(accounts, payments, payments), &account::plus), (std::vector{13, 26}));
}

TEST(Zip, TakesApartTuplesOfAnyRange)
{
    const std::vector<std::tuple<int, std::string>> rows{{2, "a"}, {3, "b"}};
    EXPECT_EQ(parmap::map(rows, [](int n, const std::string& s) { return s + std::to_string(n); }),
              (std::vector<std::string>{"a2", "b3"}));
    const std::vector<std::tuple<int>> single{{4}};
    EXPECT_EQ(parmap::map(single, [](const auto& row) { return std::get<0>(row); }), std::vector{4});
}

TEST(Zip, KeepsWhatAFunctionReturnsByReferenceIntoAnElement)
{
    const auto greater = [](const auto& a, const auto& b) -> const auto& { return a < b ? b : a; };
    const auto words = std::views::iota(0, 100) |
                       std::views::transform([](int i) { return std::string(static_cast<std::size_t>(100 + i), 'x'); });
    const auto longest = parmap::map(parmap::zip(words, words), greater);
    for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(longest[i], words[static_cast<std::ptrdiff_t>(i)]);
    EXPECT_EQ(parmap::map_to<std::set<std::string>>(parmap::zip(words, words), greater).size(), 100U);
}

// Elements by reference

TEST(Zip, RefersToElementsWhereTheyAre)
{
    std::vector<int> a = numbers(1000);
    std::deque<int> b(a.begin(), a.end());
    on_workers(most_workers, [&] {
        parmap::for_each(parmap::zip(a, b), [&](std::size_t i, int& x, int& y) {
            EXPECT_EQ(&x, &a[i]);
            EXPECT_EQ(&y, &b[i]);
        });
    });
}

TEST(Zip, ChangesElementsOfEveryRangeInPlace)
{
    std::vector<int> a{1, 2, 3};
    std::list<int> b{10, 20, 30};
    std::forward_list<int> c{100, 200, 300};
    parmap::for_each(parmap::zip(a, b, c), [](int& x, int& y, int& z) { x += ++y + ++z; });
    EXPECT_EQ(a, (std::vector{113, 224, 335}));
    EXPECT_EQ(b, (std::list{11, 21, 31}));
    EXPECT_EQ(c, (std::forward_list{101, 201, 301}));
}

TEST(Zip, ChangesElementsBesideASinglePassRange)
{
    std::vector<int> a{1, 2, 3};
    std::istringstream text("x yy zzz");
    parmap::for_each(parmap::zip(a, std::views::istream<std::string>(text)), [](int& x, std::string& word) {
        word += "!";  // as without the zip: the elements are references to what the range read
        x += static_cast<int>(word.size());
    });
    EXPECT_EQ(a, (std::vector{3, 5, 7}));
}

TEST(Zip, HoldsMoveOnlyElements)
{
    std::vector<std::unique_ptr<int>> owners;
    for (const int i : {1, 2, 3}) owners.push_back(std::make_unique<int>(i));
    const auto taken = parmap::map(parmap::zip(owners, numbers(3)), [](std::unique_ptr<int>& owner, int plus) {
        *owner += plus;
        return std::move(owner);
    });
    EXPECT_EQ(*taken[2], 5);
    EXPECT_EQ(owners[2], nullptr);
    const auto made = std::views::iota(0, 3) | std::views::transform(std::make_unique<int, int>);
    EXPECT_EQ(parmap::map(parmap::zip(made, made),
                          [](std::unique_ptr<int> a, const std::unique_ptr<int>& b) { return *a + *b; }),
              (std::vector{0, 2, 4}));
}

TEST(Zip, ReadsBitsOfAConstVectorOfBool)
{
    std::vector<bool> flags{true, false, true};
    EXPECT_EQ(parmap::map(parmap::zip(std::as_const(flags), numbers(3)), [](bool b, int x) { return b ? x : -1; }),
              (std::vector{0, -1, 2}));
}

TEST(Zip, ZipsAZip)
{
    std::vector<int> a{1, 2};
    const std::vector<int> b{10, 20};
    std::istringstream text("100 200");
    const auto inner = parmap::zip(a, b);
    parmap::for_each(parmap::zip(inner, b),
                     [](std::tuple<int&, const int&> both, int y) { std::get<0>(both) += std::get<1>(both) + y; });
    EXPECT_EQ(a, (std::vector{21, 42}));
    parmap::for_each(parmap::zip(parmap::zip(a, ints_in(text)), b),
                     [](std::tuple<int&, int&> both, int y) { std::get<0>(both) += std::get<1>(both) + y; });
    EXPECT_EQ(a, (std::vector{131, 262}));
}

TEST(Zip, IsTrackedInASerialLoop)
{
    const auto a = numbers(3);
    std::vector<int> b(3);
    std::optional<std::uint64_t> total;
    const auto sink = [&](const parmap::progress_state& state) { total = state.total; };
    for (auto [x, y] : parmap::tracked(parmap::zip(a, b), sink)) y = x + 1;
    EXPECT_EQ(b, (std::vector{1, 2, 3}));
    EXPECT_EQ(total, 3U);
}

TEST(Zip, OfEmptyRangesRunsNothing)
{
    const std::vector<int> none;
    std::istringstream empty;
    parmap::for_each(parmap::zip(none, std::list<int>()), never);
    parmap::for_each(parmap::zip(none, ints_in(empty)), never);
    EXPECT_TRUE(parmap::map(parmap::zip(none, none, none), [](int, int, int) { return 1; }).empty());
}

// Lengths

TEST(Zip, RefusesUnequalLengthsAtTheCall)
{
    const auto three = numbers(3);
    const auto four = numbers(4);
    const std::list<int> list(5);
    const std::forward_list<int> forward_list(6);
    EXPECT_EQ(refusal_of([&] { parmap::zip(three, four); }),
              "parmap::zip: the ranges have 3 and 4 elements: give it ranges of one length");
    EXPECT_EQ(refusal_of([&] { parmap::zip(four, three, list); }),
              "parmap::zip: the ranges have 4, 3 and 5 elements: give it ranges of one length");
    EXPECT_EQ(refusal_of([&] { parmap::zip(three, three, list); }),
              "parmap::zip: the ranges have 3, 3 and 5 elements: give it ranges of one length");
    EXPECT_EQ(refusal_of([&] { parmap::zip(forward_list, list); }),
              "parmap::zip: the ranges have 6 and 5 elements: give it ranges of one length");
    EXPECT_EQ(refusal_of([&] { parmap::zip(list, forward_list, std::views::iota(0, 5)); }),
              "parmap::zip: the ranges have 5, 6 and 5 elements: give it ranges of one length");
    EXPECT_EQ(refusal_of([&] { parmap::zip(three, std::views::iota(0) | std::views::take(2)); }),
              "parmap::zip: the ranges have 3 and 2 elements: give it ranges of one length");
    EXPECT_EQ(refusal_of([&] { parmap::zip(std::vector<int>(), three); }),
              "parmap::zip: the ranges have 0 and 3 elements: give it ranges of one length");
}

TEST(Zip, ComparesTheKnownLengthsBesideASinglePassRange)
{
    const auto three = numbers(3);
    std::istringstream text("1 2 3");
    EXPECT_EQ(refusal_of([&] { parmap::zip(three, ints_in(text), numbers(5)); }),
              "parmap::zip: the ranges have 3, ? and 5 elements: give it ranges of one length");
}

TEST(Zip, RefusesASinglePassRangeOfAnotherLengthBeforeAnythingRuns)
{
    const auto three = numbers(3);
    std::istringstream two("1 2");
    EXPECT_EQ(refusal_of([&] { parmap::for_each(parmap::zip(three, ints_in(two)), never); }),
              "parmap::zip: range 2 ended after 2 elements, range 1 goes on: give it ranges of one length");
    std::istringstream four("1 2 3 4");
    EXPECT_EQ(refusal_of([&] { parmap::map(parmap::zip(three, ints_in(four)), never); }),
              "parmap::zip: range 1 ended after 3 elements, range 2 goes on: give it ranges of one length");
    std::istringstream again("1 2 3");
    std::istringstream none;
    EXPECT_EQ(refusal_of([&] { parmap::try_map(parmap::zip(three, ints_in(again), ints_in(none)), never); }),
              "parmap::zip: range 3 ended after 0 elements, range 1 goes on: give it ranges of one length");
    std::istringstream left("1 2");
    std::istringstream right("1");
    EXPECT_EQ(refusal_of([&] { parmap::for_each(parmap::zip(ints_in(left), ints_in(right)), never); }),
              "parmap::zip: range 2 ended after 1 elements, range 1 goes on: give it ranges of one length");
}

// Random cases

constexpr int shapes = 13;
constexpr std::size_t most_ranges = 4;

/// From map_to_list on, the function has no index.
enum class algorithm : unsigned char {
    map_with_index,
    try_map,
    map_into,
    as_completed,
    map_to_list,
    map_reduce,
    stream,
    map
};

/// One random case.
struct scenario {
    int shape;  // which kinds of range, see check_shape
    std::array<std::size_t, most_ranges> lengths;
    int workers;
    algorithm which;
    std::optional<std::size_t> throws_at;

    bool with_index() const { return which < algorithm::map_to_list; }
    bool streams() const { return which == algorithm::stream || which == algorithm::as_completed; }
};

std::ostream& operator<<(std::ostream& out, const scenario& s)
{
    out << "shape " << s.shape << ", workers " << s.workers << ", algorithm " << static_cast<int>(s.which)
        << ", lengths";
    for (const std::size_t length : s.lengths) out << ' ' << length;
    if (s.throws_at) out << ", throws at " << *s.throws_at;
    return out;
}

scenario random_scenario(dice& random)
{
    scenario s{};
    s.which = static_cast<algorithm>(random.below(static_cast<std::size_t>(algorithm::map) + 1));
    const bool maps = s.which == algorithm::map || s.which == algorithm::map_with_index;
    // For the other algorithms a few shapes are enough: random access, forward and single-pass.
    s.shape = maps ? static_cast<int>(random.below(shapes)) : random.one_of({0, 3, 9});
    s.lengths.fill(random.below(random.one_in(10) ? 2000 : random.one_in(4) ? 3 : 100));
    if (random.one_in(3)) s.lengths.at(random.below(most_ranges)) = random.below(100);
    s.workers = 1 + static_cast<int>(random.below(most_workers));
    if (random.one_in(4)) s.throws_at = random.below(100);
    return s;
}

struct item_error {
    std::size_t index;
};

/// The element at `index` of the range with this number.
int element(std::size_t range, std::size_t index)
{
    return static_cast<int>(most_ranges * index + range);
}

/// The result of an item: it depends on every part and its position.
template <class... Parts>
std::int64_t result_of(std::int64_t start, Parts... parts)
{
    ((start = 31 * start + parts), ...);
    return start;
}

/// The results of the loop `for (i...) result_of(a[i], b[i], ...)`.
template <std::size_t... I>
std::vector<std::int64_t> serial_results(const scenario& s, std::index_sequence<I...>)
{
    std::vector<std::int64_t> results;
    for (std::size_t i = 0; i < s.lengths[0]; ++i) {
        results.push_back(result_of(s.with_index() ? static_cast<std::int64_t>(i) : 0, element(I, i)...));
    }
    return results;
}

/// The results by map, which calls one of two functions.
struct by_map {
    std::vector<std::int64_t> operator()(auto zip, const auto& with_index, const auto& without_index) const
    {
        return s.with_index() ? parmap::map(zip, with_index) : parmap::map(zip, without_index);
    }
    const scenario& s;
};

/// The accumulator of a reduction: all results, in order.
struct joined {
    joined() = default;
    joined(std::int64_t result) : values{result} {}

    static joined join(joined&& left, joined&& right)
    {
        left.values.insert(left.values.end(), right.values.begin(), right.values.end());
        return std::move(left);
    }

    std::vector<std::int64_t> values;
};

/// The results by the algorithm of this case.
struct by_any {
    std::vector<std::int64_t> operator()(auto zip, const auto& with_index, const auto& without_index) const
    {
        switch (s.which) {
            case algorithm::try_map:
                return parmap::try_map(zip, with_index).value();
            case algorithm::map_into: {
                std::vector<std::int64_t> out(s.lengths[0]);
                parmap::map_into(zip, out, with_index);
                return out;
            }
            case algorithm::map_to_list: {
                const auto out = parmap::map_to<std::list<std::int64_t>>(zip, without_index);
                return {out.begin(), out.end()};
            }
            case algorithm::map_reduce:
                return parmap::map_reduce(zip, without_index, joined(), joined::join).values;
            case algorithm::stream: {
                std::vector<std::int64_t> out;
                for (const std::int64_t result : parmap::stream(std::move(zip), without_index)) out.push_back(result);
                return out;
            }
            case algorithm::as_completed: {
                std::vector<std::int64_t> out(s.lengths[0]);
                for (const auto& [index, result] : parmap::as_completed(std::move(zip), with_index))
                    out.at(index) = result;
                return out;
            }
            default:
                return by_map{s}(std::move(zip), with_index, without_index);
        }
    }
    const scenario& s;
};

/// The position of an element of the first range.
std::size_t index_of(int first, auto... /*others*/)
{
    return static_cast<std::size_t>(first) / most_ranges;
}

template <class Range>
using int_of = int;

template <class... Ranges>
void check(const scenario& s, const auto& results_by, Ranges&&... ranges)
{
    const auto lengths = std::span(s.lengths).first(sizeof...(Ranges));
    const bool equal = std::ranges::count(lengths, lengths[0]) == std::ssize(lengths);
    const bool throws = s.throws_at && *s.throws_at < lengths[0];
    std::atomic<std::size_t> ran{0};
    const auto item = [&](std::size_t i, std::int64_t start, auto... parts) {
        ++ran;
        if (s.throws_at == i) throw item_error{i};
        return result_of(start, parts...);
    };
    const auto with_index = [&](std::size_t i, int_of<Ranges>... parts) {
        return item(i, static_cast<std::int64_t>(i), parts...);
    };
    const auto without_index = [&](int_of<Ranges>... parts) { return item(index_of(parts...), 0, parts...); };
    try {
        const auto results = results_by(parmap::zip(std::forward<Ranges>(ranges)...), with_index, without_index);
        EXPECT_TRUE(equal && !throws) << s;
        EXPECT_EQ(results, serial_results(s, std::index_sequence_for<Ranges...>())) << s;
    } catch (const item_error& e) {
        EXPECT_TRUE((equal || s.streams()) && throws) << s;
        EXPECT_EQ(e.index, s.throws_at) << s;
    } catch (const std::invalid_argument&) {
        EXPECT_FALSE(equal) << s;
        // Only a stream may run items before it knows the length of a single-pass range.
        EXPECT_TRUE(ran == 0U || s.streams()) << s;
    }
}

template <class Container>
Container filled(const scenario& s, std::size_t range)
{
    std::vector<int> elements;
    for (std::size_t i = 0; i < s.lengths[range]; ++i) elements.push_back(element(range, i));
    return Container(elements.begin(), elements.end());
}

auto computed(const scenario& s, std::size_t range)
{
    return std::views::iota(std::size_t{0}, s.lengths[range]) |
           std::views::transform([range](std::size_t i) { return element(range, i); });
}

std::istringstream written(const scenario& s, std::size_t range)
{
    std::string text;
    for (const int x : filled<std::vector<int>>(s, range)) text += std::to_string(x) + ' ';
    return std::istringstream(text);
}

void check_shape(const scenario& s)
{
    using vector = std::vector<int>;
    using list = std::list<int>;
    using forward_list = std::forward_list<int>;
    std::array<std::istringstream, most_ranges> texts{written(s, 0), written(s, 1), written(s, 2), written(s, 3)};
    switch (s.shape) {
        case 0:
            return check(s, by_any{s}, filled<vector>(s, 0), filled<vector>(s, 1));
        case 1:
            return check(s, by_map{s}, computed(s, 0), filled<vector>(s, 1));
        case 2:
            return check(s, by_map{s}, filled<list>(s, 0), filled<vector>(s, 1));
        case 3:
            return check(s, by_any{s}, filled<forward_list>(s, 0), filled<list>(s, 1));
        case 4:
            return check(s, by_map{s}, ints_in(texts[0]), filled<vector>(s, 1));
        case 5:
            return check(s, by_map{s}, filled<forward_list>(s, 0), ints_in(texts[1]));
        case 6:
            return check(s, by_map{s}, ints_in(texts[0]), ints_in(texts[1]));
        case 7:
            return check(s, by_map{s}, filled<vector>(s, 0), filled<std::deque<int>>(s, 1), computed(s, 2));
        case 8:
            return check(s, by_map{s}, filled<vector>(s, 0), filled<forward_list>(s, 1), filled<list>(s, 2));
        case 9:
            return check(s, by_any{s}, filled<list>(s, 0), ints_in(texts[1]), computed(s, 2));
        case 10:
            return check(s, by_map{s}, ints_in(texts[0]), ints_in(texts[1]), ints_in(texts[2]));
        case 11:
            return check(s, by_map{s}, filled<vector>(s, 0), filled<vector>(s, 1), computed(s, 2),
                         filled<vector>(s, 3));
        default:
            return check(s, by_map{s}, filled<vector>(s, 0), filled<list>(s, 1), computed(s, 2), ints_in(texts[3]));
    }
}

TEST(Zip, RandomZipsDoWhatTheSerialLoopDoes)
{
    for_random_cases(10'000, [](dice& random) {
        const scenario s = random_scenario(random);
        on_workers(s.workers, [&] { check_shape(s); });
    });
}

}  // namespace
