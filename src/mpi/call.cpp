// SPDX-License-Identifier: Apache-2.0
// One collective call: what the ranks agree on before it, and each rank's part of it.
#include <parmap/mpi/detail/call.hpp>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <limits>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include <parmap/version.hpp>

#include "mpi/agreement.hpp"
#include "mpi/block_runner.hpp"
#include "mpi/coordinator.hpp"
#include "mpi/local_options.hpp"
#include "mpi/transport.hpp"

namespace parmap::inline v0_2::mpi {

item_error::item_error(std::size_t index, int rank, std::string text, std::exception_ptr cause)
    : std::runtime_error(fmt::format("parmap::mpi: item {} failed on rank {}: {}", index, rank, text)),
      index_(index),
      rank_(rank),
      text_(std::move(text)),
      cause_(std::move(cause))
{
}

namespace detail {

namespace {

/// The part of every rank but 0, until rank 0 ends the call.
call_result participate(transport& transport, block_runner& own)
{
    const auto send = [&](const report& next) {
        writer message = transport::blank();
        message.value(next);
        transport.send(0, std::move(message));
    };
    for (poll_backoff backoff;;) {
        bool any = false;
        while (const auto received = transport.receive()) {
            reader contents = received->contents();
            switch (contents.value<order>()) {
                case order::grant: {
                    const auto begin = contents.value<std::size_t>();
                    const auto end = contents.value<std::size_t>();
                    own.grant(begin, end, &contents);
                    break;
                }
                case order::halt:
                    own.halt_from(contents.value<std::size_t>());
                    break;
                case order::end:
                    send({.has_left = true});
                    transport.flush();
                    return contents.value<call_result>();
            }
            any = true;
        }
        if (const auto next = own.next_report()) {
            send(*next);
            any = true;
        }
        any ? backoff.reset() : own.wait_for(backoff.next());
    }
}

/// Throws the same on all ranks if any has an error: that of the lowest. Collective.
void throw_on_all(const transport& channel, const std::exception_ptr& error)
{
    const auto has_error = channel.gather(static_cast<char>(error != nullptr));
    const auto first = static_cast<int>(std::ranges::find(has_error, 1) - has_error.begin());
    if (first == channel.ranks()) return;
    if (channel.ranks() == 1) std::rethrow_exception(error);
    writer to;
    if (channel.rank() == first) {
        try {
            std::rethrow_exception(error);
        } catch (const std::invalid_argument&) {
            to.value(true);
        } catch (...) {
            to.value(false);
        }
        to.value(fmt::format("parmap::mpi: rank {}: {}", first, parmap::failure{0, error}.what()));
    }
    std::vector<std::byte> bytes = to.take();
    channel.broadcast(bytes, first);
    reader from(bytes);
    const bool is_of_arguments = from.value<bool>();
    const auto text = from.value<std::string>();
    if (is_of_arguments) throw std::invalid_argument(text);
    throw std::runtime_error(text);
}

}  // namespace

std::exception_ptr rank_failure::error() const
{
    return std::make_exception_ptr(item_error(index, rank, text, cause));
}

void call_result::throw_unless_complete() const
{
    if (!failures.empty()) std::rethrow_exception(failures.front().error());
    if (stopped != stop_reason::none) throw cancelled(stopped, completed, size);
}

struct call::state {
    explicit state(const mpi::options& requested) : local(local_options(requested)), results(requested.results) {}

    const parmap::options local;
    const mpi::results results;
    std::optional<pd::run_limits> limits;  // of the whole call: rank 0's clock counts
    std::optional<transport> channel;
};

call::call(MPI_Comm communicator, const options& requested)
{
    require_usable(communicator);
    state_ = std::make_unique<state>(requested);
    attempt([&] { state_->limits.emplace(state_->local); });
    state_->channel.emplace(communicator);
}

call::~call() = default;

bool call::is_root() const noexcept
{
    return state_->channel->rank() == 0;
}

call_result call::run(job& job, const call_shape& shape)
{
    const parmap::options& local = state_->local;
    transport& channel = *state_->channel;
    const bool is_everywhere = state_->results == results::everywhere;

    rank_record self{.version = text_of<16>(PARMAP_VERSION_TEXT),
                     .kind = text_of<16>(shape.kind),
                     .types = std::hash<std::string>()(shape.types),
                     .size = shape.size,
                     .has_size = static_cast<std::uint8_t>(!shape.is_scattered),
                     .results = static_cast<std::uint8_t>(state_->results),
                     .is_reported = static_cast<std::uint8_t>(static_cast<bool>(local.progress)),
                     .timeout_ns = local.timeout ? local.timeout->count() : std::numeric_limits<std::int64_t>::max(),
                     .grain_size = local.grain_size};
    attempt([&] { describe_this_process(self, local.max_workers); });
    self.has_failed = error_ != nullptr ? 1 : 0;
    const std::vector<rank_record> ranks = channel.gather(self);
    if (const auto what = difference(ranks)) throw std::invalid_argument(*what);
    if (std::ranges::any_of(ranks, [](const rank_record& rank) { return rank.has_failed != 0; })) {
        throw_on_all(channel, error_);
    }

    const std::vector<int> workers = workers_of(ranks);
    static bool has_noticed = false;
    if (const auto notice = binding_notice(ranks); notice && is_root() && !std::exchange(has_noticed, true)) {
        fmt::print(stderr, "{}\n", *notice);
    }

    const auto size = static_cast<std::size_t>(ranks[0].size);
    std::size_t quantum = 1;
    attempt([&] { quantum = job.prepare(size, is_root() || is_everywhere); });
    throw_on_all(channel, error_);

    // An error outside of items can no longer be sent to the other ranks: it ends the job.
    call_result result;
    try {
        parmap::options inner = local;
        inner.max_workers = workers[static_cast<std::size_t>(channel.rank())];
        inner.timeout = std::nullopt;
        const pd::run_limits limits(inner);
        block_runner own(job, channel.rank(), limits, shape.policy, ranks[0].is_reported != 0);
        result = is_root() ? coordinator(channel, job, own, size, quantum, workers, *state_->limits, shape.policy)
                                 .run(is_everywhere)
                           : participate(channel, own);
        for (rank_failure& failed : result.failures) {
            if (failed.rank == channel.rank() && failed.cause == nullptr) failed.cause = own.cause_of(failed.index);
        }
        const bool are_whole = shape.policy == pd::on_failure::proceed || result.completed == result.size;
        if (is_everywhere && are_whole && channel.ranks() > 1) {
            writer to;
            if (is_root()) job.write_all(to);
            std::vector<std::byte> all = to.take();
            channel.broadcast(all, 0);
            reader from(all);
            if (!is_root()) job.keep_all(from);
        }
    } catch (...) {
        fmt::print(stderr, "parmap::mpi: rank {} cannot go on in the middle of a call, and ends the job: {}\n",
                   channel.rank(), parmap::failure{0, std::current_exception()}.what());
        MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
    }
    return result;
}

}  // namespace detail

}  // namespace parmap::inline v0_2::mpi
