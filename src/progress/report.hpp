// SPDX-License-Identifier: Apache-2.0
// The progress of one call, as its engine sees it: workers count in slots of their own, and one thread of the process looks
// at them now and then.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include <parmap/detail/config.hpp>
#include <parmap/progress.hpp>

namespace parmap::inline v0_2::detail {

/// What one worker says of itself, in cache lines of its own: relaxed loads and stores at the ends of
/// a block, by that worker alone. Nobody locks.
struct alignas(128) worker_slot {
    std::atomic<std::uint64_t> done{0};       // items that returned
    std::atomic<std::uint64_t> in_flight{0};  // items of the block it runs
    std::atomic<std::uint64_t> sequence{0};   // blocks begun: tells one block from the next
    std::atomic<bool> joined{false};          // indexed by thread of the arena, not by ticket

    void begin_block(std::size_t items) noexcept
    {
        sequence.store(sequence.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        in_flight.store(items, std::memory_order_relaxed);
    }
    void end_block(std::size_t returned) noexcept
    {
        done.store(done.load(std::memory_order_relaxed) + returned, std::memory_order_relaxed);
        in_flight.store(0, std::memory_order_relaxed);
    }
};

/// What a call counts: items of one kind, or steps of a graph.
enum class progress_of { items, steps };

class reported_call;

/// One call's report to its sink, from open() to finish(). Without a sink: one branch.
class PARMAP_EXPORT progress_report {
public:
    progress_report() = default;
    progress_report(const progress_report&) = delete;
    progress_report& operator=(const progress_report&) = delete;
    /// Finishes as failed, when finish() was not reached.
    ~progress_report();

    /// Begins; once. Without the memory for a report there is none, and the work goes on.
    /// \param total  items in all; empty when nobody knows
    /// \param slots  how many worker_slots to make
    void open(const progress_sink& sink, std::optional<std::uint64_t> total, int slots,
              progress_of of = progress_of::items) noexcept;

    bool on() const noexcept { return !slots_.empty(); }

    /// The slot of a worker; null without a sink.
    worker_slot* slot(std::size_t worker) noexcept { return on() ? &slots_[worker] : nullptr; }
    std::span<worker_slot> slots() noexcept { return slots_; }

    /// A thread joined: `thread` is its number in the arena.
    void joined(int thread) noexcept;

    /// Takes the call from the reporter thread and gives the sink the last state, on this thread.
    void finish(progress_phase phase) noexcept;

private:
    std::shared_ptr<reported_call> call_;  // shared with the reporter, which may be in a frame
    std::span<worker_slot> slots_;
};

}  // namespace parmap::inline v0_2::detail
