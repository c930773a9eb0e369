// SPDX-License-Identifier: Apache-2.0
// Types of a user, and beside them functions that take anything and have the names of parmap's own. An unqualified call
// in parmap would find these as well, and this file would not compile.
#include <cstddef>
#include <deque>
#include <vector>

#include <gtest/gtest.h>

#include <parmap/parmap.hpp>

namespace theirs {

struct number {
    int value = 0;

    friend bool operator==(const number&, const number&) = default;
};

struct twice {
    number operator()(const number& x) const { return {2 * x.value}; }
};

struct look {
    void operator()(const number& /*x*/) const {}
};

struct sum {
    number operator()(const number& a, const number& b) const { return {a.value + b.value}; }
};

/// Containers that a user has beside the names too.
class numbers : public std::vector<number> {
public:
    using std::vector<number>::vector;
};
class queue : public std::deque<number> {
public:
    using std::deque<number>::deque;
};

struct observer {
    void operator()(const parmap::progress_state& /*state*/) const {}
};

// An error when one is called: for these types each fits as well as a template of parmap that takes anything, or
// better.
#define PLANT_FOR(name, wanted)                          \
    template <class A>                                   \
    void name(const wanted&, A&&) = delete;              \
    template <class A>                                   \
    void name(A&&, const wanted&) = delete;              \
    template <class A, class B>                          \
    void name(const wanted&, A&&, B&&) = delete;         \
    template <class A, class B>                          \
    void name(A&&, const wanted&, B&&) = delete;         \
    template <class A, class B, class C>                 \
    void name(const wanted&, A&&, B&&, C&&) = delete;    \
    template <class A, class B, class C>                 \
    void name(A&&, const wanted&, B&&, C&&) = delete;    \
    template <class Explicit, class A>                   \
    void name(const wanted&, A&&) = delete;              \
    template <class Explicit, class A>                   \
    void name(A&&, const wanted&) = delete;              \
    template <class Explicit, class A, class B>          \
    void name(const wanted&, A&&, B&&) = delete;         \
    template <class Explicit, class A, class B>          \
    void name(A&&, const wanted&, B&&) = delete;         \
    template <class Explicit, class A, class B, class C> \
    void name(const wanted&, A&&, B&&, C&&) = delete;    \
    template <class Explicit, class A, class B, class C> \
    void name(A&&, const wanted&, B&&, C&&) = delete

#define PLANT(name)                    \
    template <class A>                 \
    void name(A&&) = delete;           \
    template <class Explicit, class A> \
    void name(A&&) = delete;           \
    PLANT_FOR(name, numbers);          \
    PLANT_FOR(name, twice);            \
    PLANT_FOR(name, look)

PLANT(all_ended);
PLANT(allocate);
PLANT(as_completed);
PLANT(begin_of);
PLANT(check_callable);
PLANT(check_combines);
PLANT(check_converts);
PLANT(check_range);
PLANT(check_result);
PLANT(check_step_range);
PLANT(check_takes_results);
PLANT(check_zip);
PLANT(common_length);
PLANT(deallocate);
PLANT(describe);
PLANT(elements);
PLANT(element_at);
PLANT(for_each);
PLANT(give);
PLANT(input);
PLANT(insert);
PLANT(invoke);
PLANT(invoke_item);
PLANT(length_of);
PLANT(make_sized);
PLANT(make_stream);
PLANT(map);
PLANT(map_into);
PLANT(map_reduce);
PLANT(map_to);
PLANT(name);
PLANT(names_of);
PLANT(populate);
PLANT(println);
PLANT(quoted);
PLANT(reduce);
PLANT(run);
PLANT(run_items);
PLANT(scatter);
PLANT(slots);
PLANT(step);
PLANT(stream);
PLANT(tracked);
PLANT(try_map);
PLANT(zip);

}  // namespace theirs

namespace {

using theirs::number;

theirs::numbers first(int n)
{
    theirs::numbers result(static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i) result[static_cast<std::size_t>(i)].value = i;
    return result;
}

const parmap::options options{.progress = theirs::observer(), .grain_size = 1};

int total(const auto& results)
{
    int sum = 0;
    for (const number& result : results) sum += result.value;
    return sum;
}

TEST(GreedyNamesBesideAType, AreNotFoundByMaps)
{
    const theirs::numbers input = first(100);
    parmap::for_each(input, theirs::look(), options);
    EXPECT_EQ(total(parmap::map(input, theirs::twice(), options)), 9900);
    EXPECT_EQ(total(parmap::map_to<theirs::numbers>(input, theirs::twice(), options)), 9900);
    EXPECT_EQ(total(parmap::map_to<theirs::queue>(input, theirs::twice(), options)), 9900);
    EXPECT_EQ(total(parmap::map_to<parmap::vector<number>>(input, theirs::twice(), options)), 9900);
    theirs::numbers output(100);
    parmap::map_into(input, output, theirs::twice(), options);
    EXPECT_EQ(total(output), 9900);
    const auto tried = parmap::try_map(input, theirs::twice(), options);
    EXPECT_TRUE(tried.failures.empty());
}

TEST(GreedyNamesBesideAType, AreNotFoundByMapsThatReturnNothingOrTakeAnIndex)
{
    const theirs::numbers input = first(100);
    parmap::map(input, theirs::look(), options);
    parmap::for_each(
        input, [](std::size_t index, const number& x) { EXPECT_EQ(static_cast<int>(index), x.value); }, options);
}

TEST(GreedyNamesBesideAType, AreNotFoundByReductions)
{
    EXPECT_EQ(parmap::map_reduce(first(100), theirs::twice(), number(), theirs::sum(), options), number{9900});
}

TEST(GreedyNamesBesideAType, AreNotFoundByZip)
{
    const theirs::numbers input = first(100);
    const auto both = [](const number& a, const number& b) { return number{a.value + b.value}; };
    EXPECT_EQ(total(parmap::map(parmap::zip(input, first(100)), both, options)), 9900);
}

TEST(GreedyNamesBesideAType, AreNotFoundByStreams)
{
    int sum = 0;
    for (const number& result : parmap::stream(first(100), theirs::twice(), options)) sum += result.value;
    for (const auto& [index, result] : parmap::as_completed(first(100), theirs::twice(), options)) sum += result.value;
    EXPECT_EQ(sum, 2 * 9900);
}

TEST(GreedyNamesBesideAType, AreNotFoundByGraphs)
{
    parmap::task_graph graph;
    const auto input = graph.add("input", [] { return first(100); });
    const auto doubled = graph.map("doubled", input, theirs::twice());
    graph.map("looked at", input, theirs::look());
    const auto sum = graph.reduce("sum", doubled, number(), theirs::sum());
    const auto again = graph.add("again", theirs::twice(), sum);
    graph.run(options);
    EXPECT_EQ(again.get(), number{2 * 9900});
}

TEST(GreedyNamesBesideAType, AreNotFoundByProgressOfASerialLoop)
{
    int sum = 0;
    for (const number& x : parmap::tracked(first(100), theirs::observer())) sum += x.value;
    EXPECT_EQ(sum, 4950);
}

}  // namespace
