// SPDX-License-Identifier: Apache-2.0
// Any input range as an indexed sequence that several threads may read at once: a random-access range in place, a
// forward range through its iterators, a single-pass range by collecting its elements.
#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <parmap/detail/config.hpp>

namespace parmap::inline v0_2::detail {

template <class Range>
concept endless = std::same_as<std::ranges::sentinel_t<Range>, std::unreachable_sentinel_t>;

/// A range whose elements share bytes, so that two threads must not write neighbouring ones.
template <class Range>
concept bit_packed = std::same_as<std::ranges::range_reference_t<Range>, std::vector<bool>::reference>;

/// Random access: in place. A contiguous range is read through a pointer, which vectorises best.
template <std::ranges::input_range Range>
class elements {
public:
    explicit elements(Range& range)
        : first_(begin_of(range)),
          size_(static_cast<std::size_t>(std::ranges::distance(range)))
    {
    }

    std::size_t size() const noexcept { return size_; }

    decltype(auto) operator[](std::size_t index) const
    {
        return first_[static_cast<std::iter_difference_t<iterator>>(index)];
    }

private:
    static auto begin_of(Range& range)
    {
        if constexpr (std::ranges::contiguous_range<Range>) {
            return std::to_address(std::ranges::begin(range));
        } else {
            return std::ranges::begin(range);
        }
    }

    using iterator = decltype(begin_of(std::declval<Range&>()));

    iterator first_;
    std::size_t size_;
};

/// Forward only: one pass on the calling thread stores an iterator for each element.
template <std::ranges::forward_range Range>
    requires(!std::ranges::random_access_range<Range>)
class elements<Range> {
public:
    explicit elements(Range& range)
    {
        if constexpr (std::ranges::sized_range<Range>) iterators_.reserve(std::ranges::size(range));
        const auto last = std::ranges::end(range);
        for (auto it = std::ranges::begin(range); it != last; ++it) iterators_.push_back(it);
    }

    std::size_t size() const noexcept { return iterators_.size(); }
    decltype(auto) operator[](std::size_t index) const { return *iterators_[index]; }

private:
    std::vector<std::ranges::iterator_t<Range>> iterators_;
};

/// The type that keeps an element: its reference if that stays valid, else its value, since the next read invalidates
/// the reference.
template <std::input_iterator Iterator>
using kept_t =
    std::conditional_t<std::forward_iterator<Iterator>, std::iter_reference_t<Iterator>, std::iter_value_t<Iterator>>;

/// Gives a kept element as the range gave it: as its lvalue reference, else as an rvalue; a zip's tuple part by part.
template <class Reference>
struct forwarded {
    template <class Value>
    static decltype(auto) from(Value& kept)
    {
        if constexpr (std::is_lvalue_reference_v<Reference>) {
            return static_cast<Reference>(kept);
        } else {
            return std::move(kept);
        }
    }
};
template <class... Parts>
struct forwarded<std::tuple<Parts...>> {
    template <class... Values>
    static std::tuple<Parts...> from(std::tuple<Values...>& kept)
    {
        return std::apply([](auto&... values) { return std::tuple<Parts...>(forwarded<Parts>::from(values)...); },
                          kept);
    }
};

/// One element of a range, kept until after the next is read.
template <std::ranges::input_range Range>
class kept_element {
    using reference = std::ranges::range_reference_t<Range>;

public:
    explicit kept_element(reference&& element) : value_(std::forward<reference>(element)) {}

    decltype(auto) get() { return forwarded<reference>::from(value_); }

private:
    kept_t<std::ranges::iterator_t<Range>> value_;
};

template <class Range>
using kept_element_t = decltype(std::declval<kept_element<Range>&>().get());

/// Single pass: the calling thread collects the elements.
template <std::ranges::input_range Range>
    requires(!std::ranges::forward_range<Range>)
class elements<Range> {
public:
    explicit elements(Range& range)
    {
        const auto last = std::ranges::end(range);
        for (auto it = std::ranges::begin(range); it != last; ++it) collected_.emplace_back(*it);
    }

    std::size_t size() const noexcept { return collected_.size(); }
    decltype(auto) operator[](std::size_t index) const { return collected_[index].get(); }

private:
    mutable std::vector<kept_element<Range>> collected_;
};

template <class Range>
using elements_of = elements<std::remove_reference_t<Range>>;

template <class Range>
using element_t = decltype(std::declval<const elements_of<Range>&>()[0]);

/// The number of elements, where the range knows it without reading them.
template <class Range>
std::optional<std::size_t> known_size(Range& range)
{
    if constexpr (std::ranges::sized_range<Range>) {
        return static_cast<std::size_t>(std::ranges::size(range));
    } else {
        return std::nullopt;
    }
}

/// True when the range has an end; else a compile error says what to do.
template <class Range>
consteval bool check_range()
{
    static_assert(!endless<std::remove_reference_t<Range>>,
                  "parmap: the range has no end: bound it, for example with std::views::take(n)");
    return !endless<std::remove_reference_t<Range>>;
}

}  // namespace parmap::inline v0_2::detail
