// SPDX-License-Identifier: Apache-2.0
// Messages of any length between the ranks of a communicator that no other code uses. Nothing here blocks inside MPI,
// which would use a CPU for waiting: whoever waits looks now and then and sleeps between.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include <parmap/mpi/serializer.hpp>
#include <parmap/mpi/session.hpp>

namespace parmap::inline v0_2::mpi::detail {

/// How long to sleep between two looks: longer and longer while there is nothing.
class patience {
public:
    std::chrono::microseconds next() noexcept
    {
        const std::chrono::microseconds now = next_;
        next_ = std::min(2 * next_, longest);
        return now;
    }
    void reset() noexcept { next_ = shortest; }

private:
    static constexpr std::chrono::microseconds shortest{10};
    static constexpr std::chrono::microseconds longest{200};
    std::chrono::microseconds next_{shortest};
};

struct message {
    int from{};
    std::vector<std::byte> bytes{};  // its length first

    reader contents() const { return reader(std::span(bytes).subspan(sizeof(std::uint64_t))); }
};

class transport {
public:
    /// Duplicates the communicator the first time it is seen; collective then.
    explicit transport(MPI_Comm communicator);

    int rank() const noexcept { return rank_; }
    int ranks() const noexcept { return ranks_; }

    /// An empty message, to be written and sent.
    static writer blank();

    /// Sends, in order, and returns at once.
    void send(int to, writer blank);

    /// The next message of any rank, if one has begun to come.
    std::optional<message> receive();

    /// Returns when all that was sent is out of this rank's hands.
    void flush();

    /// Every rank's record, by rank. Collective.
    std::vector<std::byte> gather(std::span<const std::byte> record) const;

    /// The bytes of one rank, on every rank. Collective.
    void broadcast(std::vector<std::byte>& bytes, int from) const;

    /// The least of what all ranks give. Collective.
    std::int64_t least(std::int64_t value) const;

    /// A message is sent in pieces of so many bytes: MPI counts in int.
    static std::size_t piece_bytes;

private:
    struct outgoing {
        std::vector<std::byte> bytes;
        std::vector<MPI_Request> requests;
    };

    static void wait(MPI_Request& request);
    void forget_sent();

    MPI_Comm own_{};
    int rank_{};
    int ranks_{};
    std::deque<outgoing> outgoing_;
};

}  // namespace parmap::inline v0_2::mpi::detail
