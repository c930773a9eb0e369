// SPDX-License-Identifier: Apache-2.0
// What one thread ran and when, in bounded memory. Pure: it reads no clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace parmap::inline v0_2::detail {

/// What an event stands for: a block of items, a whole call, a step of a task graph.
enum class trace_category : std::uint8_t { block, call, step };

/// Something that a thread ran.
struct trace_event {
    std::chrono::steady_clock::time_point begin{};
    std::chrono::steady_clock::time_point end{};
    std::size_t first{0};     ///< item that it began with
    std::size_t items{0};     ///< of a block: that were begun; else: that returned
    std::uint32_t name{0};    ///< place in the recorder's table
    std::uint32_t blocks{1};  ///< that this event stands for
    trace_category category{trace_category::block};
    bool continues{false};  ///< the event before is a block of the same run, and nothing has begun in between
};

/// The events of one thread, which alone touches them until they are written, by increasing end. They nest, or are
/// disjoint, as what a thread runs does.
class alignas(128) trace_lane {
public:
    static constexpr std::size_t usual_most = 65'536;

    /// \param most  blocks are joined beyond so many events
    explicit trace_lane(std::size_t most = usual_most) : most_(most), limit_(most) {}

    /// Something begins that is recorded when it has ended: no block is joined with one from before.
    void begin_other() noexcept { run_ = 0; }

    /// A block has ended. Without the memory for it, it is left out.
    /// \param run  what the block is of, from 1: only blocks of one run are joined
    void record_block(trace_event block, std::uint64_t run) noexcept;

    /// A call or a step has ended. Without the memory for it, it is left out.
    void record_span(const trace_event& span) noexcept;

    std::span<const trace_event> events() const noexcept { return events_; }
    /// The same by increasing begin, what contains another before it. Nothing can be recorded any more.
    std::span<const trace_event> sorted() noexcept;

private:
    bool joins(const trace_event& before, const trace_event& block) const noexcept;
    void keep(const trace_event& event) noexcept;
    void coarsen() noexcept;

    const std::size_t most_;
    std::size_t limit_;                                                  // of events: beyond, blocks are joined
    std::chrono::nanoseconds resolution_{std::chrono::microseconds(2)};  // of joined blocks: the longest
    std::uint64_t run_{0};  // whose block was recorded last, with nothing begun since; else 0
    std::vector<trace_event> events_;
};

}  // namespace parmap::inline v0_2::detail
