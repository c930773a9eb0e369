// SPDX-License-Identifier: Apache-2.0
#include "progress/report.hpp"

#include "progress/reported_call.hpp"
#include "progress/reporter.hpp"
#include "progress/style.hpp"

namespace parmap::inline v0_2::detail {

void progress_report::open(const progress_sink& sink, std::optional<std::uint64_t> total, int slots,
                           progress_of of) noexcept
{
    const progress_bar* const bar = sink.bar();
    const bar_style style = bar != nullptr ? style_of(*bar) : bar_style::off;
    // A bar shows nothing of an empty range; a function always gets its last state.
    const bool reported = bar != nullptr ? total != 0 && style != bar_style::off : static_cast<bool>(sink);
    if (!reported) return;
    try {
        call_ = std::make_shared<reported_call>(sink, total, slots, style, of);
        if (total != 0) one_in_process<reporter>::instance().add(call_);
        slots_ = call_->slots();
    } catch (...) {
        call_.reset();
    }
}

progress_report::~progress_report()
{
    finish(progress_phase::failed);
}

void progress_report::joined(int thread) noexcept
{
    if (thread >= 0 && static_cast<std::size_t>(thread) < slots_.size()) {
        slots_[static_cast<std::size_t>(thread)].joined.store(true, std::memory_order_relaxed);
    }
}

void progress_report::finish(progress_phase phase) noexcept
{
    if (call_ == nullptr) return;
    // No reporter is made here, which could fail.
    if (auto* const known = one_in_process<reporter>::instance_if_made()) known->remove(call_);
    call_->close(phase);
    call_.reset();
    slots_ = {};
}

}  // namespace parmap::inline v0_2::detail
