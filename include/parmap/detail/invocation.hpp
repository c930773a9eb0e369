// SPDX-License-Identifier: Apache-2.0
// How a user's function is called: fn(element), else fn(index, element), as std::invoke does.
#pragma once

#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

namespace parmap::detail {

template <class Fn, class Element>
concept takes_element = std::is_invocable_v<Fn, Element>;

template <class Fn, class Element>
concept takes_index_and_element = std::is_invocable_v<Fn, std::size_t, Element>;

template <class Fn, class Element>
concept callable_on = takes_element<Fn, Element> || takes_index_and_element<Fn, Element>;

/// Calls `fn` on the element at `index`, in the first form that compiles.
template <class Fn, class Element>
    requires callable_on<const Fn&, Element>
decltype(auto) invoke_item(const Fn& fn, std::size_t index, Element&& element)
{
    if constexpr (takes_element<const Fn&, Element>) {
        return std::invoke(fn, std::forward<Element>(element));
    } else {
        return std::invoke(fn, index, std::forward<Element>(element));
    }
}

/// True when `fn` can be called on the elements; else a compile error says what to change.
template <class Fn, class Element>
consteval bool check_callable()
{
    if constexpr (callable_on<const Fn&, Element>) {
        return true;
    } else {
        constexpr bool only_as_mutable = callable_on<Fn&, Element>;
        static_assert(!only_as_mutable,
                      "parmap: the function is called from several threads at once, so it must be "
                      "callable as const: drop `mutable` and return what each element gives");
        static_assert(only_as_mutable,
                      "parmap: the function can be called neither as fn(element) nor as "
                      "fn(std::size_t index, element): check the types of its parameters");
        return false;
    }
}

}  // namespace parmap::detail
