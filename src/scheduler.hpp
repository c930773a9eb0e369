// SPDX-License-Identifier: Apache-2.0
// The engines' view of oneTBB: tickets that threads of an arena take while the caller waits, and errands that they
// run while it does not.
#pragma once

#include <memory>

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

/// Whether the task group around the calling thread was cancelled.
bool cancelled() noexcept;

/// Threads that may run items for the calling thread: `workers`, or fewer in a narrower arena.
int width_here(int workers) noexcept;

/// Something that a thread is to do while the caller does not wait.
class errand {
public:
    virtual ~errand() = default;
    virtual void run() noexcept = 0;
};

/// Threads of oneTBB that run errands, with the floating-point settings of the thread that made the arena.
class arena {
public:
    /// \param size  threads to have at once, >= 1
    explicit arena(int size);
    arena(const arena&) = delete;
    arena& operator=(const arena&) = delete;
    ~arena();

    /// Has a thread run the errand, some time: all threads may be busy elsewhere, and the arena may be gone then.
    /// \throws std::bad_alloc and what else oneTBB throws for want of resources; it is not run then.
    void send(errand& errand);

private:
    struct threads;
    std::unique_ptr<threads> threads_;
};

}  // namespace parmap::detail::scheduler
