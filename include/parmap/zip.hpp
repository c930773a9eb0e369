// SPDX-License-Identifier: Apache-2.0
// zip: several ranges of one length as one range, whose elements are tuples of references.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <iterator>
#include <optional>
#include <ranges>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include <parmap/detail/config.hpp>
#include <parmap/detail/elements.hpp>

namespace parmap::inline v0_2 {

namespace detail {

/// The length of the ranges whose length is known, 0 when none is.
/// \throws std::invalid_argument  when they differ
PARMAP_EXPORT std::size_t common_length(std::span<const std::optional<std::size_t>> lengths);

/// True when every range has ended, false when none has.
/// \param position  elements that were read of each
/// \throws std::invalid_argument  when only some have ended
PARMAP_EXPORT bool all_ended(std::span<const bool> ended, std::size_t position);

/// A range whose length can be found without consuming elements.
template <class Range>
concept measurable = !endless<Range> && (std::ranges::sized_range<Range> || std::ranges::forward_range<Range>);

template <class Range>
std::optional<std::size_t> length_of(Range& range)
{
    if constexpr (measurable<Range>) {
        return static_cast<std::size_t>(std::ranges::distance(range));
    } else {
        return std::nullopt;
    }
}

/// Positions in several ranges, moved together: an iterator of the weakest category of theirs.
template <std::input_iterator... Iterators>
class zip_iterator {
    static constexpr bool forward = (std::forward_iterator<Iterators> && ...);
    static constexpr bool bidirectional = (std::bidirectional_iterator<Iterators> && ...);
    static constexpr bool random_access = (std::random_access_iterator<Iterators> && ...);

public:
    using reference = std::tuple<std::iter_reference_t<Iterators>...>;
    using value_type = std::tuple<kept_t<Iterators>...>;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::conditional_t<
        random_access, std::random_access_iterator_tag,
        std::conditional_t<bidirectional, std::bidirectional_iterator_tag,
                           std::conditional_t<forward, std::forward_iterator_tag, std::input_iterator_tag>>>;
    using iterator_category = std::input_iterator_tag;  // a stronger category requires real references

    zip_iterator() = default;
    explicit zip_iterator(Iterators... at) : at_(std::move(at)...) {}

    const std::tuple<Iterators...>& base() const { return at_; }
    difference_type position() const { return position_; }

    reference operator*() const
    {
        return std::apply([](const auto&... at) { return reference(*at...); }, at_);
    }
    reference operator[](difference_type n) const
        requires random_access
    {
        return std::apply(
            [n]<class... At>(const At&... at) { return reference(at[static_cast<std::iter_difference_t<At>>(n)]...); },
            at_);
    }

    zip_iterator& operator++()
    {
        std::apply([](auto&... at) { (++at, ...); }, at_);
        ++position_;
        return *this;
    }
    void operator++(int) { ++*this; }
    zip_iterator operator++(int)
        requires forward
    {
        zip_iterator before = *this;
        ++*this;
        return before;
    }
    zip_iterator& operator--()
        requires bidirectional
    {
        std::apply([](auto&... at) { (--at, ...); }, at_);
        --position_;
        return *this;
    }
    zip_iterator operator--(int)
        requires bidirectional
    {
        zip_iterator before = *this;
        --*this;
        return before;
    }
    zip_iterator& operator+=(difference_type n)
        requires random_access
    {
        std::apply([n]<class... At>(At&... at) { ((at += static_cast<std::iter_difference_t<At>>(n)), ...); }, at_);
        position_ += n;
        return *this;
    }
    zip_iterator& operator-=(difference_type n)
        requires random_access
    {
        return *this += -n;
    }

    friend zip_iterator operator+(zip_iterator it, difference_type n)
        requires random_access
    {
        return it += n;
    }
    friend zip_iterator operator+(difference_type n, zip_iterator it)
        requires random_access
    {
        return it += n;
    }
    friend zip_iterator operator-(zip_iterator it, difference_type n)
        requires random_access
    {
        return it -= n;
    }
    friend difference_type operator-(const zip_iterator& a, const zip_iterator& b)
        requires random_access
    {
        return a.position_ - b.position_;
    }
    friend bool operator==(const zip_iterator& a, const zip_iterator& b)
        requires forward
    {
        return a.position_ == b.position_;
    }
    friend std::strong_ordering operator<=>(const zip_iterator& a, const zip_iterator& b)
        requires random_access
    {
        return a.position_ <=> b.position_;
    }

private:
    std::tuple<Iterators...> at_;
    difference_type position_{0};
};

/// The ends of several ranges, which are reached together.
template <class... Ranges>
class zip_sentinel {
    using iterator = zip_iterator<std::ranges::iterator_t<Ranges>...>;

public:
    zip_sentinel() = default;
    explicit zip_sentinel(std::ranges::sentinel_t<Ranges>... ends) : ends_(std::move(ends)...) {}

    friend bool operator==(const iterator& it, const zip_sentinel& sentinel)
    {
        return sentinel.is_reached_by(it, std::index_sequence_for<Ranges...>());
    }

private:
    template <std::size_t... I>
    bool is_reached_by(const iterator& it, std::index_sequence<I...>) const
    {
        const std::array<bool, sizeof...(I)> ended{(std::get<I>(it.base()) == std::get<I>(ends_))...};
        return detail::all_ended(ended, static_cast<std::size_t>(it.position()));
    }

    std::tuple<std::ranges::sentinel_t<Ranges>...> ends_;
};

/// True when the ranges can be zipped; else a compile error says what to change.
template <class... Ranges>
consteval bool check_zip()
{
    constexpr bool several = sizeof...(Ranges) >= 2;
    constexpr bool any_endless = (endless<std::remove_reference_t<Ranges>> || ...);
    constexpr bool all_endless = (endless<std::remove_reference_t<Ranges>> && ...);
    constexpr bool bits = (bit_packed<Ranges> || ...);
    static_assert(several, "parmap: a zip is made of two ranges or more");
    static_assert(!any_endless || all_endless,
                  "parmap: a range without an end has no length to match: bound it, for example with "
                  "std::views::take(n)");
    static_assert(!bits,
                  "parmap: the elements of a std::vector<bool> share bytes, so they cannot be changed in parallel: to "
                  "read it, pass std::as_const(flags)");
    return several && any_endless == all_endless && !bits;
}

}  // namespace detail

/// Several ranges of one length as one; see \ref zip.
template <std::ranges::view... Views>
    requires(std::ranges::input_range<Views> && ...)
class zip_view : public std::ranges::view_interface<zip_view<Views...>> {
public:
    /// As \ref zip makes it.
    /// \param views  two or more.
    /// \throws std::invalid_argument  when their known lengths differ.
    explicit zip_view(Views... views)
        : views_(std::move(views)...),
          length_(std::apply(
              [](auto&... view) { return detail::common_length(std::array{detail::length_of(view)...}); }, views_))
    {
    }

    /// \return an iterator at the first elements.
    auto begin() { return begin_of(views_); }
    /// \return an iterator at the first elements.
    auto begin() const
        requires(std::ranges::input_range<const Views> && ...)
    {
        return begin_of(views_);
    }

    /// \return where all ranges end.
    auto end() { return end_of(views_); }
    /// \return where all ranges end.
    auto end() const
        requires(std::ranges::input_range<const Views> && ...)
    {
        return end_of(views_);
    }

    /// \return the one length of the ranges.
    std::size_t size() const
        requires(detail::measurable<Views> && ...)
    {
        return length_;
    }

private:
    static auto begin_of(auto& views)
    {
        return std::apply([](auto&... view) { return detail::zip_iterator(std::ranges::begin(view)...); }, views);
    }

    auto end_of(auto& views) const
    {
        if constexpr ((detail::endless<Views> && ...)) {
            return std::unreachable_sentinel;
        } else if constexpr (std::random_access_iterator<decltype(begin_of(views))>) {
            return begin_of(views) + static_cast<std::ptrdiff_t>(length_);
        } else {
            return std::apply(
                []<class... View>(View&... view) { return detail::zip_sentinel<View...>(std::ranges::end(view)...); },
                views);
        }
    }

    std::tuple<Views...> views_;
    std::size_t length_;
};

/// Several ranges as one range of tuples of references; every algorithm passes a tuple to its function part by part.
///
/// ```cpp
/// std::vector<double> xs = {1, 2, 3}, ys = {10, 20, 30};
/// parmap::for_each(parmap::zip(ys, xs), [](double& y, double x) { y += 2 * x; });  // ys == {12, 24, 36}
/// auto areas = parmap::map(parmap::zip(widths, heights), std::multiplies<>());
/// ```
///
/// The function is called as fn(a, b, ...), else as fn(index, a, b, ...), else on the tuple as on any element. The zip
/// has the weakest iterator category of the ranges.
///
/// \param ranges  two or more; either all have an end or none has. Lvalues are referred to, and must keep their lengths
///                while the zip is in use; temporaries are owned.
/// \return a view of tuples of references. Complexity: linear in the lengths of ranges that are not sized, else
///         constant.
/// \throws std::invalid_argument  when the lengths differ, with the lengths in its text: at once for ranges that are
///                                sized or can be read twice, for single-pass ranges when one ends: before any item
///                                runs, but in a stream after the results of the items before.
template <std::ranges::viewable_range... Ranges>
    requires(std::ranges::input_range<Ranges> && ...)
auto zip(Ranges&&... ranges)
{
    if constexpr (detail::check_zip<Ranges...>()) {
        return zip_view<std::views::all_t<Ranges>...>(std::views::all(std::forward<Ranges>(ranges))...);
    }
}

}  // namespace parmap::inline v0_2
