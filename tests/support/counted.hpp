// SPDX-License-Identifier: Apache-2.0
// A result type that counts its objects, so that a leak or a second destruction shows.
#pragma once

#include <atomic>
#include <stdexcept>

namespace parmap::testing {

/// Neither default-constructible nor copyable.
class counted {
public:
    static inline std::atomic<int> alive{0};
    /// Moves before one throws; negative: none does.
    static inline std::atomic<int> moves_until_throw{-1};

    explicit counted(int v) : value(v) { ++alive; }
    counted(counted&& other) : value(other.value)
    {
        if (moves_until_throw.load() >= 0 && moves_until_throw.fetch_sub(1) == 0) {
            throw std::runtime_error("the move threw");
        }
        ++alive;
    }
    counted& operator=(counted&&) = default;
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --alive; }

    int value;
};

}  // namespace parmap::testing
