// SPDX-License-Identifier: Apache-2.0
// How a reduction groups its items: by their number alone, not by which threads run them and when.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include <parmap/detail/config.hpp>

namespace parmap::inline v0_2::detail {

/// The partial results of a reduction. The items are cut into leaves, whose partial results are combined along a binary
/// tree. Two neighbours are combined as soon as both exist, so that few of them exist at once and all workers combine.
template <class T>
class reduction_tree {
public:
    explicit reduction_tree(std::size_t items) : reduction_tree(items, 0, items) {}

    /// The part of the tree that holds only items [begin, end), which are whole leaves.
    reduction_tree(std::size_t items, std::size_t begin, std::size_t end)
        : leaf_size_(leaf_size_of(items)),
          leaves_(shares(items, leaf_size_)),
          begin_(begin / leaf_size_),
          end_(shares(end, leaf_size_)),
          nodes_(std::make_unique<node[]>(end_ - begin_))
    {
    }

    /// Consecutive items in a leaf of a tree of `items`; the last leaf may have fewer.
    static std::size_t leaf_size_of(std::size_t items) noexcept
    {
        return std::max<std::size_t>(shares(items, most_leaves), 1);
    }

    std::size_t leaf_size() const noexcept { return leaf_size_; }

    /// Takes the partial result of a leaf, and combines every node that it completes.
    /// \param begin, end   the leaves that the calling thread adds, in increasing order
    /// \param first_width  leaves that `partial` spans, a power of two: more than 1 for the partial result of a node
    template <class Combine>
    void add(std::size_t leaf, T partial, std::size_t begin, std::size_t end, const Combine& combine,
             std::size_t first_width = 1) const
    {
        at(leaf).partial.emplace(std::move(partial));
        std::size_t first = leaf;  // of the leaves that are combined in at(first)
        for (std::size_t width = first_width; width < leaves_; width *= 2) {
            const std::size_t left = first & ~(2 * width - 1);
            const std::size_t middle = left + width;
            if (middle >= leaves_) continue;  // nothing on its right to combine with
            if (left < begin_ || std::min(middle + width, leaves_) > end_) return;  // not all of it is here
            // If this thread adds both halves, it combines after the right one. Otherwise the thread that adds its half
            // later combines.
            const bool both_are_own = begin <= left && std::min(middle + width, leaves_) <= end;
            const bool is_second =
                both_are_own ? first == middle : at(middle).has_one_half.exchange(true, std::memory_order_acq_rel);
            if (!is_second) return;
            T& sum = *at(left).partial;
            sum = combine(std::move(sum), std::move(*at(middle).partial));
            at(middle).partial.reset();
            first = left;
        }
    }

    /// The result of all items, once every leaf was added. The tree must not be empty.
    T take() { return std::move(*nodes_[0].partial); }

    /// Once every leaf of a part was added: calls `visit` with each partial result, its first leaf, and the number of
    /// leaves that it spans, a power of two.
    template <class Visit>
    void for_each_partial(const Visit& visit) const
    {
        for (std::size_t leaf = begin_; leaf != end_;) {
            std::size_t next = leaf + 1;
            while (next != end_ && !at(next).partial) ++next;
            visit(*at(leaf).partial, leaf, std::bit_ceil(next - leaf));
            leaf = next;
        }
    }

private:
    // Enough to keep some hundred workers evenly busy, and few enough to cost little.
    static constexpr std::size_t most_leaves = 4096;

    /// A leaf, and the inner node whose right half begins with it.
    struct node {
        std::optional<T> partial;
        std::atomic<bool> has_one_half{false};
    };

    static std::size_t shares(std::size_t items, std::size_t size) noexcept
    {
        return items / size + (items % size != 0 ? 1 : 0);
    }

    node& at(std::size_t leaf) const { return nodes_[leaf - begin_]; }

    std::size_t leaf_size_{};
    std::size_t leaves_{};  // of the whole tree
    std::size_t begin_{};   // the leaves that are here
    std::size_t end_{};
    std::unique_ptr<node[]> nodes_;
};

}  // namespace parmap::inline v0_2::detail
