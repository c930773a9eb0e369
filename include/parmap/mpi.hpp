// SPDX-License-Identifier: Apache-2.0
// map, for_each, try_map and map_reduce on every CPU of every rank of an MPI communicator. Every rank makes the same call
// with the same range, function and options; rank 0 deals the items out and gets the results.
#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include <parmap/detail/elements.hpp>
#include <parmap/detail/invocation.hpp>
#include <parmap/map.hpp>
#include <parmap/map_reduce.hpp>
#include <parmap/mpi/detail/call.hpp>
#include <parmap/mpi/options.hpp>
#include <parmap/mpi/serializer.hpp>
#include <parmap/mpi/session.hpp>
#include <parmap/try_map.hpp>

namespace parmap::mpi {

/// A range that only rank 0 has: its elements travel with the items.
template <std::ranges::input_range Range>
struct scattered {
    Range&& range;  ///< rank 0's
};

/// Says that only rank 0 has the range: other ranks give one of the same type, which is not looked at.
///
/// ```cpp
/// std::vector<std::string> lines;
/// if (mpi.rank() == 0) lines = read_lines("input.txt");
/// auto lengths = parmap::mpi::map(MPI_COMM_WORLD, parmap::mpi::scatter(lines), &std::string::size);
/// ```
///
/// \param range  as parmap::for_each takes it, of elements that can travel: see serializer.hpp
/// \return what map and its relatives take in place of a range.
template <std::ranges::input_range Range>
scattered<Range> scatter(Range&& range)
{
    return {std::forward<Range>(range)};
}

namespace detail {

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
    static_assert(
        serializable<value>,
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
        block(const scattered_items& all, std::size_t begin, std::size_t end, reader* elements)
            : begin_(begin)
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

/// What a function that returns nothing gives.
struct nothing {};

template <class Fn, class Element>
using given_t = std::remove_cvref_t<decltype(pd::invoke_item(std::declval<const Fn&>(), std::size_t{},
                                                             std::declval<Element>()))>;
template <class Fn, class Element>
using result_t = std::conditional_t<std::is_void_v<given_t<Fn, Element>>, nothing, given_t<Fn, Element>>;

template <class T>
consteval bool check_result()
{
    static_assert(
        serializable<T>,
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

    void write_elements(std::size_t begin, std::size_t end, writer& to) const override
    {
        items_.write(begin, end, to);
    }

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

    void write_elements(std::size_t begin, std::size_t end, writer& to) const override
    {
        items_.write(begin, end, to);
    }

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

        pd::block_function function() const override
        {
            return pd::block_function(reduction_, reduction_.leaf_size());
        }

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
call_result run(call& all, Job& job, Items& items, Source& given, std::string_view kind, std::string types,
                pd::on_failure policy = pd::on_failure::stop)
{
    all.attempt([&] { items.read(source<Source>::range(given), all.is_root()); });
    return all.run(job, {.kind = kind,
                         .types = std::move(types),
                         .size = items.size(),
                         .is_scattered = Items::is_scattered,
                         .policy = policy});
}

template <class... T>
std::string names_of()
{
    return ((std::string(typeid(T).name()) + ' ') + ...);
}

}  // namespace detail

/// Calls `fn` on every element of `range`, in parallel on all ranks; what it returns is dropped. Collective: every rank
/// of the communicator makes the same call.
///
/// ```cpp
/// parmap::mpi::for_each(MPI_COMM_WORLD, frames, render, {.progress = "rendering"});
/// ```
///
/// \param communicator  an intracommunicator; a duplicate of it is used, and kept as long as it lives
/// \param range         as parmap::for_each takes it, the same on every rank; or scatter(range). Changes that `fn` makes
///                      to elements stay on the rank that ran it.
/// \param fn            as parmap::for_each takes it. It runs on threads of its rank that must not call MPI.
/// \param options       see mpi/options.hpp.
/// \throws item_error             on every rank: an item failed, and this is the lowest that did.
/// \throws cancelled              on every rank: a stop on any of them or the timeout left items that never started.
/// \throws std::invalid_argument  on every rank: bad options on one, or a rank that differs; nothing ran.
/// \throws std::logic_error       MPI cannot be used here and now, and how it can.
///
/// Complexity: one call of `fn` an element, on some rank. Rank 0 deals about 4 blocks for each worker of all ranks and
/// doubling of the range, and no block below 1 ms of work.
template <class Source, class Fn>
void for_each(MPI_Comm communicator, Source&& range, const Fn& fn, const options& options = {})
{
    using items = detail::items_of<Source>;
    if constexpr (detail::check_source<Source>() &&
                  parmap::detail::check_callable<Fn, typename items::element>()) {
        detail::call all(communicator, options);
        items read;
        detail::map_job<items, Fn, detail::nothing, detail::wanted::none> job(read, fn);
        detail::run(all, job, read, range, "for_each", detail::names_of<Fn>()).throw_unless_complete();
    }
}

/// Calls `fn` on every element of `range`, in parallel on all ranks, and gives the results in input order. Collective.
///
/// ```cpp
/// auto sums = parmap::mpi::map(MPI_COMM_WORLD, files, sha256, {.progress = "hashing"});
/// ```
///
/// Exceptions and complexity as \ref for_each.
///
/// \param communicator,range,fn,options  as for_each takes them. What `fn` returns must be able to travel: see
///                                       mpi/serializer.hpp.
/// \return the results on rank 0, or, by option, everywhere; empty on ranks that get none. Nothing when `fn` returns
///         void.
template <class Source, class Fn>
auto map(MPI_Comm communicator, Source&& range, const Fn& fn, const options& options = {})
{
    using items = detail::items_of<Source>;
    if constexpr (detail::check_source<Source>() &&
                  parmap::detail::check_callable<Fn, typename items::element>()) {
        using result = detail::result_t<Fn, typename items::element>;
        if constexpr (std::is_same_v<result, detail::nothing>) {
            for_each(communicator, range, fn, options);
        } else if constexpr (detail::check_result<result>()) {
            detail::call all(communicator, options);
            items read;
            detail::map_job<items, Fn, result, detail::wanted::all> job(read, fn);
            detail::run(all, job, read, range, "map", detail::names_of<Fn, result>()).throw_unless_complete();
            return job.take();
        }
    }
}

/// Calls `fn` on every element of `range`, in parallel on all ranks, and gives every result and every failure.
/// Collective.
///
/// ```cpp
/// auto sizes = parmap::mpi::try_map(MPI_COMM_WORLD, files, count_lines);
/// for (const parmap::failure& f : sizes.failures) std::cerr << f.what() << '\n';
/// ```
///
/// Complexity as \ref for_each.
///
/// \param communicator,range,fn,options  as map takes them.
/// \return the outcome on rank 0, or, by option, everywhere; without values and failures on ranks that get none. Errors
///         are item_errors.
/// \throws std::invalid_argument,std::logic_error  as for_each
template <class Source, class Fn>
auto try_map(MPI_Comm communicator, Source&& range, const Fn& fn, const options& options = {})
{
    using items = detail::items_of<Source>;
    if constexpr (detail::check_source<Source>() &&
                  parmap::detail::check_callable<Fn, typename items::element>()) {
        using result = detail::result_t<Fn, typename items::element>;
        outcome<std::conditional_t<std::is_same_v<result, detail::nothing>, void, result>> out;
        if constexpr (detail::check_result<result>()) {
            detail::call all(communicator, options);
            items read;
            detail::map_job<items, Fn, result, detail::wanted::those_there_are> job(read, fn);
            const detail::call_result ended =
                detail::run(all, job, read, range, "try_map", detail::names_of<Fn, result>(),
                            parmap::detail::on_failure::proceed);
            out.stopped = ended.stopped;
            if (!ended.keeps_results) return out;
            for (const detail::rank_failure& failed : ended.failures) {
                out.failures.push_back({failed.index, failed.error()});
            }
            if constexpr (std::is_same_v<result, detail::nothing>) {
                for (const auto& done : job.results()) out.done.push_back(done.has_value());
            } else {
                out.values = std::move(job.results());
            }
        }
        return out;
    }
}

/// Combines what `fn` gives for each element of `range`, in parallel on all ranks and in index order. Collective. The
/// same bits as parmap::map_reduce gives on one machine, for any number of ranks and workers.
///
/// ```cpp
/// double pi = 4 * parmap::mpi::map_reduce(MPI_COMM_WORLD, samples, is_inside, 0.0, std::plus{}) / n;
/// ```
///
/// Exceptions and complexity as \ref for_each; at most 4096 partial results travel. What `op` throws counts as the
/// failure of an item whose result it was to combine.
///
/// \param communicator,range,fn,options  as map takes them.
/// \param init,op                        as parmap::map_reduce takes them; the type of init must be able to travel. `op`
///                                       runs on the calling thread of rank 0, too.
/// \return the result on rank 0, or, by option, everywhere; `init` on ranks that get none.
template <class Source, class Fn, class T, class Op>
T map_reduce(MPI_Comm communicator, Source&& range, const Fn& fn, T init, const Op& op,
             const options& options = {})
{
    using items = detail::items_of<Source>;
    if constexpr (detail::check_source<Source>() &&
                  parmap::detail::check_callable<Fn, typename items::element>() &&
                  parmap::detail::check_combines<Op, T>() && detail::check_result<T>()) {
        if constexpr (parmap::detail::check_converts<Fn, typename items::element, T>()) {
            detail::call all(communicator, options);
            items read;
            detail::reduce_job<items, Fn, T, Op> job(read, fn, std::move(init), op);
            detail::run(all, job, read, range, "map_reduce", detail::names_of<Fn, T, Op>())
                .throw_unless_complete();
            return std::move(job.result());
        }
    }
}

}  // namespace parmap::mpi
