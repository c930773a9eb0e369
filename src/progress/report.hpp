// SPDX-License-Identifier: Apache-2.0
// The progress of one call, for its engine: each worker counts in a slot of its own, which the reporter thread reads.
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

/// What one worker has done, in cache lines of its own. Only that worker changes it, without locks, at the ends of a
/// block.
struct alignas(128) worker_slot {
    std::atomic<std::uint64_t> done{0};       // items that returned
    std::atomic<std::uint64_t> in_flight{0};  // items of the block it runs
    std::atomic<std::uint64_t> sequence{0};   // blocks begun: tells one block from the next
    std::atomic<bool> joined{false};          // by the thread of the arena with this number, not by this worker

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

/// What a call counts: items, or steps of a graph.
enum class progress_of { items, steps };

class reported_call;

/// Reports one call to its sink, from open() to finish(). Without a sink it costs one branch.
class PARMAP_EXPORT progress_report {
public:
    progress_report() = default;
    progress_report(const progress_report&) = delete;
    progress_report& operator=(const progress_report&) = delete;
    /// Finishes as failed, unless finish() was called.
    ~progress_report();

    /// Begins; to be called once. Without the memory for a report there is none.
    /// \param total  number of all items; empty when it is not known
    /// \param slots  number of slots to make
    void open(const progress_sink& sink, std::optional<std::uint64_t> total, int slots,
              progress_of of = progress_of::items) noexcept;

    bool on() const noexcept { return !slots_.empty(); }

    /// The slot of a worker; null without a report.
    worker_slot* slot(std::size_t worker) noexcept { return on() ? &slots_[worker] : nullptr; }
    std::span<worker_slot> slots() noexcept { return slots_; }

    /// A thread joined. \param thread  its number in the arena
    void joined(int thread) noexcept;

    /// Ends the reporter thread's ticks of the call, and gives the sink the last state on this thread.
    void finish(progress_phase phase) noexcept;

private:
    std::shared_ptr<reported_call> call_;  // shared with the reporter thread, which may be in a tick
    std::span<worker_slot> slots_;
};

}  // namespace parmap::inline v0_2::detail
