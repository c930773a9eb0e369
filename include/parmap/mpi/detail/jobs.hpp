// SPDX-License-Identifier: Apache-2.0
// What the algorithms do with the items of a block, and how rank 0 gets the results.
#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include <parmap/detail/invocation.hpp>
#include <parmap/detail/slots.hpp>
#include <parmap/map.hpp>
#include <parmap/map_reduce.hpp>
#include <parmap/mpi/detail/call.hpp>
#include <parmap/mpi/detail/items.hpp>

namespace parmap::inline v0_2::mpi::detail {

template <class T>
consteval bool check_result()
{
    constexpr bool can_travel = std::is_void_v<T> || serializable<T>;
    static_assert(can_travel,
                  "parmap::mpi: this result cannot travel to rank 0: specialise parmap::mpi::serializer for its type, "
                  "as serializer.hpp shows; addresses mean nothing elsewhere");
    return can_travel;
}

/// Stands for a result of type void.
struct nothing {};

/// The items of for_each, map and try_map, which sends a result or none for each item. A for_each sends nothing.
template <class Items, class Fn, class Result, bool IsTryMap>
class map_job final : public job {
    using value = std::conditional_t<std::is_void_v<Result>, nothing, Result>;
    using sent = std::conditional_t<IsTryMap, std::optional<value>, value>;
    static constexpr bool sends_results = IsTryMap || !std::is_void_v<Result>;
    static constexpr bool in_place = IsTryMap || pd::filled_in_place<std::vector<value>>;

public:
    map_job(const Items& items, const Fn& fn) : items_(items), fn_(fn) {}

    std::size_t prepare(std::size_t size, bool keeps_results) override
    {
        if (sends_results && keeps_results) results_.resize(size);
        return 1;
    }

    void write_elements(std::size_t begin, std::size_t end, writer& to) const override { items_.write(begin, end, to); }

    std::unique_ptr<granted_block> open(std::size_t begin, std::size_t end, reader* elements) override
    {
        return std::make_unique<block>(*this, begin, end, elements);
    }

    std::optional<pd::block_failure> keep(std::size_t begin, std::size_t end, reader& from) override
    {
        try {
            for (std::size_t i = begin; i != end; ++i) results_[i] = from.value<sent>();
        } catch (...) {
            // All items of the block fail, so a try_map keeps none of its results.
            if constexpr (IsTryMap) {
                for (std::size_t i = begin; i != end; ++i) results_[i].reset();
            }
            throw;
        }
        return std::nullopt;
    }

    void write_all(writer& to) const override
    {
        for (const auto& result : results_) {
            if constexpr (in_place) {
                to.value(result);
            } else {
                to.value(*result);
            }
        }
    }

    void keep_all(reader& from) override
    {
        for (auto& result : results_) result = from.value<sent>();
    }

    /// The results, once all have arrived.
    std::vector<sent> take()
    {
        if constexpr (in_place) {
            return std::move(results_);
        } else {
            std::vector<sent> all;
            all.reserve(results_.size());
            for (auto& result : results_) all.push_back(*std::move(result));
            return all;
        }
    }

private:
    class block final : public granted_block {
    public:
        block(const map_job& all, std::size_t begin, std::size_t end, reader* elements)
            : items_(all.items_.open(begin, end, elements)),
              fn_(all.fn_),
              begin_(begin),
              results_(end - begin)
        {
        }

        pd::block_function function() const override { return pd::block_function(*this); }

        void operator()(std::size_t index) const
        {
            std::optional<value>& result = results_[index - begin_];
            if constexpr (std::is_void_v<Result>) {
                static_cast<void>(pd::invoke_item(fn_, index, items_[index]));
                result.emplace();
            } else {
                result.emplace(pd::invoke_item(fn_, index, items_[index]));
            }
        }

        void write_results(writer& to) override
        {
            if constexpr (!sends_results) return;
            for (std::optional<value>& result : results_) {
                if constexpr (IsTryMap) {
                    to.value(result);
                } else {
                    to.value(*result);
                }
                result.reset();
            }
        }

    private:
        const decltype(std::declval<const Items&>().open(0, 0, nullptr)) items_;
        const Fn& fn_;
        const std::size_t begin_;
        mutable std::vector<std::optional<value>> results_;
    };

    const Items& items_;
    const Fn& fn_;
    std::vector<std::conditional_t<in_place, sent, std::optional<value>>> results_;
};

/// The items of a reduction: a block combines its partial results as far as it can and sends the rest.
template <class Items, class Fn, class T, class Op>
class reduce_job final : public job {
    using tree = pd::reduction_tree<T>;

public:
    reduce_job(const Items& items, const Fn& fn, T init, const Op& op)
        : items_(items),
          fn_(fn),
          op_(op),
          result_(std::move(init))
    {
    }

    std::size_t prepare(std::size_t size, bool keeps_results) override
    {
        size_ = size;
        if (keeps_results) tree_.emplace(size);
        return tree::leaf_size_of(size);
    }

    void write_elements(std::size_t begin, std::size_t end, writer& to) const override { items_.write(begin, end, to); }

    std::unique_ptr<granted_block> open(std::size_t begin, std::size_t end, reader* elements) override
    {
        return std::make_unique<block>(*this, begin, end, elements);
    }

    std::optional<pd::block_failure> keep(std::size_t begin, std::size_t end, reader& from) override
    {
        const auto combine = [this](T&& left, T&& right) {
            return static_cast<T>(std::invoke(op_, std::move(left), std::move(right)));
        };
        while (from.size() != 0) {
            const auto leaf = from.value<std::size_t>();
            const auto width = from.value<std::size_t>();
            T partial = from.value<T>();
            try {
                tree_->add(leaf, std::move(partial), leaf, leaf, combine, width);
            } catch (...) {
                const std::size_t last = std::min((leaf + width) * tree_->leaf_size(), size_) - 1;
                return pd::block_failure{last, last + 1, std::current_exception()};
            }
        }
        arrived_ += end - begin;
        if (arrived_ != size_) return std::nullopt;
        try {
            result_ = combine(std::move(result_), tree_->take());
        } catch (...) {
            return pd::block_failure{size_ - 1, size_, std::current_exception()};
        }
        return std::nullopt;
    }

    void write_all(writer& to) const override { to.value(result_); }
    void keep_all(reader& from) override { result_ = from.value<T>(); }

    T& result() { return result_; }

private:
    class block final : public granted_block {
    public:
        block(const reduce_job& all, std::size_t begin, std::size_t end, reader* elements)
            : items_(all.items_.open(begin, end, elements)),
              reduction_(items_, all.fn_, all.op_, tree(all.size_, begin, end))
        {
        }

        pd::block_function function() const override { return pd::block_function(reduction_, reduction_.leaf_size()); }

        void write_results(writer& to) override
        {
            reduction_.tree().for_each_partial([&](const T& partial, std::size_t leaf, std::size_t width) {
                to.value(leaf);
                to.value(width);
                to.value(partial);
            });
        }

    private:
        const decltype(std::declval<const Items&>().open(0, 0, nullptr)) items_;
        const pd::reduction<typename Items::block, Fn, T, Op> reduction_;
    };

    const Items& items_;
    const Fn& fn_;
    const Op& op_;
    std::size_t size_{0};
    std::optional<tree> tree_;
    std::size_t arrived_{0};  // items whose results are in tree_
    T result_;
};

/// Reads the range of a call and runs a job over it.
template <class Job, class Items, class Source>
call_result run(call& all, Job& job, Items& items, Source& given, std::string_view kind, const std::string& types,
                pd::on_failure policy = pd::on_failure::stop)
{
    all.attempt([&] { items.read(given, all.is_root()); });
    return all.run(
        job,
        {.kind = kind, .types = types, .size = items.size(), .is_scattered = Items::is_scattered, .policy = policy});
}

template <class... T>
std::string names_of()
{
    return ((std::string(typeid(T).name()) + ' ') + ...);
}

}  // namespace parmap::inline v0_2::mpi::detail
