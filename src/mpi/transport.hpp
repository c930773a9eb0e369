// SPDX-License-Identifier: Apache-2.0
// Messages of any length between the ranks of a communicator that no other code uses. Nothing here blocks inside MPI,
// which would use a CPU while it waits: a waiting thread polls and sleeps in between.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <parmap/mpi/serializer.hpp>
#include <parmap/mpi/session.hpp>

namespace parmap::inline v0_2::mpi::detail {

/// How long to sleep between two polls: twice as long each time, up to a limit.
class poll_backoff {
public:
    std::chrono::microseconds next() noexcept { return std::exchange(next_, std::min(2 * next_, longest)); }
    void reset() noexcept { next_ = shortest; }

private:
    static constexpr std::chrono::microseconds shortest{10};
    static constexpr std::chrono::microseconds longest{200};
    std::chrono::microseconds next_{shortest};
};

/// Calls `is_done` until it returns true, and sleeps in between.
template <class IsDone>
void poll_until(const IsDone& is_done)
{
    for (poll_backoff backoff; !is_done();) std::this_thread::sleep_for(backoff.next());
}

struct message {
    int from{};
    std::vector<std::byte> bytes{};  // begins with its length

    reader contents() const { return reader(std::span(bytes).subspan(sizeof(std::uint64_t))); }
};

class transport {
public:
    /// Duplicates the communicator the first time it is used; collective then.
    explicit transport(MPI_Comm communicator);

    int rank() const noexcept { return rank_; }
    int ranks() const noexcept { return ranks_; }

    /// An empty message, to be written and sent.
    static writer blank();

    /// Begins to send a message that was blank(), in order, and returns at once.
    void send(int to, writer message);

    /// The next message of any rank, if one has begun to arrive.
    std::optional<message> receive();

    /// Returns when all messages have been sent.
    void flush();

    /// Every rank's record, by rank. Collective.
    template <class Record>
    std::vector<Record> gather(const Record& own) const
    {
        std::vector<Record> all(static_cast<std::size_t>(ranks_));
        gather(&own, all.data(), sizeof(Record));
        return all;
    }

    /// The bytes of one rank, on every rank. Collective.
    void broadcast(std::vector<std::byte>& bytes, int from) const;

    /// A message is sent in pieces of at most this size, because MPI counts in int.
    static std::size_t piece_bytes;

private:
    struct outgoing {
        std::vector<std::byte> bytes;
        std::vector<MPI_Request> requests;
    };

    void gather(const void* own, void* all, int bytes) const;
    static void wait(MPI_Request& request);
    void release_sent();

    MPI_Comm own_{};
    int rank_{};
    int ranks_{};
    std::deque<outgoing> outgoing_;
};

}  // namespace parmap::inline v0_2::mpi::detail
