// SPDX-License-Identifier: Apache-2.0
// How values become bytes and values again.
#include <algorithm>
#include <array>
#include <chrono>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include <parmap/mpi/serializer.hpp>

#include "support/random_cases.hpp"

namespace {

using parmap::mpi::reader;
using parmap::mpi::serializable;
using parmap::mpi::writer;
using parmap::testing::dice;
using parmap::testing::for_random_cases;

struct point {
    int x;
    double y;
    friend bool operator==(point, point) = default;
};

struct empty {
    friend bool operator==(empty, empty) = default;
};

/// Neither default-constructible nor assignable.
struct fixed {
    explicit fixed(int v) : value(v) {}
    friend bool operator==(const fixed&, const fixed&) = default;
    const int value;
};

/// With a serializer of its own, as in the documentation.
struct matrix {
    std::size_t rows;
    std::vector<double> numbers;
    friend bool operator==(const matrix&, const matrix&) = default;
};

/// Could be copied byte by byte, but is not to be: the pointer means nothing elsewhere.
struct letter {
    const char* text;
    friend bool operator==(letter a, letter b) { return std::string_view(a.text) == b.text; }
};

/// Can only be moved.
struct owner {
    std::unique_ptr<int> number;
    friend bool operator==(const owner& a, const owner& b) { return *a.number == *b.number; }
};

enum class colour : std::uint8_t { red, green };

constexpr std::array texts{"a", "b", "c"};

}  // namespace

template <>
struct parmap::mpi::serializer<matrix> {
    static void write(writer& to, const matrix& m)
    {
        to.value(m.rows);
        to.value(m.numbers);
    }
    static matrix read(reader& from)
    {
        const auto rows = from.value<std::size_t>();
        return {rows, from.value<std::vector<double>>()};
    }
};

template <>
struct parmap::mpi::serializer<letter> {
    static void write(writer& to, const letter& l) { to.value(static_cast<char>(l.text[0] - 'a')); }
    static letter read(reader& from) { return {texts.at(static_cast<std::size_t>(from.value<char>()))}; }
};

template <>
struct parmap::mpi::serializer<owner> {
    static void write(writer& to, const owner& o) { to.value(*o.number); }
    static owner read(reader& from) { return {std::make_unique<int>(from.value<int>())}; }
};

namespace {

template <class T>
std::vector<std::byte> bytes_of(const T& value)
{
    writer to;
    to.value(value);
    return to.take();
}

/// It comes back as it was, with what stands behind it untouched.
template <class T>
void expect_round_trip(const T& value)
{
    writer to;
    to.value(value);
    EXPECT_GE(to.size(), 1U) << "so that values can be counted";
    to.value('!');
    const std::vector<std::byte> bytes = to.take();
    reader from(bytes);
    EXPECT_TRUE(from.value<T>() == value);
    EXPECT_EQ(from.size(), 1U);
    EXPECT_EQ(from.value<char>(), '!');
}

// What comes back

TEST(Serializer, CopiesPlainTypes)
{
    expect_round_trip(7);
    expect_round_trip(true);
    expect_round_trip(-1.5L);
    expect_round_trip(std::numeric_limits<std::uint64_t>::max());
    expect_round_trip(colour::green);
    expect_round_trip(point{3, 0.25});
    expect_round_trip(std::complex<float>(1, 2));
    expect_round_trip(std::chrono::nanoseconds(5));
    expect_round_trip(std::variant<int, double>(2.5));
    expect_round_trip(std::byte{9});
}

TEST(Serializer, CopiesTypesWithoutADefaultConstructor)
{
    expect_round_trip(fixed(5));
    expect_round_trip(std::vector{fixed(5), fixed(6)});
    expect_round_trip(std::optional(fixed(7)));
    expect_round_trip(std::pair(fixed(1), std::string("one")));
    expect_round_trip(std::array{fixed(1), fixed(2)});
}

TEST(Serializer, CountsValuesOfTypesThatHaveNone)
{
    expect_round_trip(empty{});
    expect_round_trip(std::vector<empty>(5));
    expect_round_trip(std::monostate{});
    expect_round_trip(std::vector<std::tuple<>>(3));
    expect_round_trip(std::vector<std::array<int, 0>>(3));
    expect_round_trip(std::vector<std::array<std::string, 0>>(3));
    expect_round_trip(std::array<empty, 2>{});
    expect_round_trip(std::vector<std::pair<empty, empty>>(4));
}

TEST(Serializer, CopiesStrings)
{
    expect_round_trip(std::string());
    expect_round_trip(std::string("zero \0 inside", 13));
    expect_round_trip(std::string(100'000, 'x'));
    expect_round_trip(std::u32string(U"wide"));
    expect_round_trip(std::wstring(L""));
}

TEST(Serializer, CopiesVectors)
{
    expect_round_trip(std::vector<int>());
    expect_round_trip(std::vector{1, 2, 3});
    expect_round_trip(std::vector<point>(1'000, point{1, 2}));
    expect_round_trip(std::vector<bool>());
    expect_round_trip(std::vector{true, false, true, true});
    expect_round_trip(std::vector<std::string>{"", "a", std::string(1'000, 'b')});
    expect_round_trip(std::vector<std::vector<int>>{{}, {1}, {2, 3}, {}});
    expect_round_trip(std::vector<std::vector<bool>>{{true}, {}, {false, true}});
}

TEST(Serializer, CopiesPairsTuplesOptionalsAndArrays)
{
    expect_round_trip(std::pair(1, 2.5));
    expect_round_trip(std::pair(std::string("a"), std::vector{1, 2}));
    expect_round_trip(std::tuple<>());
    expect_round_trip(std::tuple(1, std::string("two"), 3.0));
    expect_round_trip(std::tuple<std::tuple<int>>(std::tuple(1)));
    expect_round_trip(std::optional<int>());
    expect_round_trip(std::optional<bool>(false));
    expect_round_trip(std::optional(std::optional<int>()));
    expect_round_trip(std::optional(std::optional(3)));
    expect_round_trip(std::optional<std::string>("text"));
    expect_round_trip(std::array<int, 3>{1, 2, 3});
    expect_round_trip(std::array<std::string, 2>{"a", "b"});
    expect_round_trip(std::array<std::array<std::vector<int>, 2>, 2>{{{{{1}, {}}}, {{{2}, {3, 4}}}}});
}

TEST(Serializer, MayBeSpecialisedForATypeOfOnesOwn)
{
    const matrix m{2, {1, 2, 3, 4}};
    expect_round_trip(m);
    expect_round_trip(std::vector{m, matrix{}, m});
    expect_round_trip(std::optional(m));
    expect_round_trip(std::array{m, m});
    expect_round_trip(owner{std::make_unique<int>(3)});
    std::vector<owner> owners;
    owners.push_back({std::make_unique<int>(4)});
    expect_round_trip(owners);
    expect_round_trip(std::pair(owner{std::make_unique<int>(4)}, 5));
    expect_round_trip(std::tuple(owner{std::make_unique<int>(4)}, std::string("five")));
}

TEST(Serializer, ThatWasSpecialisedIsUsedThoughTheBytesCouldBeCopied)
{
    expect_round_trip(letter{texts[2]});
    expect_round_trip(std::vector{letter{texts[1]}, letter{texts[0]}});
    EXPECT_EQ(bytes_of(letter{texts[2]}).size(), 1U);
    EXPECT_EQ(bytes_of(std::vector{letter{texts[1]}, letter{texts[0]}}).size(), sizeof(std::uint64_t) + 2);
    EXPECT_EQ(bytes_of(std::pair(letter{texts[1]}, letter{texts[0]})).size(), 2U);
}

TEST(Serializer, KeepsTheOrderOfParts)
{
    writer to;
    to.value(1);
    to.value(2);
    to.value(3);
    const std::vector<std::byte> bytes = to.take();
    EXPECT_EQ(bytes_of(std::pair(1, std::pair(2, 3))), bytes);
    EXPECT_EQ(to.size(), 0U) << "it has them no more";
}

TEST(Writer, ForgetsWhatIsTooMuch)
{
    writer to;
    to.value(1);
    const std::size_t enough = to.size();
    to.value(std::string("too much"));
    to.shorten(enough);
    to.bytes(nullptr, 0);
    EXPECT_EQ(to.take(), bytes_of(1));
}

// What cannot travel

TEST(Serializer, ThereIsNoneForAddressesAndWhatHoldsThem)
{
    static_assert(!serializable<int*> && !serializable<const char*> && !serializable<void (*)()>);
    static_assert(!serializable<int point::*>);
    static_assert(!serializable<std::string_view> && !serializable<std::span<int>>);
    static_assert(!serializable<std::span<const int, 3>>);
    static_assert(!serializable<std::reference_wrapper<int>>);
    static_assert(!serializable<std::unique_ptr<int>> && !serializable<std::shared_ptr<int>>);
    static_assert(!serializable<std::pair<int*, int>> && !serializable<std::pair<int, std::string_view>>);
    static_assert(!serializable<std::tuple<int, char*>> && !serializable<std::optional<int*>>);
    static_assert(!serializable<std::array<int*, 2>> && !serializable<std::array<std::string_view, 2>>);
    static_assert(!serializable<std::vector<int*>> && !serializable<std::vector<std::string_view>>);
    static_assert(!serializable<std::vector<std::vector<std::unique_ptr<int>>>>);
    static_assert(!serializable<std::optional<std::pair<int, std::tuple<int*>>>>);
    static_assert(serializable<std::pair<int, int>> && serializable<std::vector<std::string>>);
}

TEST(Serializer, ThereIsNoneForTypesThatCannotBeCopiedByteByByte)
{
    struct with_text {
        std::string text;
    };
    static_assert(!serializable<with_text> && !serializable<std::vector<with_text>>);
    static_assert(!serializable<std::map<int, int>> && !serializable<std::list<int>>);
    static_assert(!serializable<std::function<void()>> && !serializable<void>);
}

// Messages that are not what was written

std::size_t greatest_allocation = 0;

/// Notes the greatest allocation.
template <class T>
struct noting_allocator {
    using value_type = T;

    noting_allocator() = default;
    template <class U>
    explicit(false) noting_allocator(const noting_allocator<U>& /*other*/)
    {
    }
    T* allocate(std::size_t n)
    {
        greatest_allocation = std::max(greatest_allocation, n * sizeof(T));
        return std::allocator<T>().allocate(n);
    }
    void deallocate(T* data, std::size_t n) { std::allocator<T>().deallocate(data, n); }
    friend bool operator==(noting_allocator /*a*/, noting_allocator /*b*/) { return true; }
};

template <class T>
using noted = std::vector<T, noting_allocator<T>>;
using text = std::basic_string<char, std::char_traits<char>, noting_allocator<char>>;

template <class T>
void expect_refused(const std::vector<std::byte>& bytes)
{
    reader from(bytes);
    EXPECT_THROW(from.value<T>(), std::out_of_range);
}

/// A count and so many bytes.
std::vector<std::byte> counted_bytes(std::uint64_t count, std::size_t bytes)
{
    writer to;
    to.value(count);
    for (std::size_t i = 0; i < bytes; ++i) to.value(std::byte{1});
    return to.take();
}

template <class T>
void expect_hostile_counts_refused()
{
    for (const std::uint64_t count : {UINT64_MAX, UINT64_MAX / 2, std::uint64_t{1} << 60, std::uint64_t{17}}) {
        expect_refused<T>(counted_bytes(count, 16));
    }
    for (std::size_t bytes = 0; bytes < 8; ++bytes) expect_refused<T>(std::vector<std::byte>(bytes));
}

TEST(Serializer, RefusesCountsThatCannotBeThereBeforeItAllocates)
{
    greatest_allocation = 0;
    expect_hostile_counts_refused<text>();
    expect_hostile_counts_refused<noted<int>>();
    expect_hostile_counts_refused<noted<bool>>();
    expect_hostile_counts_refused<noted<text>>();
    expect_hostile_counts_refused<noted<std::pair<int, text>>>();
    expect_hostile_counts_refused<noted<fixed>>();
    expect_hostile_counts_refused<noted<empty>>();
    EXPECT_EQ(greatest_allocation, 0U);
}

TEST(Serializer, RefusesAnEmptyMessage)
{
    expect_refused<int>({});
    expect_refused<fixed>({});
    expect_refused<empty>({});
    expect_refused<bool>({});
    expect_refused<std::tuple<>>({});
    expect_refused<std::array<int, 0>>({});
    expect_refused<std::optional<int>>({});
    expect_refused<std::pair<empty, empty>>({});
    expect_refused<std::string>({});
}

TEST(Serializer, AnyByteIsABool)
{
    const std::vector<std::byte> bytes(2, std::byte{2});
    EXPECT_EQ(reader(bytes).value<bool>(), true);
    EXPECT_EQ(reader(bytes).value<std::optional<char>>(), std::optional<char>(2));
}

TEST(Reader, SaysThatAMessageEndsInTheMiddleOfAValue)
{
    const std::vector<std::byte> bytes(3);
    reader from(bytes);
    try {
        from.value<int>();
        FAIL();
    } catch (const std::out_of_range& e) {
        EXPECT_STREQ(e.what(),
                     "parmap::mpi: a message ends in the middle of a value: a serializer reads more than it writes");
    }
    EXPECT_EQ(from.size(), 3U) << "nothing was taken";
}

using part = std::tuple<int, text, std::array<text, 2>, noted<bool>, empty>;
using whole = noted<std::pair<text, std::optional<noted<part>>>>;

text random_text(dice& random)
{
    text value(random.below(random.one_of<std::size_t>({1, 10, 40})), '\0');
    for (char& c : value) c = static_cast<char>(random.below(256));
    return value;
}

part random_part(dice& random)
{
    noted<bool> bits;
    for (std::size_t n = random.below(10); n != 0; --n) bits.push_back(random.one_in(2));
    return {static_cast<int>(random.below(1'000)),
            random_text(random),
            {random_text(random), random_text(random)},
            bits,
            empty{}};
}

whole random_value(dice& random)
{
    whole all;
    for (std::size_t n = random.below(6); n != 0; --n) {
        all.emplace_back(random_text(random), std::nullopt);
        if (random.one_in(3)) continue;
        auto& parts = all.back().second.emplace();
        for (std::size_t m = random.below(6); m != 0; --m) parts.push_back(random_part(random));
    }
    return all;
}

TEST(Serializer, RandomValuesComeBack)
{
    for_random_cases(5'000, [](dice& random) { expect_round_trip(random_value(random)); });
}

TEST(Serializer, RandomValuesThatAreCutShortAreRefused)
{
    for_random_cases(5'000, [](dice& random) {
        std::vector<std::byte> bytes = bytes_of(random_value(random));
        reader complete(bytes);
        greatest_allocation = 0;
        complete.value<whole>();
        const std::size_t usual = std::exchange(greatest_allocation, 0);
        bytes.resize(random.below(bytes.size()));
        expect_refused<whole>(bytes);
        EXPECT_LE(greatest_allocation, usual);
    });
}

TEST(Serializer, RandomNoiseIsReadAsSomethingOrRefused)
{
    for_random_cases(10'000, [](dice& random) {
        std::vector<std::byte> bytes = bytes_of(random_value(random));
        const std::size_t one_in = random.one_of<std::size_t>({1, 10, 100});
        for (std::byte& byte : bytes) {
            if (random.one_in(one_in)) byte = static_cast<std::byte>(random.one_of({0U, 1U, 5U, 255U}));
        }
        greatest_allocation = 0;
        reader from(bytes);
        try {
            from.value<whole>();
        } catch (const std::out_of_range&) {
        }
        EXPECT_LE(greatest_allocation, bytes.size() * sizeof(part));
    });
}

}  // namespace
