// SPDX-License-Identifier: Apache-2.0
// How a user's function is called: fn(element), else fn(index, element), as std::invoke does. A std::tuple of two parts
// or more, such as an element of a zip, is first tried in parts: fn(a, b, ...), else fn(index, a, b, ...).
#pragma once

#include <cstddef>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <parmap/detail/config.hpp>

namespace parmap::inline v0_2::detail {

template <class T>
inline constexpr bool has_parts = false;
template <class First, class Second, class... Others>
inline constexpr bool has_parts<std::tuple<First, Second, Others...>> = true;

/// An element that a function may take in parts.
template <class Element>
concept divisible = has_parts<std::remove_cvref_t<Element>>;

template <class Element>
using part_indices = std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<Element>>>;

template <class Fn, class Tuple, class Indices, class... Leading>
inline constexpr bool invocable_on_parts = false;
template <class Fn, class Tuple, std::size_t... I, class... Leading>
inline constexpr bool invocable_on_parts<Fn, Tuple, std::index_sequence<I...>, Leading...> =
    std::is_invocable_v<Fn, Leading..., decltype(std::get<I>(std::declval<Tuple>()))...>;

template <class Fn, class Element, class... Leading>
concept takes_parts = divisible<Element> && invocable_on_parts<Fn, Element, part_indices<Element>, Leading...>;

template <class Fn, class Element>
concept callable_on = takes_parts<Fn, Element> || takes_parts<Fn, Element, std::size_t> ||
                      std::is_invocable_v<Fn, Element> || std::is_invocable_v<Fn, std::size_t, Element>;

/// Calls `fn` on the element at `index`, in the first form that compiles. The parts come first, so that a generic
/// function of two parameters takes the two parts of an element, not an index and a tuple.
template <class Fn, class Element>
    requires callable_on<const Fn&, Element>
decltype(auto) invoke_item(const Fn& fn, std::size_t index, Element&& element)
{
    if constexpr (takes_parts<const Fn&, Element>) {
        return std::apply(fn, std::forward<Element>(element));
    } else if constexpr (takes_parts<const Fn&, Element, std::size_t>) {
        const auto call = [&]<class... Parts>(Parts&&... parts) -> decltype(auto) {
            return std::invoke(fn, index, std::forward<Parts>(parts)...);
        };
        return std::apply(call, std::forward<Element>(element));
    } else if constexpr (std::is_invocable_v<const Fn&, Element>) {
        return std::invoke(fn, std::forward<Element>(element));
    } else {
        return std::invoke(fn, index, std::forward<Element>(element));
    }
}

/// What `fn` returns for an element, without references and const. Void where it cannot be called, so that the sentence
/// of check_callable is the only error.
template <class Fn, class Element>
struct item_result {
    using type = void;
};
template <class Fn, class Element>
    requires callable_on<const Fn&, Element>
struct item_result<Fn, Element> {
    using type = std::remove_cvref_t<decltype(detail::invoke_item(std::declval<const Fn&>(), std::size_t{},
                                                                  std::declval<Element>()))>;
};
template <class Fn, class Element>
using item_result_t = typename item_result<Fn, Element>::type;

/// True when `fn` can be called on the elements; else a compile error says what to change.
template <class Fn, class Element>
consteval bool check_callable()
{
    if constexpr (callable_on<const Fn&, Element>) {
        return true;
    } else {
        constexpr bool only_as_mutable = callable_on<Fn&, Element>;
        static_assert(!only_as_mutable,
                      "parmap: several threads call the function at once, so it must be callable as const: drop "
                      "`mutable` and return what each element gives");
        static_assert(only_as_mutable || divisible<Element>,
                      "parmap: the function can be called neither as fn(element) nor as "
                      "fn(std::size_t index, element): check the types of its parameters");
        static_assert(only_as_mutable || !divisible<Element>,
                      "parmap: the function can be called neither as fn(a, b, ...) nor as fn(std::size_t index, a, b, "
                      "...), nor with the tuple in their place: check the number and the types of its parameters");
        return false;
    }
}

}  // namespace parmap::inline v0_2::detail
