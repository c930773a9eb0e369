// SPDX-License-Identifier: Apache-2.0
// map_reduce: combines a function's results for the elements of a range into one value, with the same bits on every
// number of workers and in every run.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <ranges>
#include <type_traits>
#include <utility>

#include <parmap/detail/block_function.hpp>
#include <parmap/detail/elements.hpp>
#include <parmap/detail/engine.hpp>
#include <parmap/detail/invocation.hpp>
#include <parmap/detail/reduction_tree.hpp>
#include <parmap/options.hpp>

namespace parmap::inline v0_2 {

namespace detail {

/// Whether a number of type `From` may be too large for `To`, or lose its fraction, without an error.
template <class From, class To>
inline constexpr bool truncates = std::is_integral_v<To> && (std::is_floating_point_v<From> ||
                                                             (std::is_integral_v<From> && sizeof(From) > sizeof(To)));

template <class Op, class T>
concept combines = std::movable<T> && std::is_invocable_r_v<T, Op, T, T>;

/// True when the result of `fn` converts to `T`; else a compile error says what to change.
template <class Fn, class Element, class T>
consteval bool check_converts()
{
    using result = decltype(detail::invoke_item(std::declval<const Fn&>(), std::size_t{}, std::declval<Element>()));
    constexpr bool too_small = truncates<std::remove_cvref_t<result>, T>;
    static_assert(!too_small,
                  "parmap: init is of a type that cannot hold what the function returns: write init as a value of the "
                  "result's type, for example 0.0 or std::size_t{0}");
    static_assert(std::is_convertible_v<result, T>,
                  "parmap: what the function returns does not convert to the type of init: return a T, where init is a "
                  "T");
    return !too_small && std::is_convertible_v<result, T>;
}

/// True when `op` combines two values of type `T`; else a compile error says what to change.
template <class Op, class T>
consteval bool check_combines()
{
    static_assert(std::movable<T>,
                  "parmap: partial results are moved from thread to thread: give init a type that can be "
                  "move-constructed and move-assigned, for example a std::unique_ptr");
    constexpr bool only_as_mutable = !combines<const Op&, T> && combines<Op&, T>;
    static_assert(!only_as_mutable,
                  "parmap: op is called from several threads at once, so it must be callable as const: drop `mutable` "
                  "and return what two values give");
    static_assert(!std::movable<T> || only_as_mutable || combines<const Op&, T>,
                  "parmap: op combines two partial results, so it must be callable as op(T, T) and give a T, where "
                  "init is a T: what is done to one element belongs in the function");
    return combines<const Op&, T>;
}

/// A reduction as a function of blocks of whole leaves.
template <class Elements, class Fn, class T, class Op>
class reduction {
public:
    reduction(const Elements& items, const Fn& fn, const Op& op, reduction_tree<T> tree)
        : items_(items),
          fn_(fn),
          op_(op),
          tree_(std::move(tree))
    {
    }

    std::size_t leaf_size() const noexcept { return tree_.leaf_size(); }

    /// Folds each leaf of the block from left to right.
    ///
    /// A failure of the tree's combinations counts as one of the item that was folded last. So the lowest failing index
    /// names the failure that a serial run meets first: a node is combined when all of its leaves are there, by a
    /// thread that has just added one of them. Thus no other failure is inside the node, and a failure before or after
    /// the node is before or after that leaf.
    block_result operator()(std::size_t begin, std::size_t end) const noexcept
    {
        const std::size_t first_leaf = begin / leaf_size();
        const std::size_t end_leaf = (end - 1) / leaf_size() + 1;
        std::size_t i = begin;  // the item that fails if anything does
        try {
            for (std::size_t leaf = first_leaf; i != end; ++leaf, ++i) {
                const std::size_t last = i + std::min(leaf_size(), end - i) - 1;
                T sum = value(i);
                while (i != last) {
                    ++i;
                    sum = combine(std::move(sum), value(i));
                }
                tree_.add(leaf, std::move(sum), first_leaf, end_leaf,
                          [this](T&& left, T&& right) { return combine(std::move(left), std::move(right)); });
            }
            return {end - begin, nullptr};
        } catch (...) {
            return {i - begin, std::current_exception()};
        }
    }

    const reduction_tree<T>& tree() const noexcept { return tree_; }

    /// The result, once every item has run.
    T take(T init) { return items_.size() == 0 ? std::move(init) : combine(std::move(init), tree_.take()); }

private:
    T value(std::size_t i) const { return static_cast<T>(detail::invoke_item(fn_, i, items_[i])); }

    T combine(T&& left, T&& right) const { return static_cast<T>(std::invoke(op_, std::move(left), std::move(right))); }

    const Elements& items_;
    const Fn& fn_;
    const Op& op_;
    reduction_tree<T> tree_;
};

}  // namespace detail

/// Combines the results of `fn` for the elements of `range`, in parallel and in index order: init op fn(x0) op fn(x1)
/// and so on. The same bits on every number of workers, with every grain size and in every run, also where `op` rounds.
///
/// ```cpp
/// std::vector<double> v = {1, 2, 3};
/// double squares = parmap::map_reduce(v, [](double x) { return x * x; }, 0.0, std::plus{});  // squares == 14
/// ```
///
/// \param range    as for_each takes it.
/// \param fn       called as fn(element), else as fn(index, element) with a std::size_t index, by several threads at
///                 once. Its result is converted to T.
/// \param init     the result for an empty range; else combined once, from the left. Its type T is that of all partial
///                 results, so write 0.0 for a sum of doubles. Any movable type.
/// \param op       called as op(T, T) with rvalues, which it may change and return, by several threads at once. It must
///                 be associative, at least nearly: (a op b) op c is as good as a op (b op c). It need not be
///                 commutative.
/// \param options  see options.hpp. A block consists of whole leaves (see below), so it may be longer than the grain
///                 size; a stop or the timeout is seen between blocks.
/// \return all of them as one value of the type of init.
/// \throws what one worker would have thrown: the first exception of `fn` or `op` in the order below, unchanged.
/// \throws cancelled              when a stop or a timeout left items that never started.
/// \throws std::invalid_argument  for bad options, before any item runs.
///
/// Complexity: one call of `fn` and one of `op` an element. At most 4096 partial results exist at once, usually about
/// one for each worker and level of the tree.
///
/// The grouping depends on the number n of elements alone. Leaves of ceil(n / 4096) consecutive elements are folded
/// from left to right. Then neighbours are combined in pairs: those that begin at a multiple of 2 leaves, then of 4, 8
/// and so on; a last one without a neighbour stays as it is. The last step is op(init, all).
///
/// A serial left fold, such as std::accumulate, gives the same where `op` is associative, as for integers, strings and
/// sets. Sums of floating-point numbers may differ from it in their last bits, but never between runs; their error is
/// usually smaller, as in pairwise summation (Higham, "The accuracy of floating point summation", 1993).
/// std::transform_reduce needs a commutative `op` too, its sums may differ between runs, and under a parallel policy it
/// ends the program when `fn` throws.
template <std::ranges::input_range Range, class Fn, class T, class Op>
T map_reduce(Range&& range, const Fn& fn, T init, const Op& op, const options& options = {})
{
    if constexpr (detail::check_range<Range>() && detail::check_callable<Fn, detail::element_t<Range>>() &&
                  detail::check_combines<Op, T>()) {
        if constexpr (detail::check_converts<Fn, detail::element_t<Range>, T>()) {
            const detail::run_limits limits(options);
            const detail::elements_of<Range> items(range);
            detail::reduction reduction(items, fn, op, detail::reduction_tree<T>(items.size()));
            detail::run(items.size(), detail::block_function(reduction, reduction.leaf_size()), limits)
                .throw_unless_complete();
            return reduction.take(std::move(init));
        }
    }
}

}  // namespace parmap::inline v0_2
