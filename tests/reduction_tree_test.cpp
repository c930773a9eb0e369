// SPDX-License-Identifier: Apache-2.0
// The grouping of a reduction alone: parts of the tree that are folded apart and then combined give the same result as
// the whole tree.
#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <parmap/detail/reduction_tree.hpp>

#include "support/random_cases.hpp"

namespace {

using parmap::testing::dice;
using parmap::testing::for_random_cases;
using tree = parmap::detail::reduction_tree<std::string>;

/// The combination of two texts, which shows the grouping.
std::string pair_of(const std::string& left, const std::string& right)
{
    return '(' + left + ' ' + right + ')';
}

/// The text of a leaf: its items, so that a leaf with other bounds has another text.
std::string leaf_text(std::size_t leaf, std::size_t leaf_size, std::size_t items)
{
    const std::size_t begin = leaf * leaf_size;
    return std::to_string(begin) + '-' + std::to_string(std::min(begin + leaf_size, items));
}

std::size_t leaves_of(std::size_t items, std::size_t leaf_size)
{
    return (items + leaf_size - 1) / leaf_size;
}

/// A partial result, to be added to the whole tree.
struct partial {
    std::string text;
    std::size_t leaf;
    std::size_t width;
};

/// The result of a tree to which one thread adds all leaves.
std::string plain(std::size_t items)
{
    tree whole(items);
    const std::size_t leaves = leaves_of(items, whole.leaf_size());
    for (std::size_t leaf = 0; leaf != leaves; ++leaf) {
        whole.add(leaf, leaf_text(leaf, whole.leaf_size(), items), 0, leaves, pair_of);
    }
    return whole.take();
}

template <class Range>
void shuffle(Range& all, dice& random)
{
    for (std::size_t n = all.size(); n > 1; --n) std::swap(all[n - 1], all[random.below(n)]);
}

/// Leaves [first, end), which one thread adds in increasing order.
struct claim {
    std::size_t first;
    std::size_t end;
};

std::vector<claim> random_claims(claim all, std::size_t longest, dice& random)
{
    std::vector<claim> claims;
    while (all.first != all.end) {
        const std::size_t end = all.first + 1 + random.below(std::min(longest, all.end - all.first));
        claims.push_back({std::exchange(all.first, end), end});
    }
    return claims;
}

/// Adds the leaves of some claims to a tree.
void add(const tree& part, const std::vector<claim>& claims, std::size_t items)
{
    for (const auto& [first, end] : claims) {
        for (std::size_t leaf = first; leaf != end; ++leaf) {
            part.add(leaf, leaf_text(leaf, part.leaf_size(), items), first, end, pair_of);
        }
    }
}

/// Folds leaves [window.first, window.end) as a rank folds a block, on `threads` threads.
std::vector<partial> fold(std::size_t items, claim window, std::size_t threads, dice& random)
{
    const std::size_t leaf_size = tree::leaf_size_of(items);
    const tree part(items, window.first * leaf_size, std::min(window.end * leaf_size, items));
    std::vector<claim> claims = random_claims(window, 1 + random.below(20), random);
    shuffle(claims, random);
    std::vector<std::vector<claim>> shares(threads);
    for (const claim& each : claims) shares[random.below(threads)].push_back(each);
    {
        std::vector<std::jthread> others;
        for (std::size_t n = 1; n < threads; ++n) others.emplace_back([&, n] { add(part, shares[n], items); });
        add(part, shares[0], items);
    }
    std::vector<partial> partials;
    part.for_each_partial([&](const std::string& text, std::size_t leaf, std::size_t width) {
        partials.push_back({text, leaf, width});
    });
    return partials;
}

/// Combines the partial results of all windows, in random order.
std::string put_together(std::size_t items, std::vector<partial> partials, dice& random)
{
    shuffle(partials, random);
    tree whole(items);
    for (partial& each : partials) {
        whole.add(each.leaf, std::move(each.text), each.leaf, each.leaf, pair_of, each.width);
    }
    return whole.take();
}

/// A number of items with few leaves, or with as many as there can be; the last leaf may be short.
std::size_t random_size(dice& random)
{
    switch (random.below(25)) {
        case 0:
            return 1 + random.below(20'000);
        case 1:
            return 4096 * (1 + random.below(3)) + random.below(3);
        case 2:
            return 4096 * (1 + random.below(1'000'000)) - random.below(4096);
        default:
            return 1 + random.below(random.one_of<std::size_t>({4, 40, 400}));
    }
}

TEST(ReductionTree, ShowsItsGrouping)
{
    EXPECT_EQ(plain(1), "0-1");
    EXPECT_EQ(plain(5), "(((0-1 1-2) (2-3 3-4)) 4-5)");
    EXPECT_EQ(plain(7), "(((0-1 1-2) (2-3 3-4)) ((4-5 5-6) 6-7))");
}

TEST(ReductionTree, APartKeepsWhatItCannotCombine)
{
    dice random(1);
    const auto partials = fold(7, {1, 6}, 1, random);
    ASSERT_EQ(partials.size(), 3U);
    EXPECT_EQ(partials[0].text, "1-2");
    EXPECT_EQ(partials[1].text, "(2-3 3-4)");
    EXPECT_EQ(partials[1].leaf, 2U);
    EXPECT_EQ(partials[1].width, 2U);
    EXPECT_EQ(partials[2].text, "(4-5 5-6)");
}

TEST(ReductionTree, APartAtTheEndCombinesThoughTheNodeIsNotFull)
{
    dice random(1);
    const auto partials = fold(7, {4, 7}, 1, random);
    ASSERT_EQ(partials.size(), 1U);
    EXPECT_EQ(partials[0].text, "((4-5 5-6) 6-7)");
    EXPECT_EQ(partials[0].leaf, 4U);
    EXPECT_EQ(partials[0].width, 4U);
}

TEST(ReductionTree, RandomPartsOfItGiveTheGroupingOfTheWhole)
{
    for_random_cases(2'000, [](dice& random) {
        const std::size_t items = random_size(random);
        const std::size_t leaves = leaves_of(items, tree::leaf_size_of(items));
        const std::size_t longest = random.one_of<std::size_t>({1, 7, 64, leaves});
        std::vector<partial> partials;
        for (const claim& window : random_claims({0, leaves}, longest, random)) {
            const std::size_t threads = random.one_in(20) ? 1 + random.below(4) : 1;
            std::ranges::move(fold(items, window, threads, random), std::back_inserter(partials));
        }
        // In the order of the leaves, without gaps.
        std::size_t end = 0;
        for (const partial& each : partials) {
            ASSERT_EQ(each.leaf, end);
            ASSERT_EQ(each.leaf % each.width, 0U);
            end = std::min(each.leaf + each.width, leaves);
        }
        ASSERT_EQ(end, leaves);
        ASSERT_TRUE(put_together(items, std::move(partials), random) == plain(items))
            << items << " items, windows of up to " << longest << " leaves";
    });
}

TEST(ReductionTree, RandomPartsGiveFewPartialResults)
{
    for_random_cases(1'000, [](dice& random) {
        const std::size_t leaves = 2 + random.below(4'000);
        const std::size_t first = random.below(leaves);
        const claim window{first, first + 1 + random.below(leaves - first)};
        std::size_t logarithm = 0;
        while ((std::size_t{1} << logarithm) < window.end - window.first) ++logarithm;
        EXPECT_LE(fold(leaves, window, 1, random).size(), 2 * logarithm + 1)
            << leaves << " leaves, " << window.first << " to " << window.end;
    });
}

}  // namespace
