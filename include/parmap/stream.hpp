// SPDX-License-Identifier: Apache-2.0
// stream, as_completed: a function on every element of a range, which may be endless or larger than memory; results
// come while later items run.
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include <parmap/detail/block_function.hpp>
#include <parmap/detail/elements.hpp>
#include <parmap/detail/invocation.hpp>
#include <parmap/detail/stream_engine.hpp>
#include <parmap/options.hpp>

namespace parmap::inline v0_2 {

/// A result of \ref as_completed, with the position of its item.
template <class R>
struct completed {
    std::size_t index;  ///< position of the item in the range, from 0
    R value;            ///< what the function returned for it
};

namespace detail {

/// The typed half of a stream: the source, the function, and the items in flight.
template <std::ranges::view Source, class Fn, stream_order Order>
class stream_state final : public stream_job {
    using element = kept_element<Source>;
    using returned = item_result_t<Fn, kept_element_t<Source>>;

public:
    using result = std::conditional_t<Order == stream_order::as_read, returned, completed<returned>>;

    stream_state(Source source, Fn fn, const options& options)
        : source_(std::move(source)),
          fn_(std::move(fn)),
          engine_(*this, {Order, options, detail::known_size(source_), &remembered_cost<stream_state>})
    {
        slots_ = std::vector<slot>(engine_.slots());
    }

    /// The next result, kept until the next call; null at the end.
    result* next()
    {
        current_ = nullptr;
        if (const auto place = engine_.next()) current_ = &*slots_[*place].value;
        has_begun_ = true;
        return current_;
    }

    bool has_begun() const noexcept { return has_begun_; }
    result* current() const noexcept { return current_; }

private:
    struct slot {
        std::optional<element> item;
        std::optional<result> value;
    };

    bool read(std::size_t place) override
    {
        // The iterator is made and moved here and not earlier, since both may wait for input.
        if (at_) {
            ++*at_;
        } else {
            at_.emplace(std::ranges::begin(source_));
        }
        if (*at_ == std::ranges::end(source_)) return false;
        slots_[place].item.emplace(**at_);
        return true;
    }

    void run(std::size_t place, std::size_t index) override
    {
        slot& here = slots_[place];
        if constexpr (Order == stream_order::as_read) {
            here.value.emplace(detail::invoke_item(fn_, index, here.item->get()));
        } else {
            here.value.emplace(result{index, detail::invoke_item(fn_, index, here.item->get())});
        }
        here.item.reset();
    }

    void clear(std::size_t place) noexcept override { slots_[place].value.reset(); }

    Source source_;
    const Fn fn_;
    std::optional<std::ranges::iterator_t<Source>> at_;
    std::vector<slot> slots_;
    result* current_{nullptr};
    bool has_begun_{false};
    stream_engine engine_;  // destroyed first, so that nothing runs when the other members are destroyed
};

}  // namespace detail

/// The results of a stream: a view that can be read once, and moved.
template <class State>
class stream_view : public std::ranges::view_base {
public:
    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using value_type = typename State::result;
        using difference_type = std::ptrdiff_t;

        explicit iterator(State& state) : state_(&state) {}

        /// An rvalue: `auto` moves the result out; `auto&&` refers to it until the next result is asked for.
        value_type&& operator*() const { return std::move(*state_->current()); }
        iterator& operator++()
        {
            state_->next();
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t /*end*/) const { return state_->current() == nullptr; }

    private:
        State* state_;
    };

    /// As \ref stream and \ref as_completed make it.
    /// \param state  reads, runs and keeps the items.
    explicit stream_view(std::unique_ptr<State> state) : state_(std::move(state)) {}

    /// The first call starts the stream and waits for the first result.
    /// \return an iterator at the current result.
    /// \throws as \ref stream says.
    iterator begin()
    {
        if (!state_->has_begun()) state_->next();
        return iterator(*state_);
    }
    /// \return the end of the results.
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    std::unique_ptr<State> state_;  // threads refer to it while the view is moved
};

namespace detail {

template <stream_order Order, class Range, class Fn>
auto make_stream(Range&& range, Fn fn, const options& options)
{
    using source = std::views::all_t<Range>;
    using element = kept_element_t<source>;
    if constexpr (detail::check_callable<Fn, element>()) {
        using returned = item_result_t<Fn, element>;
        static_assert(!std::is_void_v<returned>,
                      "parmap: a stream is made of results, and the function returns none: use for_each, or return "
                      "something");
        static_assert(std::is_void_v<returned> || std::is_move_constructible_v<returned>,
                      "parmap: results are moved to the consumer: return a movable type, for example a "
                      "std::unique_ptr");
        if constexpr (!std::is_void_v<returned>) {
            using state = stream_state<source, Fn, Order>;
            return stream_view(
                std::make_unique<state>(std::views::all(std::forward<Range>(range)), std::move(fn), options));
        }
    }
}

}  // namespace detail

/// Calls `fn` on the elements of `range`, in parallel, and gives the results in input order, while later elements are
/// read and run.
///
/// ```cpp
/// std::ifstream log("access.log");
/// for (auto&& hash : parmap::stream(std::views::istream<std::string>(log), sha256)) std::cout << hash << '\n';
/// ```
///
/// Lazy: asking for the first result starts the stream. From then on at most `max_in_flight` items are read, running or
/// not yet consumed; asking for the next result consumes the one before. With one worker the consumer's thread reads
/// and runs each item when its result is asked for. With more, it also runs items that are short (below 20 us) and the
/// item that it waits for.
///
/// A stream may be moved, left before its end, or never started. Its destructor starts no more items, and waits for
/// those that run and for a source that is being read. A stop or a timeout waits for the same: nothing interrupts an
/// item or a source that blocks. Consume a stream on one thread at a time; no item may wait for the consumer. After a
/// fork() the child cannot go on with it.
///
/// \param range    any input range, also an endless one. An lvalue is referred to, an rvalue is moved in. One thread at
///                 a time reads it, not always the same: begin() for the first element, then ++ for the next when there
///                 is room for it. Elements of a single-pass range are copied, or moved where they are rvalues.
/// \param fn       as for map, but its result must not be void; the stream keeps it.
/// \param options  max_in_flight, max_workers, progress, stop, trace, and timeout, which begins with this call.
/// \return an input range of the results, as rvalues. Reading it throws what an item or the source threw, in its place
///         in the order, and `cancelled` after a stop or a timeout; the stream has ended then, and nothing of it runs.
///         When the size of the range is unknown, cancelled::total() counts the items that were read.
/// \throws std::invalid_argument  for bad options, before anything is read.
///
/// Complexity: one call of `fn` an element, and memory for max_in_flight elements and results.
template <std::ranges::viewable_range Range, class Fn>
    requires std::ranges::input_range<Range>
auto stream(Range&& range, Fn fn, const options& options = {})
{
    return detail::make_stream<detail::stream_order::as_read>(std::forward<Range>(range), std::move(fn), options);
}

/// Calls `fn` on the elements of `range`, in parallel, and gives the results in the order in which they are made, each
/// with the index of its element.
///
/// ```cpp
/// for (auto&& [index, page] : parmap::as_completed(urls, fetch)) show(urls[index], page);
/// ```
///
/// As stream(), but a slow item delays no other: with two or more workers the consumer's thread runs no item as long as
/// another thread can. The exception of an item comes when it is thrown; that of a source, after the results of all
/// items that were read.
///
/// \param range,fn,options  as stream() takes them.
/// \return an input range of `completed<R>`, as rvalues. Complexity: as stream().
/// \throws std::invalid_argument  for bad options, before anything is read.
template <std::ranges::viewable_range Range, class Fn>
    requires std::ranges::input_range<Range>
auto as_completed(Range&& range, Fn fn, const options& options = {})
{
    return detail::make_stream<detail::stream_order::as_completed>(std::forward<Range>(range), std::move(fn), options);
}

}  // namespace parmap::inline v0_2
