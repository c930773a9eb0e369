// SPDX-License-Identifier: Apache-2.0
// The engine of streams: items are read one at a time, run on several threads, and consumed by one. Compiled once, in
// src/stream/; stream() and as_completed() are a few typed lines over it.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>

#include <parmap/detail/config.hpp>
#include <parmap/options.hpp>

namespace parmap::inline v0_2::detail {

/// The typed half of a stream: reads items and runs them. A slot holds one item, from its reading until its result is
/// consumed.
class stream_job {
public:
    /// Reads the next element of the source into a slot. Called by one thread at a time, and not again after it threw
    /// or returned false.
    /// \return false at the end of the source
    virtual bool read(std::size_t slot) = 0;
    /// Replaces the element in a slot by its result. Called by several threads at once, for different slots.
    virtual void run(std::size_t slot, std::size_t index) = 0;
    /// Empties a slot.
    virtual void clear(std::size_t slot) noexcept = 0;

protected:
    ~stream_job() = default;
};

/// In which order the consumer gets results.
enum class stream_order { as_read, as_completed };

/// What a stream has besides its job.
struct stream_plan {
    stream_order order{stream_order::as_read};
    options requested{};
    std::optional<std::size_t> total{};  ///< items of the source, if known
    std::atomic<float>* cost{nullptr};   ///< nanoseconds that such an item took before; 0: not known
};

/// One stream, as its consumer sees it. The first next() starts it.
class PARMAP_EXPORT stream_engine {
public:
    /// \throws std::invalid_argument for bad options; std::bad_alloc for more items in flight than fit in memory.
    stream_engine(stream_job& job, stream_plan plan);
    stream_engine(const stream_engine&) = delete;
    stream_engine& operator=(const stream_engine&) = delete;
    /// Starts no more items, and waits for those that run.
    ~stream_engine();

    /// \return how many slots the job must have, numbered from 0.
    std::size_t slots() const noexcept;

    /// Frees the slot of the result before, and waits for the next result. On the consumer's thread.
    /// \return its slot; empty at the end
    /// \throws what the item or the source threw, in its place; `cancelled` on stop or timeout. The stream has ended
    ///         then. When next() throws or returns empty, none of its items is running.
    std::optional<std::size_t> next();

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace parmap::inline v0_2::detail
