// SPDX-License-Identifier: Apache-2.0
// A result type that registers the addresses of its objects. It finds an object that is built over another, read or
// destroyed where there is none, destroyed twice, or leaked.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_set>
#include <utility>

#include <gtest/gtest.h>

namespace parmap::testing {

/// Thrown by a copy or a move: see moves_until_throw.
struct move_error {};

class registered {
public:
    /// Copies and moves, on all threads, before one throws; negative: none does.
    static inline std::atomic<int> moves_until_throw{-1};

    /// What a moved-from object holds.
    static constexpr int moved_from = -1;

    explicit registered(int v) : value_(v) { enter(); }
    registered(const registered& other) : value_(other.value())
    {
        throw_if_due();
        enter();
    }
    registered(registered&& other) : value_(other.value())  // NOLINT: it may throw
    {
        throw_if_due();
        other.value_ = moved_from;
        enter();
    }
    registered& operator=(const registered& other)
    {
        expect_registered();
        const int v = other.value();
        throw_if_due();
        value_ = v;
        return *this;
    }
    registered& operator=(registered&& other)  // NOLINT: it may throw
    {
        *this = std::as_const(other);
        if (this != &other) other.value_ = moved_from;
        return *this;
    }
    ~registered()
    {
        if (!change([this](auto& objects) { return objects.erase(this) == 1; }))
            ADD_FAILURE() << "destroyed where there is none";
    }

    int value() const
    {
        expect_registered();
        return value_;
    }

    static std::size_t alive()
    {
        std::size_t sum = 0;
        for (shard& s : shards) {
            const std::lock_guard lock(s.mutex);
            sum += s.objects.size();
        }
        return sum;
    }

private:
    struct shard {
        std::mutex mutex;
        std::unordered_set<const registered*> objects;
    };
    // Chosen by the address, so that threads seldom wait for each other.
    static inline std::array<shard, 64> shards;

    template <class Change>
    bool change(const Change& with) const
    {
        shard& s = shards.at((std::hash<const registered*>()(this) / sizeof(registered)) % shards.size());
        const std::lock_guard lock(s.mutex);
        return with(s.objects);
    }

    void enter() const
    {
        if (!change([this](auto& objects) { return objects.insert(this).second; }))
            ADD_FAILURE() << "built over another";
    }

    void expect_registered() const
    {
        if (!change([this](const auto& objects) { return objects.contains(this); }))
            ADD_FAILURE() << "read or assigned to where there is none";
    }

    static void throw_if_due()
    {
        if (moves_until_throw.load() >= 0 && moves_until_throw.fetch_sub(1) == 0) throw move_error();
    }

    int value_;
};

}  // namespace parmap::testing
