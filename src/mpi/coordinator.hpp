// SPDX-License-Identifier: Apache-2.0
// Rank 0's part of a call: grants blocks to all ranks, collects their results, and ends the call.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include <parmap/mpi/detail/call.hpp>

#include "mpi/block_runner.hpp"
#include "mpi/grant_sizer.hpp"
#include "mpi/report.hpp"
#include "mpi/transport.hpp"
#include "progress/report.hpp"

namespace parmap::inline v0_2::mpi::detail {

class coordinator {
public:
    /// \param own      runs the blocks of rank 0
    /// \param workers  of each rank
    /// \param limits   the clock, the stop and the progress of the call
    coordinator(transport& transport, job& job, block_runner& own, std::size_t size, std::size_t quantum,
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

    /// \param sends_failures  whether the other ranks get all failures of a try_map
    call_result run(bool sends_failures)
    {
        const int all_workers = std::accumulate(workers_.begin(), workers_.end(), 0);
        report_.open(limits_.requested.progress, result_.size, all_workers);
        for (int worker = 0; worker < all_workers; ++worker) report_.joined(worker);
        stop(limits_.reason_to_stop(clock::now()));
        for (std::size_t rank = 0; rank < ranks_.size(); ++rank) grant(rank);
        for (poll_backoff backoff; outstanding_ != 0;) {
            stop(limits_.reason_to_stop(clock::now()));
            const bool any = collect();
            show_progress();
            any ? backoff.reset() : own_.wait_for(backoff.next());
        }
        conclude();
        end_call(sends_failures);
        return std::move(result_);
    }

private:
    using clock = std::chrono::steady_clock;

    struct rank_state {
        std::uint64_t done{0};
        std::int64_t busy_ns{0};
        int busy{0};
        bool has_left{false};
    };

    template <class... Values>
    void send(std::size_t rank, order what, const Values&... values)
    {
        writer message = transport::blank();
        message.value(what);
        (message.value(values), ...);
        transport_.send(static_cast<int>(rank), std::move(message));
    }

    void stop(stop_reason why)
    {
        if (why == stop_reason::none) return;
        if (result_.stopped == stop_reason::none) result_.stopped = why;
        halt_from(0);
    }

    void halt_from(std::size_t index)
    {
        if (index >= end_) return;
        end_ = index;
        own_.halt_from(index);
        for (std::size_t rank = 1; rank < ranks_.size(); ++rank) send(rank, order::halt, index);
    }

    void grant(std::size_t rank)
    {
        if (grants_.is_all_granted() || end_ != nowhere) return;
        const auto [begin, end] = grants_.next(rank);
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
            end_of_block(lost);
            return;
        }
        transport_.send(static_cast<int>(rank), std::move(message));
    }

    /// Takes the reports that have arrived. \return whether there were any
    bool collect()
    {
        auto next = own_.next_report();
        bool any = next.has_value();
        if (next) take(0, *std::move(next));
        // No more at once than one a rank: rank 0's own blocks need attention too.
        for (std::size_t i = 0; i < ranks_.size(); ++i) {
            const clock::time_point start = clock::now();
            const auto received = transport_.receive();
            if (!received) break;
            take(static_cast<std::size_t>(received->from), received->contents().value<report>());
            const clock::duration took = clock::now() - start;
            service_ = service_ == clock::duration::zero() ? took : std::min(service_, took);
            any = true;
        }
        return any;
    }

    void take(std::size_t rank, report received)
    {
        rank_state& its = ranks_[rank];
        done_ += received.done - std::exchange(its.done, received.done);
        busy_ns_ += received.busy_ns - std::exchange(its.busy_ns, received.busy_ns);
        its.busy = received.busy;
        stop(received.stopped);
        for (block_report& block : received.blocks) end_of_block(block);
        if (done_ != 0) {
            const std::chrono::duration<double, std::nano> busy{std::chrono::nanoseconds(busy_ns_)};
            grants_.measured(busy / static_cast<double>(done_), service_);
        }
        if (received.wants_more) grant(rank);
    }

    /// Keeps the results of a block and notes its failures.
    void end_of_block(block_report& block)
    {
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

    /// Every worker of every rank has a slot. The first `busy` of a rank run something, and the first of all counts.
    void show_progress()
    {
        if (!report_.on() || clock::now() < next_show_) return;
        next_show_ = clock::now() + std::chrono::milliseconds(20);
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
        next_show_ = {};
        show_progress();
        report_.finish(result_.stopped != stop_reason::none ? progress_phase::cancelled
                       : result_.completed != result_.size  ? progress_phase::failed
                                                            : progress_phase::finished);
    }

    /// Sends the result to the other ranks, and takes their messages up to the last: none may reach the next call.
    void end_call(bool sends_failures)
    {
        call_result sent = result_;
        if (policy_ == pd::on_failure::proceed && !sends_failures) sent.failures.clear();
        for (std::size_t rank = 1; rank < ranks_.size(); ++rank) send(rank, order::end, sent);
        ranks_[0].has_left = true;
        for (poll_backoff backoff; !std::ranges::all_of(ranks_, &rank_state::has_left);) {
            if (const auto received = transport_.receive()) {
                rank_state& its = ranks_[static_cast<std::size_t>(received->from)];
                its.has_left = received->contents().value<report>().has_left;
                backoff.reset();
            } else {
                std::this_thread::sleep_for(backoff.next());
            }
        }
        transport_.flush();
    }

    static constexpr auto nowhere = static_cast<std::size_t>(-1);

    transport& transport_;
    job& job_;
    block_runner& own_;
    const std::vector<int>& workers_;
    const pd::run_limits& limits_;
    const pd::on_failure policy_;
    grant_sizer grants_;
    std::vector<rank_state> ranks_;
    std::size_t outstanding_{0};  // blocks that were granted and have not ended
    std::size_t end_{nowhere};    // no items from here on are begun
    std::uint64_t done_{0};
    std::int64_t busy_ns_{0};
    // The least that a message took: the time for results depends on items, not on blocks.
    clock::duration service_{0};
    call_result result_;
    pd::progress_report report_;
    clock::time_point next_show_{};
};

}  // namespace parmap::inline v0_2::mpi::detail
