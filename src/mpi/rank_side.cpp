// SPDX-License-Identifier: Apache-2.0
#include "mpi/rank_side.hpp"

#include <algorithm>
#include <utility>

namespace parmap::inline v0_2::mpi::detail {

namespace pd = parmap::detail;

rank_side::rank_side(job& job, int rank, const pd::run_limits& limits, pd::on_failure policy, bool is_reported)
    : job_(job),
      rank_(rank),
      limits_(limits),
      policy_(policy),
      is_reported_(is_reported),
      run_(limits, policy)
{
}

void rank_side::grant(std::size_t begin, std::size_t end, reader* elements)
{
    has_asked_ = false;
    last_granted_ = end - begin;
    std::unique_ptr<granted_block> opened;
    try {
        opened = job_.open(begin, end, elements);
    } catch (...) {
        add_ended({.begin = begin, .end = end}, std::current_exception());
        return;
    }
    const granted_block& block = *blocks_.emplace(begin, std::move(opened)).first->second;
    run_.feed(begin, end, block.function());
    run_.halt_from(end_);  // it may have been on its way when that became known
}

void rank_side::halt_from(std::size_t index) noexcept
{
    end_ = std::min(end_, index);
    run_.halt_from(end_);
}

std::optional<report> rank_side::news()
{
    take_ended();
    report said;
    if (limits_.requested.stop.stop_requested()) {
        halt_from(0);
        if (!std::exchange(told_of_stop_, true)) said.stopped = stop_reason::stop_requested;
    }
    // While half of the last block is there to be run, the next one has time to come.
    said.wants_more = !has_asked_ && end_ != 0 && run_.unclaimed() <= last_granted_ / 2;
    if (!said.wants_more && said.stopped == stop_reason::none && !is_worth_telling()) return std::nullopt;
    has_asked_ |= said.wants_more;
    last_news_ = clock::now();
    said.done = run_.done();
    said.busy = run_.busy();
    said.busy_ns = run_.busy_time().count();
    said.blocks = std::exchange(ended_, {});
    return said;
}

/// Results go along when more is asked for, unless nobody will ask or somebody waits for them.
bool rank_side::is_worth_telling() const
{
    if (is_reported_ && clock::now() - last_news_ >= report_interval) return true;
    if (ended_.empty()) return false;
    const bool has_failed =
        std::ranges::any_of(ended_, [](const block_report& block) { return !block.failures.empty(); });
    return has_failed || blocks_.empty() || end_ == 0;
}

void rank_side::rest(std::chrono::microseconds longest)
{
    if (run_.has_threads() || !run_.help()) run_.wait_for(longest);
}

std::exception_ptr rank_side::cause_of(std::size_t index) const
{
    const auto found = causes_.find(index);
    return found == causes_.end() ? nullptr : found->second;
}

void rank_side::take_ended()
{
    while (const auto ended = run_.take_ended()) {
        block_report block{.begin = ended->begin, .end = ended->end, .completed = ended->ran.completed};
        for (const pd::block_failure& failed : ended->ran.failures) {
            const std::size_t index = ended->begin + failed.index;
            block.failures.push_back({index, rank_, parmap::failure{index, failed.error}.what(), failed.error});
        }
        std::exception_ptr error;
        // Of a call that throws, nobody wants the results.
        if (policy_ == pd::on_failure::proceed || block.completed == block.end - block.begin) {
            try {
                writer to;
                blocks_.at(ended->begin)->write_results(ended->ran, to);
                block.results = to.take();
            } catch (...) {
                error = std::current_exception();
            }
        }
        blocks_.erase(ended->begin);
        add_ended(std::move(block), error);
    }
}

/// \param error  why it has no results, if that is so
void rank_side::add_ended(block_report block, const std::exception_ptr& error)
{
    if (error != nullptr) block.fail(rank_, error, policy_);
    for (const rank_failure& failed : block.failures) causes_.emplace(failed.index, failed.cause);
    if (policy_ == pd::on_failure::stop && !block.failures.empty()) halt_from(block.failures.front().index);
    ended_.push_back(std::move(block));
}

}  // namespace parmap::inline v0_2::mpi::detail
