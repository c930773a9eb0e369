// SPDX-License-Identifier: Apache-2.0
// One call while it is reported: makes a state from what its workers have counted, and gives it to the call's sink.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <parmap/progress.hpp>

#include "progress/eta.hpp"
#include "progress/line.hpp"
#include "progress/report.hpp"
#include "progress/screen.hpp"
#include "progress/timed_mutex.hpp"
#include "system/forks.hpp"

namespace parmap::inline v0_2::detail {

class reported_call {
public:
    using clock = std::chrono::steady_clock;

    /// \param style  of its bar; off without one
    reported_call(progress_sink sink, std::optional<std::uint64_t> total, int slots, bar_style style, progress_of of);

    std::span<worker_slot> slots() noexcept { return slots_; }

    clock::time_point first_tick() const noexcept;

    /// On the reporter thread: gives the sink the state as it is now. \return the time of the next tick
    clock::time_point tick() noexcept;

    /// On the calling thread: gives the sink the last state. Waits for a function that is in a tick, and for a file
    /// that takes nothing no longer than write_timeout.
    void close(progress_phase phase) noexcept;

private:
    /// A block of one slot, and when the reporter first saw it, in working time.
    struct sighting {
        std::uint64_t sequence{0};
        clock::duration since{};
    };

    std::chrono::nanoseconds next_tick(std::chrono::nanoseconds elapsed) const noexcept;
    line_state sample(progress_phase phase);
    void read_slots(progress_state& state, clock::duration worked);
    void deliver(const line_state& line, clock::time_point deadline) noexcept;
    void draw(const line_state& line, clock::time_point deadline);
    void remove_line(clock::time_point deadline) noexcept;

    progress_sink sink_;
    const progress_of of_;
    const bar_style style_;
    const creator_process creator_;
    std::shared_ptr<progress_screen> screen_;  // from the first frame on
    const clock::time_point start_;
    const clock::duration stopped_before_;
    const std::optional<std::uint64_t> total_;
    std::vector<worker_slot> slots_;
    std::atomic<bool> closed_{false};

    timed_mutex mutex_;  // one state at a time; guards what follows
    std::vector<sighting> seen_;
    std::vector<block_in_flight> in_flight_;
    std::optional<eta_estimator> eta_;
    bool dropped_{false};  // the sink threw, or its file takes no more
};

}  // namespace parmap::inline v0_2::detail
