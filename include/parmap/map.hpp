// SPDX-License-Identifier: Apache-2.0
// map, map_to, map_into, for_each: a function on every element of a range, on every CPU, results in input order.
#pragma once

#include <cstddef>
#include <ranges>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <parmap/detail/elements.hpp>
#include <parmap/detail/engine.hpp>
#include <parmap/detail/invocation.hpp>
#include <parmap/detail/slots.hpp>
#include <parmap/options.hpp>

namespace parmap::inline v0_2 {

namespace detail {

/// A map as a function of an item's index: the result of an item goes to its slot in a `Container`; no results when
/// that is void.
template <class Container, class Range, class Fn>
class mapping {
public:
    mapping(Range& range, const Fn& fn, const run_limits& limits)
        : items_(range),
          fn_(fn),
          results_(detail::make_slots<Container>(items_.size(), limits))
    {
    }

    std::size_t size() const noexcept { return items_.size(); }
    block_function blocks() const noexcept { return block_function(*this); }

    void operator()(std::size_t i) const
    {
        if constexpr (std::is_void_v<Container>) {
            static_cast<void>(detail::invoke_item(fn_, i, items_[i]));
        } else {
            using value_type = typename Container::value_type;
            // Convert to a value here: the function may return a reference into an element that is destroyed at the
            // end of this call.
            results_.fill(i, [&] { return static_cast<value_type>(detail::invoke_item(fn_, i, items_[i])); });
        }
    }

    /// The results of a complete run; else throws its error.
    Container take(run_result&& ran) { return results_.take(std::move(ran)); }

private:
    elements<Range> items_;
    const Fn& fn_;
    slots<Container> results_;
};

template <class Container, class Range, class Fn>
Container run_map(Range& range, const Fn& fn, const options& options)
{
    const run_limits limits(options);
    mapping<Container, Range, Fn> mapped(range, fn, limits);
    return mapped.take(detail::run(mapped.size(), mapped.blocks(), limits));
}

/// True when `fn` can be called on the elements of a range with an end; else a compile error says what to change.
template <class Range, class Fn>
consteval bool check_map()
{
    return detail::check_range<Range>() && detail::check_callable<Fn, element_t<Range>>();
}

}  // namespace detail

/// Calls `fn` on every element of `range`, in parallel; its results are dropped.
///
/// ```cpp
/// std::vector<double> v = {1, 2, 3};
/// parmap::for_each(v, [](double& x) { x *= x; });  // v == {1, 4, 9}
/// ```
///
/// \param range    any input range with an end. `fn` gets elements as the range's reference type, so it may change
///                 them. A random-access range is read in place, a forward range through a vector of iterators; a
///                 single-pass range is collected first.
/// \param fn       called as fn(element), else as fn(index, element) with a std::size_t index; may be a member pointer.
///                 A std::tuple is passed in parts where `fn` takes them: see zip.hpp. Several threads call `fn` at
///                 once, as const.
/// \param options  see options.hpp.
/// \throws what the serial loop would have thrown: the exception of the lowest failing item, unchanged.
/// \throws cancelled              when a stop or a timeout left items that never started.
/// \throws std::invalid_argument  for bad options, before any item runs.
///
/// Complexity: one call of `fn` an element; one claim of a block about every 50 us.
template <std::ranges::input_range Range, class Fn>
void for_each(Range&& range, const Fn& fn, const options& options = {})
{
    static_assert(!detail::bit_packed<Range> || !std::is_invocable_v<const Fn&, detail::element_t<Range>> ||
                      std::is_invocable_v<const Fn&, bool>,
                  "parmap: the elements of a std::vector<bool> share bytes, so they cannot be changed in parallel: use "
                  "std::vector<char>");
    if constexpr (detail::check_map<Range, Fn>()) detail::run_map<void>(range, fn, options);
}

/// Calls `fn` on every element of `range`, in parallel, and gives the results in input order as a `Container`: any that
/// can be made of a pair of iterators.
///
/// ```cpp
/// auto v = parmap::map_to<parmap::vector<double>>(xs, square);  // first written by the workers
/// auto s = parmap::map_to<std::set<std::string>>(files, extension);
/// ```
///
/// Exceptions and complexity as \ref for_each.
///
/// \tparam Container        results are built in it when it is a random-access one of elements that are
///                          default-constructible without throwing; else in memory of their own, and moved.
/// \param range,fn,options  as for_each takes them.
/// \return the results, converted to the container's value type.
template <class Container, std::ranges::input_range Range, class Fn>
Container map_to(Range&& range, const Fn& fn, const options& options = {})
{
    if constexpr (detail::check_map<Range, Fn>()) return detail::run_map<Container>(range, fn, options);
}

/// Calls `fn` on every element of `range`, in parallel, and gives the results in input order as a std::vector; nothing
/// when `fn` returns void.
///
/// ```cpp
/// std::vector<std::string> words = {"one", "three"};
/// std::vector<std::size_t> lengths = parmap::map(words, &std::string::size);  // lengths == {3, 5}
/// ```
///
/// Exceptions and complexity as \ref for_each.
///
/// \param range,fn,options  as for_each takes them.
/// \return a vector of what `fn` returns: any movable type, without references and const.
template <std::ranges::input_range Range, class Fn>
auto map(Range&& range, const Fn& fn, const options& options = {})
{
    using result = detail::item_result_t<Fn, detail::element_t<Range>>;
    if constexpr (std::is_void_v<result>) {
        parmap::for_each(range, fn, options);
    } else {
        static_assert(std::is_move_constructible_v<result>,
                      "parmap: results are moved into a vector: return a movable type, for example a std::unique_ptr");
        return parmap::map_to<std::vector<result>>(range, fn, options);
    }
}

/// Calls `fn` on every element of `range`, in parallel, and assigns each result to the element of `out` at the same
/// position.
///
/// ```cpp
/// parmap::map_into(xs, ys, square);  // ys[i] = square(xs[i])
/// ```
///
/// Exceptions and complexity as \ref for_each. After an exception `out` holds the results of the items that returned.
///
/// \param range,fn,options  as for_each takes them.
/// \param out               any forward range that can be assigned to, with exactly as many elements as `range`.
/// \throws std::invalid_argument  when the lengths differ, before any item runs.
template <std::ranges::input_range Range, std::ranges::forward_range OutRange, class Fn>
void map_into(Range&& range, OutRange&& out, const Fn& fn, const options& options = {})
{
    static_assert(!detail::bit_packed<OutRange>,
                  "parmap: the elements of a std::vector<bool> share bytes, so threads cannot write them side by side: "
                  "use std::vector<char>, or map(), which returns a vector<bool>");
    if constexpr (detail::check_map<Range, Fn>() && !detail::bit_packed<OutRange>) {
        const detail::run_limits limits(options);
        const detail::elements_of<Range> items(range);
        const detail::elements_of<OutRange> results(out);
        if (items.size() != results.size()) {
            throw std::invalid_argument("parmap::map_into: " + std::to_string(items.size()) +
                                        " elements do not fit an output of " + std::to_string(results.size()) +
                                        ": give it exactly as many elements");
        }
        const auto item = [&](std::size_t i) { results[i] = detail::invoke_item(fn, i, items[i]); };
        detail::run(items.size(), detail::block_function(item), limits).throw_unless_complete();
    }
}

}  // namespace parmap::inline v0_2
