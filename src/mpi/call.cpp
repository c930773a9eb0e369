// SPDX-License-Identifier: Apache-2.0
// One collective call: what the ranks agree on, how rank 0 deals the items out, and how the call ends.
#include <parmap/mpi/detail/call.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include <parmap/version.hpp>

#include "mpi/agreement.hpp"
#include "mpi/grant_sizer.hpp"
#include "mpi/rank_side.hpp"
#include "mpi/transport.hpp"
#include "mpi/usable.hpp"
#include "progress/report.hpp"

namespace parmap::inline v0_2::mpi {

namespace pd = parmap::detail;

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

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

std::vector<hello> hellos(const std::vector<std::byte>& bytes)
{
    std::vector<hello> ranks(bytes.size() / sizeof(hello));
    std::memcpy(ranks.data(), bytes.data(), bytes.size());
    return ranks;
}

/// Rank 0's part: it deals, collects, and watches for the end.
class root_side {
public:
    root_side(transport& transport, job& job, rank_side& own, std::size_t size, std::size_t quantum,
              const std::vector<int>& workers, const pd::run_limits& limits, pd::on_failure policy)
        : transport_(transport),
          job_(job),
          own_(own),
          workers_(workers),
          limits_(limits),
          policy_(policy),
          grants_(size, workers, quantum),
          ranks_(workers.size())
    {
        result_.size = size;
    }

    /// \param tells_failures  whether other ranks want to know of more than the one that is thrown
    call_result run(const progress_sink& sink, bool tells_failures)
    {
        const int all_workers = std::accumulate(workers_.begin(), workers_.end(), 0);
        report_.open(sink, result_.size, all_workers);
        for (int worker = 0; worker < all_workers; ++worker) report_.joined(worker);
        look_for_stop();
        for (std::size_t rank = 0; rank < ranks_.size(); ++rank) grant(rank);
        for (patience rest; outstanding_ != 0;) {
            look_for_stop();
            const bool any = collect();
            show();
            any ? rest.reset() : own_.rest(rest.next());
        }
        conclude();
        tell_all(tells_failures);
        return std::move(result_);
    }

private:
    struct rank_state {
        std::uint64_t done{0};
        std::int64_t busy_ns{0};
        int busy{0};
        std::size_t blocks{0};  // that it has
        bool has_left{false};
    };

    void look_for_stop()
    {
        const stop_reason why = limits_.reason_to_stop(clock::now());
        if (why != stop_reason::none) stop(why);
    }

    void stop(stop_reason why)
    {
        if (result_.stopped == stop_reason::none) result_.stopped = why;
        halt_from(0);
    }

    void halt_from(std::size_t index)
    {
        if (index >= end_) return;
        end_ = index;
        own_.halt_from(index);
        for (std::size_t rank = 1; rank < ranks_.size(); ++rank) {
            if (ranks_[rank].blocks == 0) continue;
            writer message = transport::blank();
            message.value(order::halt);
            message.value(index);
            transport_.send(static_cast<int>(rank), std::move(message));
        }
    }

    void grant(std::size_t rank)
    {
        if (grants_.is_all_dealt() || end_ != nowhere) return;
        const auto [begin, end] = grants_.next(rank);
        ++ranks_[rank].blocks;
        ++outstanding_;
        if (rank == 0) {
            own_.grant(begin, end, nullptr);
            return;
        }
        writer message = transport::blank();
        message.value(order::grant);
        message.value(begin);
        message.value(end);
        try {
            job_.write_elements(begin, end, message);
        } catch (...) {
            block_report lost{.begin = begin, .end = end};
            lost.fail(0, std::current_exception(), policy_);
            end_of_block(rank, lost);
            return;
        }
        transport_.send(static_cast<int>(rank), std::move(message));
    }

    /// Takes what ranks say. \return whether any said something
    bool collect()
    {
        bool any = false;
        if (auto said = own_.news()) {
            take(0, *std::move(said));
            any = true;
        }
        // Its own rank wants to be looked after, too.
        for (std::size_t i = 0; i < ranks_.size(); ++i) {
            const clock::time_point start = clock::now();
            const auto received = transport_.receive();
            if (!received) break;
            reader contents = received->contents();
            take(static_cast<std::size_t>(received->from), report::read(contents));
            const clock::duration took = clock::now() - start;
            service_ = service_ == clock::duration::zero() ? took : std::min(service_, took);
            any = true;
        }
        return any;
    }

    void take(std::size_t rank, report said)
    {
        rank_state& its = ranks_[rank];
        done_ += said.done - std::exchange(its.done, said.done);
        busy_ns_ += said.busy_ns - std::exchange(its.busy_ns, said.busy_ns);
        its.busy = said.busy;
        its.has_left = said.has_left;
        if (said.stopped != stop_reason::none) stop(said.stopped);
        for (block_report& block : said.blocks) end_of_block(rank, block);
        if (done_ != 0) {
            const std::chrono::duration<double, std::nano> busy{std::chrono::nanoseconds(busy_ns_)};
            grants_.measured(busy / static_cast<double>(done_), service_);
        }
        if (said.wants_more) grant(rank);
    }

    /// Takes what ranks say of a block, and its results where there are any.
    void end_of_block(std::size_t rank, block_report& block)
    {
        --ranks_[rank].blocks;
        --outstanding_;
        if (!block.results.empty()) {
            try {
                reader results(block.results);
                if (auto failed = job_.keep(block.begin, block.end, results)) {
                    --block.completed;
                    note({failed->index, 0, parmap::failure{failed->index, failed->error}.what(), failed->error});
                }
            } catch (...) {
                block.fail(0, std::current_exception(), policy_);
            }
        }
        result_.completed += block.completed;
        for (rank_failure& failed : block.failures) note(std::move(failed));
    }

    void note(rank_failure failed)
    {
        if (policy_ == pd::on_failure::stop) halt_from(failed.index);
        result_.failures.push_back(std::move(failed));
    }

    /// What a watcher sees, now and then.
    void show()
    {
        if (!report_.on() || clock::now() < next_show_) return;
        next_show_ = clock::now() + 20ms;
        update_slots();
    }

    void update_slots()
    {
        std::size_t slot = 0;
        for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
            const rank_state& its = ranks_[rank];
            const std::uint64_t known = report_.slot(slot)->done.load(std::memory_order_relaxed);
            for (int worker = 0; worker < workers_[rank]; ++worker, ++slot) {
                pd::worker_slot& shown = *report_.slot(slot);
                const bool is_busy = worker < its.busy;
                const bool was_busy = shown.in_flight.load(std::memory_order_relaxed) != 0;
                if (is_busy && (!was_busy || its.done != known)) shown.begin_block(1);
                if (!is_busy) shown.end_block(0);
                if (worker == 0) shown.done.store(its.done, std::memory_order_relaxed);
            }
        }
    }

    void conclude()
    {
        std::ranges::sort(result_.failures, {}, &rank_failure::index);
        const bool stops = policy_ == pd::on_failure::stop;
        if (stops && result_.failures.size() > 1) result_.failures.resize(1);
        const bool complete = result_.completed + (stops ? 0 : result_.failures.size()) == result_.size;
        if (complete || (stops && !result_.failures.empty())) result_.stopped = stop_reason::none;
        if (report_.on()) update_slots();
        report_.finish(result_.stopped != stop_reason::none ? progress_phase::cancelled
                       : result_.completed != result_.size  ? progress_phase::failed
                                                            : progress_phase::finished);
    }

    /// Ends the call on the other ranks, and hears them out: nothing of this call is left for the next.
    void tell_all(bool tells_failures)
    {
        call_result told = result_;
        if (policy_ == pd::on_failure::proceed && !tells_failures) told.failures.clear();
        for (std::size_t rank = 1; rank < ranks_.size(); ++rank) {
            writer message = transport::blank();
            message.value(order::end);
            write_result(told, message);
            transport_.send(static_cast<int>(rank), std::move(message));
        }
        ranks_[0].has_left = true;
        for (patience rest; !std::ranges::all_of(ranks_, &rank_state::has_left);) {
            if (const auto received = transport_.receive()) {
                reader contents = received->contents();
                ranks_[static_cast<std::size_t>(received->from)].has_left = report::read(contents).has_left;
                rest.reset();
            } else {
                std::this_thread::sleep_for(rest.next());
            }
        }
        transport_.flush();
    }

    static constexpr auto nowhere = static_cast<std::size_t>(-1);

    transport& transport_;
    job& job_;
    rank_side& own_;
    const std::vector<int>& workers_;
    const pd::run_limits& limits_;
    const pd::on_failure policy_;
    grant_sizer grants_;
    std::vector<rank_state> ranks_;
    std::size_t outstanding_{0};  // blocks that were granted and have not ended
    std::size_t end_{nowhere};    // items from here on are begun no more
    std::uint64_t done_{0};
    std::int64_t busy_ns_{0};
    // The least that a message took: larger blocks do not save what results take.
    clock::duration service_{0};
    call_result result_;
    pd::progress_report report_;
    clock::time_point next_show_{clock::time_point::min()};
};

/// Every other rank's part, until rank 0 says that the call has ended.
call_result serve(transport& transport, rank_side& own)
{
    const auto tell_root = [&](const report& said) {
        writer message = transport::blank();
        said.write(message);
        transport.send(0, std::move(message));
    };
    for (patience rest;;) {
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
                    tell_root({.has_left = true});
                    transport.flush();
                    return read_result(contents);
            }
            any = true;
        }
        if (const auto said = own.news()) {
            tell_root(*said);
            any = true;
        }
        any ? rest.reset() : own.rest(rest.next());
    }
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
    state(MPI_Comm communicator, const mpi::options& options)
        : requested(options),
          root_options{.stop = options.stop, .timeout = options.timeout},
          root_limits(root_options),
          channel(communicator)
    {
    }

    /// Throws the same on all ranks, if any has an error.
    void agree(const std::exception_ptr& error) const
    {
        const int self = channel.rank();
        const std::int64_t first = channel.least(error != nullptr ? self : channel.ranks());
        if (first == channel.ranks()) return;
        if (channel.ranks() == 1) std::rethrow_exception(error);
        std::vector<std::byte> told;
        if (self == first) {
            writer to;
            bool is_of_arguments = false;
            try {
                std::rethrow_exception(error);
            } catch (const std::invalid_argument&) {
                is_of_arguments = true;
            } catch (...) {
            }
            to.value(is_of_arguments);
            to.value(fmt::format("parmap::mpi: rank {}: {}", self, parmap::failure{0, error}.what()));
            told = to.take();
        }
        channel.broadcast(told, static_cast<int>(first));
        reader from(told);
        const bool is_of_arguments = from.value<bool>();
        const auto text = from.value<std::string>();
        if (is_of_arguments) throw std::invalid_argument(text);
        throw std::runtime_error(text);
    }

    const mpi::options& requested;
    const parmap::options root_options;
    const pd::run_limits root_limits;  // whose clock counts
    transport channel;
};

call::call(MPI_Comm communicator, const options& requested)
{
    require_usable(communicator);
    state_ = std::make_unique<state>(communicator, requested);
}

call::~call() = default;

bool call::is_root() const noexcept
{
    return state_->channel.rank() == 0;
}

call_result call::run(job& job, const call_shape& shape)
{
    const mpi::options& requested = state_->requested;
    transport& channel = state_->channel;
    const bool keeps_results = is_root() || requested.results == results::everywhere;

    hello self{.version = text_of<16>(PARMAP_VERSION_TEXT)};
    attempt([&] {
        static_cast<void>(pd::run_limits(parmap::options{.max_workers = requested.max_workers}));
        describe_this_process(self, requested.max_workers);
    });
    self.kind = text_of<16>(shape.kind);
    self.types = std::hash<std::string>()(shape.types);
    self.size = shape.size;
    self.has_size = shape.is_scattered ? 0 : 1;
    self.has_failed = error_ != nullptr ? 1 : 0;
    self.results = static_cast<std::uint8_t>(requested.results);
    self.is_reported = requested.progress ? 1 : 0;
    self.timeout_ns = requested.timeout ? requested.timeout->count() : std::numeric_limits<std::int64_t>::max();
    self.grain_size = requested.grain_size;
    const std::vector<hello> ranks = hellos(channel.gather(std::as_bytes(std::span(&self, 1))));
    if (const auto what = difference(ranks)) throw std::invalid_argument(*what);
    if (std::ranges::any_of(ranks, [](const hello& rank) { return rank.has_failed != 0; })) state_->agree(error_);

    const std::vector<int> workers = workers_of(ranks);
    static bool has_noticed = false;
    if (const auto notice = binding_notice(ranks); notice && is_root() && !std::exchange(has_noticed, true)) {
        fmt::print(stderr, "{}\n", *notice);
    }

    const auto self_index = static_cast<std::size_t>(channel.rank());
    const parmap::options inner{
        .max_workers = workers[self_index], .stop = requested.stop, .grain_size = requested.grain_size};
    const auto size = static_cast<std::size_t>(ranks[0].size);
    std::size_t quantum = 1;
    attempt([&] { quantum = job.prepare(size, keeps_results); });
    state_->agree(error_);

    // From here on, what goes wrong outside of items cannot be told to the others: the job ends.
    call_result result;
    try {
        const pd::run_limits limits(inner);
        rank_side own(job, channel.rank(), limits, shape.policy, ranks[0].is_reported != 0);
        result = is_root() ? root_side(channel, job, own, size, quantum, workers, state_->root_limits, shape.policy)
                                 .run(requested.progress, requested.results == results::everywhere)
                           : serve(channel, own);
        for (rank_failure& failed : result.failures) {
            if (failed.rank == channel.rank() && failed.cause == nullptr) failed.cause = own.cause_of(failed.index);
        }
        result.keeps_results = keeps_results;
        const bool are_whole = shape.policy == pd::on_failure::proceed || result.completed == result.size;
        if (requested.results == results::everywhere && are_whole && channel.ranks() > 1) {
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
