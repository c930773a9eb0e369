// SPDX-License-Identifier: Apache-2.0
// When will it be done: an estimate from the items done, the blocks in flight and the time workers
// were busy. Pure: the caller brings the clock.
#pragma once

#include <optional>
#include <span>

namespace parmap::inline v0_2::detail {

/// A block that a worker is running.
struct block_in_flight {
    double items;
    double age;  ///< seconds since the reporter first saw it
};

/// Learns how fast the items go, tick by tick.
class eta_estimator {
public:
    explicit eta_estimator(double total) : total_(total) {}

    /// What is known `now` seconds after the start.
    void update(double now, double done, std::span<const block_in_flight> in_flight);

    /// Seconds to the end; empty before the first item is done.
    std::optional<double> seconds_left() const { return seconds_left_; }

    /// Items per second, now.
    double rate() const { return rate_; }

private:
    double total_;
    double now_{0};
    double busy_time_{0};  // the integral of busy workers over time
    double rated_at_{0};   // when the rate was last updated; not before the first item is done
    double credited_{0};   // items done then, and part of those in flight
    double rate_{0};
    std::optional<double> seconds_left_;
};

}  // namespace parmap::inline v0_2::detail
