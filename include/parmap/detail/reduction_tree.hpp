// SPDX-License-Identifier: Apache-2.0
// In which groups a reduction combines: given by the number of items alone, whoever runs them and when.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace parmap::detail {

/// The partial results of a reduction. The items are cut into leaves; the partial results of the leaves are
/// combined along a binary tree, two as soon as both are there, so that few wait and all workers combine.
template <class T>
class reduction_tree {
public:
    explicit reduction_tree(std::size_t items)
        : leaf_size_(std::max<std::size_t>(shares(items, most_leaves), 1)),
          leaves_(shares(items, leaf_size_)),
          nodes_(std::make_unique<node[]>(leaves_))
    {
    }

    /// Consecutive items in a leaf; the last leaf may have fewer.
    std::size_t leaf_size() const noexcept { return leaf_size_; }

    /// Takes the partial result of a leaf, and combines all that it completes.
    /// \param begin, end  the leaves that the calling thread adds, in increasing order
    template <class Combine>
    void add(std::size_t leaf, T partial, std::size_t begin, std::size_t end, const Combine& combine) const
    {
        nodes_[leaf].partial.emplace(std::move(partial));
        std::size_t first = leaf;  // of the leaves whose partial result is at hand, in nodes_[first]
        for (std::size_t width = 1; width < leaves_; width *= 2) {
            const std::size_t left = first & ~(2 * width - 1);
            const std::size_t middle = left + width;
            if (middle >= leaves_) continue;  // nothing on its right to combine with
            // Where both halves are this thread's, the left one comes first. Else the later of two threads goes on.
            const bool mine = begin <= left && std::min(middle + width, leaves_) <= end;
            const bool other_is_there =
                mine ? first == middle
                     : nodes_[middle].is_one_there.exchange(true, std::memory_order_acq_rel);
            if (!other_is_there) return;
            T& sum = *nodes_[left].partial;
            sum = combine(std::move(sum), std::move(*nodes_[middle].partial));
            nodes_[middle].partial.reset();
            first = left;
        }
    }

    /// The result of all items, once every leaf was added. There must be one.
    T take() { return std::move(*nodes_[0].partial); }

private:
    // Enough to keep some hundred workers evenly busy, few enough to cost nothing beside the items.
    static constexpr std::size_t most_leaves = 4096;

    /// A leaf, and the inner node whose right half begins with it.
    struct node {
        std::optional<T> partial;
        std::atomic<bool> is_one_there{false};  // of the two halves
    };

    static std::size_t shares(std::size_t items, std::size_t size) noexcept
    {
        return items / size + (items % size != 0 ? 1 : 0);
    }

    std::size_t leaf_size_;
    std::size_t leaves_;
    std::unique_ptr<node[]> nodes_;
};

}  // namespace parmap::detail
