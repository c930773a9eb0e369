// SPDX-License-Identifier: Apache-2.0
// map, map_to, map_into, for_each: a function on every element of a range, on every CPU, results in
// input order. Each is a few lines over detail::run.
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

/// What `fn` gives for an element, without references and const: what a container can hold.
template <class Fn, class Element>
struct item_result {
    using type = std::remove_cvref_t<decltype(detail::invoke_item(std::declval<const Fn&>(), std::size_t{},
                                                                  std::declval<Element>()))>;
};
/// A function that does not fit was refused by check_callable; void keeps that the only error.
template <class Fn, class Element>
    requires(!callable_on<const Fn&, Element>)
struct item_result<Fn, Element> {
    using type = void;
};
template <class Fn, class Range>
using item_result_t = typename item_result<Fn, element_t<Range>>::type;

}  // namespace detail

/// Calls `fn` on every element of `range`, in parallel; what it returns is dropped.
///
/// ```cpp
/// std::vector<double> v = {1, 2, 3};
/// parmap::for_each(v, [](double& x) { x *= x; });  // v == {1, 4, 9}
/// ```
///
/// \param range    any input range with an end. Elements arrive as its reference type, so they may be
///                 changed in place. Random-access ranges are read where they are; forward ones through
///                 a vector of iterators; single-pass ones are collected first.
/// \param fn       called as fn(element), else as fn(index, element) with a std::size_t index; member
///                 pointers serve. A std::tuple comes in parts where it can: see zip.hpp. Called from
///                 several threads at once, so as const.
/// \param options  see options.hpp.
/// \throws what the serial loop would have thrown: the exception of the lowest failing item, as it is.
/// \throws cancelled              when a stop or a timeout left items that never started.
/// \throws std::invalid_argument  for bad options; nothing ran.
///
/// Complexity: one call of `fn` an element; one claim of a block about every 50 us.
template <std::ranges::input_range Range, class Fn>
void for_each(Range&& range, const Fn& fn, const options& options = {})
{
    static_assert(!detail::bit_packed<Range> || !std::is_invocable_v<const Fn&, detail::element_t<Range>> ||
                      std::is_invocable_v<const Fn&, bool>,
                  "parmap: the elements of a std::vector<bool> share bytes, so they cannot be changed "
                  "in parallel: use std::vector<char>");
    if constexpr (detail::check_range<Range>() && detail::check_callable<Fn, detail::element_t<Range>>()) {
        const detail::run_limits limits(options);
        const detail::elements_of<Range> items(range);
        const auto item = [&](std::size_t i) { static_cast<void>(detail::invoke_item(fn, i, items[i])); };
        detail::run(items.size(), detail::block_function(item), limits).throw_unless_complete();
    }
}

/// Calls `fn` on every element of `range`, in parallel, and gives the results in input order as a
/// `Container`: any that can be made of a pair of iterators.
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
    if constexpr (detail::check_range<Range>() && detail::check_callable<Fn, detail::element_t<Range>>()) {
        const detail::run_limits limits(options);
        const detail::elements_of<Range> items(range);
        detail::slots<Container> results(items.size(), limits);
        using value_type = typename Container::value_type;
        const auto item = [&](std::size_t i) {
            // Made a value at once: the function may return a reference into an element that ends here.
            results.fill(i, [&] { return static_cast<value_type>(detail::invoke_item(fn, i, items[i])); });
        };
        return results.take(detail::run(items.size(), detail::block_function(item), limits));
    }
}

/// Calls `fn` on every element of `range`, in parallel, and gives the results in input order as a
/// std::vector; nothing when `fn` returns void.
///
/// ```cpp
/// std::vector<std::string> words = {"one", "three"};
/// std::vector<std::size_t> lengths = parmap::map(words, &std::string::size);  // lengths == {3, 5}
/// ```
///
/// Exceptions and complexity as \ref for_each.
///
/// \param range,fn,options  as for_each takes them.
/// \return a vector of what `fn` returns: any movable type; references decay.
template <std::ranges::input_range Range, class Fn>
auto map(Range&& range, const Fn& fn, const options& options = {})
{
    using result = detail::item_result_t<Fn, Range>;
    if constexpr (std::is_void_v<result>) {
        for_each(range, fn, options);
    } else {
        static_assert(std::is_move_constructible_v<result>,
                      "parmap: results are moved into a vector: return a movable type, for example a "
                      "std::unique_ptr");
        return map_to<std::vector<result>>(range, fn, options);
    }
}

/// Calls `fn` on every element of `range`, in parallel, and assigns each result to the element of
/// `out` at the same position.
///
/// ```cpp
/// parmap::map_into(xs, ys, square);  // ys[i] = square(xs[i])
/// ```
///
/// Exceptions and complexity as \ref for_each. After an exception `out` holds the results of the items
/// that returned.
///
/// \param range,fn,options  as for_each takes them.
/// \param out               any forward range that can be assigned to, with exactly as many elements as `range`.
/// \throws std::invalid_argument  when the lengths differ; nothing ran.
template <std::ranges::input_range Range, std::ranges::forward_range OutRange, class Fn>
void map_into(Range&& range, OutRange&& out, const Fn& fn, const options& options = {})
{
    static_assert(!detail::bit_packed<OutRange>,
                  "parmap: the elements of a std::vector<bool> share bytes, so threads cannot write "
                  "them side by side: use std::vector<char>, or map(), which returns a vector<bool>");
    if constexpr (detail::check_range<Range>() && detail::check_callable<Fn, detail::element_t<Range>>() &&
                  !detail::bit_packed<OutRange>) {
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
