// SPDX-License-Identifier: Apache-2.0
// A loop that reads, runs and consumes one item after the other.
#pragma once

namespace rivals {

struct serial_loop {
    static constexpr const char* name = "loop";

    template <class In, class Fn, class Consume>
    static void stream(const In& in, const Fn& fn, const Consume& consume)
    {
        for (const auto& item : in) consume(fn(item));
    }
};

}  // namespace rivals
