// SPDX-License-Identifier: Apache-2.0
// The items of a call on several ranks: every rank has the range, or only rank 0 has it.
#pragma once

#include <cstddef>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include <parmap/detail/elements.hpp>
#include <parmap/mpi/detail/call.hpp>
#include <parmap/mpi/scatter.hpp>
#include <parmap/mpi/serializer.hpp>

namespace parmap::inline v0_2::mpi::detail {

/// The items of a range that every rank has.
template <class Source>
class source_items {
public:
    using element = pd::element_t<Source>;
    using block = pd::elements_of<Source>;
    static constexpr bool is_scattered = false;
    static consteval bool check() { return pd::check_range<Source>(); }

    void read(Source& range, bool /*is_root*/) { items_.emplace(range); }

    std::size_t size() const { return items_ ? items_->size() : 0; }
    void write(std::size_t /*begin*/, std::size_t /*end*/, writer& /*to*/) const {}
    const block& open(std::size_t /*begin*/, std::size_t /*end*/, reader* /*elements*/) const { return *items_; }

private:
    std::optional<block> items_;
};

/// The items of a range that only rank 0 has.
template <class Range>
class source_items<scattered<Range>> {
    using value = std::ranges::range_value_t<Range>;
    static_assert(serializable<value>,
                  "parmap::mpi: these elements cannot travel to other ranks: specialise parmap::mpi::serializer for "
                  "their type, or give every rank the range");

public:
    using element = value&&;
    static constexpr bool is_scattered = true;
    static consteval bool check() { return true; }

    void read(scattered<Range>& source, bool is_root)
    {
        if (is_root) items_.emplace(source.range);
    }

    std::size_t size() const { return items_ ? items_->size() : 0; }

    void write(std::size_t begin, std::size_t end, writer& to) const
    {
        for (std::size_t i = begin; i != end; ++i) to.value(static_cast<value>((*items_)[i]));
    }

    /// The elements of a block; copies on rank 0 too, so that a function gets the same type on every rank.
    class block {
    public:
        block(const source_items& all, std::size_t begin, std::size_t end, reader* elements) : begin_(begin)
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
            value it;  // wrapped: a vector<bool> would pack its elements
        };

        std::size_t begin_;
        mutable std::vector<kept> values_;
    };

    block open(std::size_t begin, std::size_t end, reader* elements) const { return {*this, begin, end, elements}; }

private:
    std::optional<pd::elements_of<std::remove_reference_t<Range>>> items_;
};

template <class Source>
using items_of = source_items<std::remove_reference_t<Source>>;

}  // namespace parmap::inline v0_2::mpi::detail
