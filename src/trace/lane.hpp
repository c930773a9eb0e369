// SPDX-License-Identifier: Apache-2.0
// Keeps what one thread ran and when, in bounded memory. Reads no clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace parmap::inline v0_2::detail {

/// What an event stands for: a block of items, a whole call, a step of a task graph.
enum class trace_category : std::uint8_t { block, call, step };

/// Something that a thread ran, from begin to end.
struct trace_event {
    std::chrono::steady_clock::time_point begin{};
    std::chrono::steady_clock::time_point end{};
    std::size_t first{0};     ///< index of the first item of a block
    std::size_t items{0};     ///< items that began, of a block; items that returned, of a call or a step
    std::uint32_t name{0};    ///< place in the recorder's table
    std::uint32_t blocks{1};  ///< blocks that were joined
    trace_category category{trace_category::block};
    bool continues{false};  ///< the event before is a block of the same run, and nothing began in between
};

/// The events of one thread, by increasing end. They nest or are disjoint. Only that thread touches them until they are
/// written.
class alignas(128) trace_lane {
public:
    static constexpr std::size_t usual_most = 65'536;

    /// \param most  when there are so many events, blocks are joined
    explicit trace_lane(std::size_t most = usual_most) : most_(most), limit_(most) {}

    /// Something begins that is recorded at its end. Blocks before and after this are not joined.
    void begin_other() noexcept { run_ = 0; }

    /// A block has ended. Without the memory for it, it is left out.
    /// \param run  number of the block's run, from 1: only blocks of one run are joined
    void record_block(trace_event block, std::uint64_t run) noexcept;

    /// A call or a step has ended. Without the memory for it, it is left out.
    void record_span(const trace_event& span) noexcept;

    std::span<const trace_event> events() const noexcept { return events_; }
    /// The same by increasing begin, an outer event before its inner ones. Afterwards nothing can be recorded.
    std::span<const trace_event> sorted() noexcept;

private:
    bool can_join(const trace_event& before, const trace_event& block) const noexcept;
    void keep(const trace_event& event) noexcept;
    void coarsen() noexcept;

    const std::size_t most_;
    std::size_t limit_;  // number of events at which blocks are joined next
    std::chrono::nanoseconds resolution_{std::chrono::microseconds(2)};  // joined blocks take no longer together
    std::uint64_t run_{0};  // run of the last event, a block, when nothing began after it; else 0
    std::vector<trace_event> events_;
};

}  // namespace parmap::inline v0_2::detail
