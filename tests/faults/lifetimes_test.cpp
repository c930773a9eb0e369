// SPDX-License-Identifier: Apache-2.0
// Random throws and stops in every algorithm that makes results: each result is destroyed exactly once, and nothing
// else is destroyed.
#include <atomic>
#include <iostream>
#include <list>
#include <optional>
#include <ostream>
#include <ranges>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <parmap/map.hpp>
#include <parmap/map_reduce.hpp>
#include <parmap/stream.hpp>
#include <parmap/task_graph.hpp>
#include <parmap/try_map.hpp>

#include "support/on_workers.hpp"
#include "support/random_cases.hpp"
#include "support/registered.hpp"

namespace {

using parmap::testing::dice;
using parmap::testing::for_random_cases;
using parmap::testing::most_workers;
using parmap::testing::move_error;
using parmap::testing::on_workers;
using parmap::testing::registered;

/// A default-constructible result, so that a container can make its elements before the items run.
struct fillable : registered {
    fillable() noexcept : registered(0) {}
    explicit fillable(int v) : registered(v) {}
};

struct item_error {};
struct source_error {};

enum class algorithm : unsigned char {
    map,
    map_to_list,
    map_in_place,
    map_into,
    try_map,
    map_reduce,
    stream,
    as_completed,
    graph
};

/// A random case, with at least one fault.
struct scenario {
    algorithm which;
    bool single_pass;  // the range, which makes its elements when it is read
    std::size_t size;
    int workers;
    std::size_t grain;
    std::optional<std::size_t> item_throws;
    std::optional<std::size_t> source_throws;
    std::optional<std::size_t> stops_at;
    std::optional<std::size_t> leaves_after;  // results that the consumer of a stream takes
    int moves_until_throw;
    int spins;  // how often a fault looks for items that run at the same time, without yielding
};

std::ostream& operator<<(std::ostream& out, const scenario& s)
{
    const auto show = [](const auto& maybe) { return maybe ? std::to_string(*maybe) : "-"; };
    return out << "algorithm " << static_cast<int>(s.which) << ", single pass " << s.single_pass << ", size " << s.size
               << ", workers " << s.workers << ", grain " << s.grain << ", item throws at " << show(s.item_throws)
               << ", source at " << show(s.source_throws) << ", stops at " << show(s.stops_at) << ", leaves after "
               << show(s.leaves_after) << ", moves until one throws " << s.moves_until_throw << ", spins " << s.spins;
}

scenario random_scenario(dice& random)
{
    scenario s{};
    s.which = static_cast<algorithm>(random.below(static_cast<std::size_t>(algorithm::graph) + 1));
    s.single_pass = random.one_in(2);
    s.size = 1 + random.below(random.one_in(10) ? 200 : 16);
    s.workers = 1 + static_cast<int>(random.below(most_workers));
    s.grain = random.one_of<std::size_t>({0, 1, 3});
    s.moves_until_throw = -1;
    s.spins = random.one_in(4) ? 50'000 : 0;
    const bool can_leave = s.which == algorithm::stream || s.which == algorithm::as_completed;
    for (std::size_t n = random.one_in(4) ? 2 : 1; n != 0; --n) {
        const std::size_t at = random.below(s.size);
        switch (random.below(can_leave ? 5 : 4)) {
            case 0:
                s.source_throws = at;
                break;
            case 1:
                s.stops_at = at;
                break;
            case 2:
                s.moves_until_throw = static_cast<int>(at);
                break;
            case 3:
                s.item_throws = at;
                break;
            default:
                s.leaves_after = at;
        }
    }
    return s;
}

/// The elements 0, 1, ... as a range that makes an object for each.
auto source_of(const scenario& s)
{
    return std::views::iota(std::size_t{0}, s.size) | std::views::transform([&s](std::size_t i) {
               if (s.source_throws == i) throw source_error();
               return registered(static_cast<int>(i));
           });
}

/// `view` as a single-pass range: parmap has to store its elements.
template <std::ranges::view View>
class once : public std::ranges::view_base {
public:
    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using value_type = std::ranges::range_value_t<View>;
        using difference_type = std::ptrdiff_t;

        explicit iterator(std::ranges::iterator_t<View> at) : at_(at) {}
        decltype(auto) operator*() const { return *at_; }
        iterator& operator++()
        {
            ++at_;
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(const std::ranges::sentinel_t<View>& end) const { return at_ == end; }

    private:
        std::ranges::iterator_t<View> at_;
    };

    explicit once(View view) : view_(std::move(view)) {}
    iterator begin() { return iterator(view_.begin()); }
    auto end() { return view_.end(); }

private:
    View view_;
};

int result_value(int element)
{
    return 2 * element + 1;
}

/// Makes the result of an element, or throws or requests a stop as the case wants.
template <class Result>
struct item_of {
    Result operator()(std::size_t i, const registered& element) const
    {
        EXPECT_EQ(element.value(), static_cast<int>(i)) << s;
        ++begun;
        if (s.stops_at == i || s.item_throws == i) {
            for (int n = 0; n < s.spins && begun <= i + 2; ++n) {
            }
        }
        if (s.stops_at == i) stop.request_stop();
        if (s.item_throws == i) throw item_error();
        return Result(result_value(element.value()));
    }

    const scenario& s;
    std::stop_source& stop;
    std::atomic<std::size_t>& begun;
};

void expect_result(const registered& result, std::size_t i)
{
    EXPECT_EQ(result.value(), result_value(static_cast<int>(i)));
}

void expect_results(const auto& results)
{
    std::size_t i = 0;
    for (const registered& result : results) expect_result(result, i++);
}

/// \return whether the run ended without a fault
template <class Range>
bool run_graph(const scenario& s, Range& range, const item_of<registered>& item)
{
    parmap::task_graph graph;
    auto elements = graph.add("elements", [&] {
        std::vector<registered> all;
        for (auto&& element : range) all.push_back(std::forward<decltype(element)>(element));
        return all;
    });
    auto results = graph.map("results", elements, item);
    auto first = graph.add(
        "first", [](const std::vector<registered>& all) { return all.front(); }, results);
    auto last =
        graph.reduce("last", results, registered(0), [](registered&&, registered&& right) { return std::move(right); });
    {
        const auto dropped = std::move(elements);
    }
    bool whole = true;
    try {
        graph.run({.stop = item.stop.get_token(), .grain_size = s.grain});
    } catch (...) {
        if (s.size % 2 == 0) throw;
        whole = false;
        graph.run({.grain_size = s.grain});  // goes on after the failed run; may throw again
    }
    expect_results(results.get());
    const std::vector<registered> taken = results.take();
    expect_results(taken);
    expect_result(first.take(), 0);
    expect_result(last.get(), s.size - 1);
    return whole;
}

/// \return whether the run ended without a fault \throws what the algorithm throws
template <class Range>
bool run(const scenario& s, Range&& range, std::vector<registered>& out)
{
    std::stop_source stop;
    std::atomic<std::size_t> begun{0};
    const item_of<registered> item{s, stop, begun};
    const parmap::options options{.stop = stop.get_token(), .grain_size = s.grain};
    switch (s.which) {
        case algorithm::map:
            expect_results(parmap::map(range, item, options));
            return true;
        case algorithm::map_to_list:
            expect_results(parmap::map_to<std::list<registered>>(range, item, options));
            return true;
        case algorithm::map_in_place:
            expect_results(parmap::map_to<parmap::vector<fillable>>(range, item_of<fillable>{s, stop, begun}, options));
            return true;
        case algorithm::map_into:
            parmap::map_into(range, out, item, options);
            expect_results(out);
            return true;
        case algorithm::try_map: {
            auto all = parmap::try_map(range, item, options);
            for (std::size_t i = 0; i < s.size; ++i) {
                if (all.values[i]) expect_result(*all.values[i], i);
            }
            const bool whole = all.ok();
            if (whole || s.size % 2 == 0) expect_results(std::move(all).value());
            return whole;
        }
        case algorithm::map_reduce: {
            const auto last = [](registered&&, registered&& right) { return std::move(right); };
            expect_result(parmap::map_reduce(range, item, registered(0), last, options), s.size - 1);
            return true;
        }
        case algorithm::stream: {
            std::vector<registered> results;
            for (auto&& result : parmap::stream(range, item, options)) {
                if (s.leaves_after == results.size()) return false;
                results.push_back(std::move(result));
            }
            expect_results(results);
            return true;
        }
        case algorithm::as_completed: {
            std::size_t consumed = 0;
            for (auto&& [index, result] : parmap::as_completed(range, item, options)) {
                if (s.leaves_after == consumed++) return false;
                expect_result(result, index);
            }
            return true;
        }
        case algorithm::graph:
            return run_graph(s, range, item);
    }
    return true;
}

/// \return whether the case ended without a fault
bool run_to_its_end(const scenario& s)
{
    std::vector<registered> out;
    for (std::size_t i = 0; i < s.size; ++i) out.emplace_back(0);
    registered::moves_until_throw = s.moves_until_throw;
    try {
        return s.single_pass ? run(s, once(source_of(s)), out) : run(s, source_of(s), out);
    } catch (const item_error&) {
        EXPECT_TRUE(s.item_throws) << s;
    } catch (const source_error&) {
        EXPECT_TRUE(s.source_throws) << s;
    } catch (const move_error&) {
        EXPECT_GE(s.moves_until_throw, 0) << s;
    } catch (const parmap::cancelled& c) {
        EXPECT_TRUE(s.stops_at) << s;
        EXPECT_EQ(c.reason(), parmap::stop_reason::stop_requested) << s;
    }
    return false;
}

TEST(Lifetimes, EachResultIsDestroyedOnceAfterRandomThrowsAndStops)
{
    std::uint64_t faults = 0;
    const std::uint64_t cases = for_random_cases(120'000, [&](dice& random) {
        const scenario s = random_scenario(random);
        on_workers(s.workers, [&] {
            if (!run_to_its_end(s)) ++faults;
        });
        registered::moves_until_throw = -1;
        EXPECT_EQ(registered::alive(), 0U) << s;
    });
    std::cout << faults << " of them ended by a throw or a stop\n";
    if (cases >= 1000) {
        EXPECT_GE(faults, cases / 6 * 5);
    }
}

}  // namespace
