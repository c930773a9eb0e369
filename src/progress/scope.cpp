// SPDX-License-Identifier: Apache-2.0
#include <parmap/progress_scope.hpp>

#include <atomic>
#include <exception>
#include <new>

#include "progress/report.hpp"

namespace parmap::inline v0_2 {

namespace {

constexpr int slots = 32;

/// No other thread's slot, while there are no more threads than slots.
std::size_t slot_of_this_thread() noexcept
{
    static std::atomic<std::size_t> threads{0};
    thread_local const std::size_t mine = threads.fetch_add(1, std::memory_order_relaxed) % slots;
    return mine;
}

}  // namespace

progress_scope::progress_scope(std::optional<std::uint64_t> total, const progress_sink& sink)
    : total_(total),
      exceptions_(std::uncaught_exceptions()),
      report_(sink ? new(std::nothrow) detail::progress_report : nullptr)  // without memory: no report
{
    if (report_ != nullptr) report_->open(sink, total, slots);
}

progress_scope::~progress_scope()
{
    if (report_ == nullptr) return;
    std::uint64_t done = 0;
    for (const detail::worker_slot& slot : report_->slots()) done += slot.done.load(std::memory_order_relaxed);
    if (std::uncaught_exceptions() > exceptions_) {
        report_->finish(progress_phase::failed);
    } else {
        report_->finish(done >= total_.value_or(0) ? progress_phase::finished : progress_phase::cancelled);
    }
}

void progress_scope::advance(std::uint64_t items) noexcept
{
    if (report_ == nullptr || !report_->on()) return;
    report_->slot(slot_of_this_thread())->done.fetch_add(items, std::memory_order_relaxed);
}

}  // namespace parmap::inline v0_2
