// SPDX-License-Identifier: Apache-2.0
// What the algorithms do with the items of a block, and how the results come to rank 0.
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
#include <parmap/map_reduce.hpp>
#include <parmap/mpi/detail/call.hpp>
#include <parmap/mpi/detail/items.hpp>

namespace parmap::inline v0_2::mpi::detail {

/// What a function that returns nothing gives.
struct nothing {};

template <class Fn, class Element>
using given_t =
    std::remove_cvref_t<decltype(pd::invoke_item(std::declval<const Fn&>(), std::size_t{}, std::declval<Element>()))>;
template <class Fn, class Element>
using result_t = std::conditional_t<std::is_void_v<given_t<Fn, Element>>, nothing, given_t<Fn, Element>>;

template <class T>
consteval bool check_result()
{
    static_assert(serializable<T>,
                  "parmap::mpi: this result cannot travel to rank 0: specialise parmap::mpi::serializer for its type, "
                  "as serializer.hpp shows; addresses mean nothing elsewhere");
    return serializable<T>;
}

/// A map's items on their way: each result goes to rank 0, or, of a for_each, none does.
enum class wanted { none, all, those_there_are };

template <class Items, class Fn, class T, wanted Wanted>
class map_job final : public job {
public:
    map_job(const Items& items, const Fn& fn) : items_(items), fn_(fn) {}

    std::size_t prepare(std::size_t size, bool keeps_results) override
    {
        if (Wanted != wanted::none && keeps_results) results_.resize(size);
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
            for (std::size_t i = begin; i != end; ++i) results_[i] = from.value<carried>();
        } catch (...) {
            // All of the block or nothing.
            for (std::size_t i = begin; has_gaps && i != end; ++i) results_[i] = stored();
            throw;
        }
        return std::nullopt;
    }

    void write_all(writer& to) const override
    {
        if constexpr (Wanted != wanted::none) {
            for (const stored& result : results_) {
                if constexpr (std::is_same_v<stored, carried>) {
                    to.value(result);
                } else {
                    to.value(*result);
                }
            }
        }
    }
    void keep_all(reader& from) override
    {
        for (auto& result : results_) result = from.value<carried>();
    }

    /// What each item gave, once all is there.
    auto& results() { return results_; }
    std::vector<T> take()
    {
        if constexpr (in_place) {
            return std::move(results_);
        } else {
            std::vector<T> all;
            all.reserve(results_.size());
            for (auto& result : results_) all.push_back(*std::move(result));
            return all;
        }
    }

private:
    // A failed item of a try_map leaves a gap. Else a gap is needed only until the results are there.
    static constexpr bool has_gaps = Wanted == wanted::those_there_are;
    static constexpr bool in_place = !has_gaps && pd::filled_in_place<std::vector<T>>;
    using carried = std::conditional_t<has_gaps, std::optional<T>, T>;
    using stored = std::conditional_t<in_place, T, std::optional<T>>;

    class block final : public granted_block {
    public:
        block(const map_job& all, std::size_t begin, std::size_t end, reader* elements)
            : items_(all.items_, begin, end, elements),
              fn_(all.fn_),
              begin_(begin),
              results_(end - begin)
        {
        }

        pd::block_function function() const override { return pd::block_function(run_); }

        void write_results(const pd::run_result& /*ran*/, writer& to) override
        {
            if constexpr (Wanted == wanted::none) return;
            for (std::optional<T>& result : results_) {
                if constexpr (has_gaps) {
                    to.value(result);
                } else {
                    to.value(*result);
                }
                result.reset();
            }
        }

    private:
        struct item {
            const block& self;

            void operator()(std::size_t index) const
            {
                std::optional<T>& result = self.results_[index - self.begin_];
                if constexpr (std::is_same_v<T, nothing>) {
                    static_cast<void>(pd::invoke_item(self.fn_, index, self.items_[index]));
                    result.emplace();
                } else {
                    result.emplace(pd::invoke_item(self.fn_, index, self.items_[index]));
                }
            }
        };

        const typename Items::block items_;
        const Fn& fn_;
        const std::size_t begin_;
        mutable std::vector<std::optional<T>> results_;
        const item run_{*this};
    };

    const Items& items_;
    const Fn& fn_;
    std::vector<stored> results_;
};

/// A reduction's items on their way: partial results go to rank 0, as far as those of a block combine in it.
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
            : items_(all.items_, begin, end, elements),
              reduction_(items_, all.fn_, all.op_, tree(all.size_, begin, end))
        {
        }

        pd::block_function function() const override { return pd::block_function(reduction_, reduction_.leaf_size()); }

        void write_results(const pd::run_result& /*ran*/, writer& to) override
        {
            reduction_.tree().for_each_partial([&](const T& partial, std::size_t leaf, std::size_t width) {
                to.value(leaf);
                to.value(width);
                to.value(partial);
            });
        }

    private:
        const typename Items::block items_;
        const pd::reduction<typename Items::block, Fn, T, Op> reduction_;
    };

    const Items& items_;
    const Fn& fn_;
    const Op& op_;
    std::size_t size_{0};
    std::optional<tree> tree_;
    std::size_t arrived_{0};  // items
    T result_;
};

/// Runs a job over what a call was given as its range.
template <class Job, class Items, class Source>
call_result run(call& all, Job& job, Items& items, Source& given, std::string_view kind, const std::string& types,
                pd::on_failure policy = pd::on_failure::stop)
{
    all.attempt([&] { items.read(source<Source>::range(given), all.is_root()); });
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
