// SPDX-License-Identifier: Apache-2.0
// The engine's view of oneTBB: tickets that threads of an arena take.
#pragma once

namespace parmap::detail::scheduler {

/// What the threads of an arena do together.
class job {
public:
    /// Called once for every ticket, each on one thread.
    virtual void work(int ticket) noexcept = 0;
    /// Called when a thread joins the arena, with its number there; a thread may join again.
    virtual void joined(int thread) noexcept = 0;

protected:
    ~job() = default;
};

/// Whether this process can fork work at all: not in a child forked after the scheduler was used.
bool usable() noexcept;

/// Runs the job's tickets 0 .. tickets-1 on at most `workers` threads, the caller among them, and
/// returns when all have returned; those that a cancelled oneTBB task group around the caller left
/// out never ran. Tells the job who joins when `watched`.
/// \throws std::bad_alloc and what else oneTBB throws for want of resources; no ticket is running then.
void run(job& job, int tickets, int workers, bool watched);

/// From inside a ticket: whether the task group around the caller was cancelled.
bool cancelled() noexcept;

}  // namespace parmap::detail::scheduler
