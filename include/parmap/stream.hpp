// SPDX-License-Identifier: Apache-2.0
// stream, as_completed: a function on every element of a range that need not end, nor fit in memory; the results
// come while later items run. Both are a few typed lines over detail::stream_engine.
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
#include <parmap/map.hpp>
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
    using returned = typename item_result<Fn, kept_element_t<Source>>::type;

public:
    using result = std::conditional_t<Order == stream_order::as_read, returned, completed<returned>>;

    stream_state(Source source, Fn fn, const options& options)
        : source_(std::move(source)),
          fn_(std::move(fn)),
          engine_(*this, {Order, options, size(), &remembered_cost<stream_state>})
    {
        slots_ = std::vector<slot>(engine_.slots());
    }

    /// The next result, kept until the call after; null at the end. \throws as stream() says
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

    std::optional<std::size_t> size()
    {
        if constexpr (std::ranges::sized_range<Source>) {
            return static_cast<std::size_t>(std::ranges::size(source_));
        } else {
            return std::nullopt;
        }
    }

    bool read(std::size_t place) override
    {
        // Only now: going on may wait for input, and so may an iterator that is made.
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
            here.value.emplace(detail::invoke_item(fn_, index, here.item->give()));
        } else {
            here.value.emplace(result{index, detail::invoke_item(fn_, index, here.item->give())});
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
    stream_engine engine_;  // last, so that nothing runs any more when the others are destroyed
};

}  // namespace detail

/// The results of a stream: a view that can be gone through once, and moved.
template <class State>
class stream_view : public std::ranges::view_base {
public:
    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using value_type = typename State::result;
        using difference_type = std::ptrdiff_t;

        explicit iterator(State& state) : state_(&state) {}

        /// An rvalue: `for (auto sum : sums)` moves it out, `for (auto&& sum : sums)` leaves it where it is, until
        /// the next.
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
    /// \param state  what reads, runs and keeps the items.
    explicit stream_view(std::unique_ptr<State> state) : state_(std::move(state)) {}

    /// Waits for the first result, when none was asked for yet.
    /// \return an iterator at the result that the stream is at.
    /// \throws as \ref stream says.
    iterator begin()
    {
        if (!state_->has_begun()) state_->next();
        return iterator(*state_);
    }
    /// \return what an iterator equals when no result is left.
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    std::unique_ptr<State> state_;  // at a place of its own: threads refer to it while the view is moved
};

namespace detail {

template <stream_order Order, class Range, class Fn>
auto make_stream(Range&& range, Fn fn, const options& options)
{
    using source = std::views::all_t<Range>;
    using element = kept_element_t<source>;
    if constexpr (check_callable<Fn, element>()) {
        using returned = typename item_result<Fn, element>::type;
        static_assert(!std::is_void_v<returned>,
                      "parmap: a stream is made of results, and the function returns none: use for_each, or "
                      "return something");
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

/// Calls `fn` on the elements of `range`, in parallel, and gives the results in input order, while later elements
/// are read and run.
///
/// ```cpp
/// std::ifstream log("access.log");
/// for (auto&& hash : parmap::stream(std::views::istream<std::string>(log), sha256)) std::cout << hash << '\n';
/// ```
///
/// Lazy: nothing is read before the first result is asked for. Then at most `max_in_flight` items are read, running
/// or not yet consumed; a result is consumed when the next one is asked for. With one worker each item is read and
/// run on the consumer's thread when its result is asked for. With more, the consumer's thread runs items too, as
/// long as they are short (below 20 us), or when it waits for that very item.
///
/// The stream may be moved, left before its end, or never begun: its destructor starts no more items, and waits for
/// those that are running and for the source, when that is being read. So does whatever ends it, a timeout as well:
/// nothing interrupts an item, nor a source that is blocked. Consume it on one thread at a time, and let no item wait
/// for the consumer. It does not survive a fork().
///
/// \param range    any input range, also an endless one. Kept by reference when it is an lvalue, else moved in.
///                 Read by one thread at a time, not always the same one: begin() for the first element, then ++ for
///                 the next when there is room for it. Elements of a single-pass range are copied, or moved when it
///                 hands out rvalues.
/// \param fn       as for map; kept in the stream. It returns what is not void and can be moved.
/// \param options  max_in_flight, max_workers, progress, stop, and timeout, which runs from this call on.
/// \return an input range of the results, as rvalues.
/// \throws std::invalid_argument  for bad options; nothing ran.
///
/// Going through it throws what an item or the source threw, at its place in the order; no later result comes, and
/// the stream has ended. It throws `cancelled` when a stop or the timeout ended it; its total() is what was read when
/// the range does not tell its size. Nothing runs any more then.
///
/// Complexity: one call of `fn` an element, and memory for max_in_flight elements and results.
template <std::ranges::viewable_range Range, class Fn>
    requires std::ranges::input_range<Range>
auto stream(Range&& range, Fn fn, const options& options = {})
{
    return detail::make_stream<detail::stream_order::as_read>(std::forward<Range>(range), std::move(fn), options);
}

/// Calls `fn` on the elements of `range`, in parallel, and gives each result as soon as it is there, with the index
/// of its element.
///
/// ```cpp
/// for (auto&& [index, page] : parmap::as_completed(urls, fetch)) show(urls[index], page);
/// ```
///
/// As stream(), but a slow item holds up no other: with two workers or more the consumer's thread runs no item
/// as long as another thread can. An exception comes when its item throws; a source's, after the results of all that
/// was read before.
///
/// \param range,fn,options  as stream() takes them.
/// \return an input range of `completed<R>`, as rvalues.
/// \throws std::invalid_argument  for bad options; nothing ran.
///
/// Complexity: as stream().
template <std::ranges::viewable_range Range, class Fn>
    requires std::ranges::input_range<Range>
auto as_completed(Range&& range, Fn fn, const options& options = {})
{
    return detail::make_stream<detail::stream_order::as_completed>(std::forward<Range>(range), std::move(fn), options);
}

}  // namespace parmap::inline v0_2
