// SPDX-License-Identifier: Apache-2.0
#include "progress/eta.hpp"

#include <algorithm>
#include <cmath>

namespace parmap::inline v0_2::detail {

void eta_estimator::update(double now, double done, std::span<const block_in_flight> in_flight)
{
    if (now <= now_) return;
    busy_time_ += (now - now_) * static_cast<double>(in_flight.size());
    now_ = now;
    if (done <= 0) return;

    double spent_in_flight = 0;
    double items_in_flight = 0;
    for (const block_in_flight& block : in_flight) {
        spent_in_flight += block.age;
        items_in_flight += block.items;
    }
    const double mean_cost = std::max(0.0, busy_time_ - spent_in_flight) / done;

    // Blocks in flight count for what they have probably done, so that the rate does not jump when they end. They never
    // count in full: an item is done when it returns.
    double credited = done;
    if (mean_cost > 0) {
        for (const block_in_flight& block : in_flight) {
            credited += block.items * std::min(0.9, block.age / (mean_cost * block.items));
        }
    }
    credited = std::min(total_, credited);

    // The weight of the past depends only on a ratio of times, so an estimate after a second is smoothed like one after
    // an hour: about the last quarter of the time counts. The fourth power is the best in the simulation
    // (eta_test.cpp). The first estimate has no past: it counts from the start.
    const double past = std::pow(rated_at_ / now, 4);
    rate_ = std::max(rate_ * past + (credited - credited_) / (now - rated_at_) * (1 - past), 0.0);
    rated_at_ = now;
    credited_ = credited;

    if (rate_ <= 0) {
        seconds_left_.reset();
    } else if (done + items_in_flight < total_) {
        seconds_left_ = (total_ - credited) / rate_;
    } else {
        seconds_left_ = 0;
        for (const block_in_flight& block : in_flight) {
            // By the mean cost of its items; once it has taken longer, half the time that it has taken.
            const double expected = mean_cost * block.items;
            const double left = block.age < expected ? expected - block.age : block.age / 2;
            seconds_left_ = std::max(*seconds_left_, left);
        }
    }
}

}  // namespace parmap::inline v0_2::detail
