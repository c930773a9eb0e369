// SPDX-License-Identifier: Apache-2.0
#include "mpi/transport.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

namespace parmap::inline v0_2::mpi::detail {

namespace {

// Every message begins with its length, which says how many pieces follow the first.
constexpr int first_tag = 1;
constexpr int next_tag = 2;

/// The duplicate of a communicator, an attribute of it.
MPI_Comm duplicate_of(MPI_Comm communicator)
{
    static const int key = [] {
        int made = MPI_KEYVAL_INVALID;
        MPI_Comm_create_keyval(
            MPI_COMM_NULL_COPY_FN,
            [](MPI_Comm, int, void* value, void*) {
                auto* const duplicate = static_cast<MPI_Comm*>(value);
                const int error = MPI_Comm_free(duplicate);
                delete duplicate;
                return error;
            },
            &made, nullptr);
        return made;
    }();
    void* known = nullptr;
    int is_known = 0;
    MPI_Comm_get_attr(communicator, key, static_cast<void*>(&known), &is_known);
    if (is_known == 0) {
        auto duplicate = std::make_unique<MPI_Comm>();
        MPI_Comm_dup(communicator, duplicate.get());
        // Not the caller's handler: a call cannot go on after an error, and a lost rank must end the job.
        MPI_Comm_set_errhandler(*duplicate, MPI_ERRORS_ARE_FATAL);
        known = duplicate.release();
        MPI_Comm_set_attr(communicator, key, known);
    }
    return *static_cast<MPI_Comm*>(known);
}

}  // namespace

std::size_t transport::piece_bytes = std::size_t{1} << 30U;

transport::transport(MPI_Comm communicator) : own_(duplicate_of(communicator))
{
    MPI_Comm_rank(own_, &rank_);
    MPI_Comm_size(own_, &ranks_);
}

writer transport::blank()
{
    writer message;
    message.value(std::uint64_t{});
    return message;
}

void transport::send(int to, writer message)
{
    release_sent();
    outgoing& out = outgoing_.emplace_back(message.take(), std::vector<MPI_Request>());
    const std::uint64_t length = out.bytes.size();
    std::memcpy(out.bytes.data(), &length, sizeof length);
    out.requests.reserve(1 + out.bytes.size() / piece_bytes);
    for (std::size_t begin = 0; begin < out.bytes.size(); begin += piece_bytes) {
        const std::size_t piece = std::min(piece_bytes, out.bytes.size() - begin);
        MPI_Isend(out.bytes.data() + begin, static_cast<int>(piece), MPI_BYTE, to, begin == 0 ? first_tag : next_tag,
                  own_, &out.requests.emplace_back());
    }
}

std::optional<message> transport::receive()
{
    release_sent();
    int has_arrived = 0;
    MPI_Status status;
    MPI_Iprobe(MPI_ANY_SOURCE, first_tag, own_, &has_arrived, &status);
    if (has_arrived == 0) return std::nullopt;
    message received{.from = status.MPI_SOURCE};
    int first = 0;
    MPI_Get_count(&status, MPI_BYTE, &first);
    received.bytes.resize(static_cast<std::size_t>(first));
    const auto receive_piece = [&](std::size_t begin, std::size_t size, int tag) {
        MPI_Request request{};
        MPI_Irecv(received.bytes.data() + begin, static_cast<int>(size), MPI_BYTE, received.from, tag, own_, &request);
        wait(request);
    };
    receive_piece(0, received.bytes.size(), first_tag);
    const auto length = static_cast<std::size_t>(reader(received.bytes).value<std::uint64_t>());
    std::size_t begin = received.bytes.size();
    received.bytes.resize(length);
    for (; begin < length; begin += piece_bytes) {
        receive_piece(begin, std::min(piece_bytes, length - begin), next_tag);
    }
    return received;
}

void transport::flush()
{
    poll_until([this] {
        release_sent();
        return outgoing_.empty();
    });
}

void transport::gather(const void* own, void* all, int bytes) const
{
    MPI_Request request{};
    MPI_Iallgather(own, bytes, MPI_BYTE, all, bytes, MPI_BYTE, own_, &request);
    wait(request);
}

void transport::broadcast(std::vector<std::byte>& bytes, int from) const
{
    std::uint64_t length = bytes.size();
    MPI_Request request{};
    MPI_Ibcast(&length, sizeof length, MPI_BYTE, from, own_, &request);
    wait(request);
    bytes.resize(length);
    for (std::size_t begin = 0; begin < length; begin += piece_bytes) {
        const std::size_t piece = std::min(piece_bytes, static_cast<std::size_t>(length) - begin);
        MPI_Ibcast(bytes.data() + begin, static_cast<int>(piece), MPI_BYTE, from, own_, &request);
        wait(request);
    }
}

void transport::wait(MPI_Request& request)
{
    poll_until([&] {
        int is_done = 0;
        MPI_Test(&request, &is_done, MPI_STATUS_IGNORE);
        return is_done != 0;
    });
}

void transport::release_sent()
{
    while (!outgoing_.empty()) {
        std::vector<MPI_Request>& requests = outgoing_.front().requests;
        int are_done = 0;
        MPI_Testall(static_cast<int>(requests.size()), requests.data(), &are_done, MPI_STATUSES_IGNORE);
        if (are_done == 0) return;
        outgoing_.pop_front();
    }
}

}  // namespace parmap::inline v0_2::mpi::detail
