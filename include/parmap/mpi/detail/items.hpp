// SPDX-License-Identifier: Apache-2.0
// The items of a call on several ranks: every rank has the range, or rank 0 alone.
#pragma once

#include <cstddef>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include <parmap/detail/elements.hpp>
#include <parmap/mpi/scatter.hpp>
#include <parmap/mpi/serializer.hpp>

namespace parmap::inline v0_2::mpi::detail {

namespace pd = parmap::detail;

/// A range that every rank has.
template <class Range>
class common_items {
public:
    using element = pd::element_t<Range>;
    static constexpr bool is_scattered = false;

    void read(Range& range, bool /*is_root*/) { items_.emplace(range); }

    std::size_t size() const { return items_ ? items_->size() : 0; }
    void write(std::size_t /*begin*/, std::size_t /*end*/, writer& /*to*/) const {}

    /// Those of a block.
    class block {
    public:
        block(const common_items& all, std::size_t /*begin*/, std::size_t /*end*/, reader* /*elements*/)
            : items_(*all.items_)
        {
        }
        decltype(auto) operator[](std::size_t index) const { return items_[index]; }

    private:
        const pd::elements_of<Range>& items_;
    };

private:
    std::optional<pd::elements_of<Range>> items_;
};

/// A range that rank 0 has.
template <class Range>
class scattered_items {
    using value = std::ranges::range_value_t<Range>;
    static_assert(serializable<value>,
                  "parmap::mpi: these elements cannot travel to other ranks: specialise parmap::mpi::serializer for "
                  "their type, or give every rank the range");

public:
    using element = value&&;
    static constexpr bool is_scattered = true;

    void read(Range& range, bool is_root)
    {
        if (is_root) items_.emplace(range);
    }

    std::size_t size() const { return items_ ? items_->size() : 0; }

    void write(std::size_t begin, std::size_t end, writer& to) const
    {
        for (std::size_t i = begin; i != end; ++i) to.value(static_cast<value>((*items_)[i]));
    }

    /// Those of a block; copies on rank 0 too, so that a function gets the same everywhere.
    class block {
    public:
        block(const scattered_items& all, std::size_t begin, std::size_t end, reader* elements) : begin_(begin)
        {
            values_.reserve(end - begin);
            for (std::size_t i = begin; i != end; ++i) {
                values_.push_back(
                    {elements != nullptr ? elements->value<value>() : static_cast<value>((*all.items_)[i])});
            }
        }
        value&& operator[](std::size_t index) const { return std::move(values_[index - begin_].it); }

    private:
        struct kept {
            value it;  // so that a vector<bool> is none
        };

        std::size_t begin_;
        mutable std::vector<kept> values_;
    };

private:
    std::optional<pd::elements_of<Range>> items_;
};

/// What a call was given as its range.
template <class Source>
struct source {
    using items = common_items<Source>;
    static Source& range(Source& given) { return given; }
};
template <class Range>
struct source<scattered<Range>> {
    using items = scattered_items<std::remove_reference_t<Range>>;
    static auto& range(scattered<Range>& given) { return given.range; }
};
template <class Source>
using items_of = typename source<std::remove_reference_t<Source>>::items;

template <class Source>
consteval bool check_source()
{
    if constexpr (items_of<Source>::is_scattered) {
        return true;
    } else {
        return pd::check_range<Source>();
    }
}

}  // namespace parmap::inline v0_2::mpi::detail
