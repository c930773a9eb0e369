// SPDX-License-Identifier: Apache-2.0
// Estimates the time left, from the items done, the blocks in flight and the time that workers were busy. Pure: the
// caller supplies the times.
#pragma once

#include <optional>
#include <span>

namespace parmap::inline v0_2::detail {

/// A block that a worker is running.
struct block_in_flight {
    double items;
    double age;  ///< seconds since the reporter first saw it
};

class eta_estimator {
public:
    explicit eta_estimator(double total) : total_(total) {}

    /// Takes in how far the call is, `now` seconds after its start.
    void update(double now, double done, std::span<const block_in_flight> in_flight);

    /// Seconds to the end; empty before the first item is done.
    std::optional<double> seconds_left() const { return seconds_left_; }

    /// Items per second at present.
    double rate() const { return rate_; }

private:
    double total_;
    double now_{0};
    double busy_time_{0};  // the integral of busy workers over time
    double rated_at_{0};   // when the rate was last updated; 0 before the first item is done
    double credited_{0};   // the items done then, and a part of those in flight
    double rate_{0};
    std::optional<double> seconds_left_;
};

}  // namespace parmap::inline v0_2::detail
