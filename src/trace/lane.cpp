// SPDX-License-Identifier: Apache-2.0
#include "trace/lane.hpp"

#include <algorithm>
#include <utility>

namespace parmap::inline v0_2::detail {

namespace {

void append(trace_event& before, const trace_event& block) noexcept
{
    before.end = block.end;
    before.items += block.items;
    before.blocks += block.blocks;
}

}  // namespace

void trace_lane::record_block(trace_event block, std::uint64_t run) noexcept
{
    block.continues = std::exchange(run_, run) == run && block.begin >= events_.back().end;
    if (block.continues && can_join(events_.back(), block)) {
        append(events_.back(), block);
    } else {
        keep(block);
    }
}

void trace_lane::record_span(const trace_event& span) noexcept
{
    run_ = 0;
    keep(span);
}

std::span<const trace_event> trace_lane::sorted() noexcept
{
    std::ranges::sort(events_, [](const trace_event& a, const trace_event& b) {
        return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
    });
    return events_;
}

bool trace_lane::can_join(const trace_event& before, const trace_event& block) const noexcept
{
    const bool no_gap_worth_seeing = block.begin - before.end <= resolution_ / 8;
    return block.continues && no_gap_worth_seeing && block.end - before.begin <= resolution_;
}

void trace_lane::keep(const trace_event& event) noexcept
{
    if (events_.size() >= limit_) coarsen();
    try {
        events_.push_back(event);
    } catch (...) {
        run_ = 0;  // the next block is not joined with the one that is left out
    }
}

/// Joins about four neighbours each. From now on, new blocks are joined as far.
void trace_lane::coarsen() noexcept
{
    std::chrono::nanoseconds apart{0};
    std::chrono::nanoseconds::rep pairs = 0;
    for (std::size_t i = 1; i < events_.size(); ++i) {
        if (!events_[i].continues) continue;
        apart += events_[i].end - events_[i - 1].end;
        ++pairs;
    }
    if (pairs != 0) resolution_ = std::max(2 * resolution_, 5 * apart / pairs);

    std::size_t last = 0;
    for (std::size_t i = 1; i < events_.size(); ++i) {
        if (can_join(events_[last], events_[i])) {
            append(events_[last], events_[i]);
        } else {
            events_[++last] = events_[i];
        }
    }
    events_.resize(std::min(last + 1, events_.size()));
    // Events that cannot be joined are not tried again at each new one.
    limit_ = std::max(most_, 2 * events_.size());
}

}  // namespace parmap::inline v0_2::detail
