// SPDX-License-Identifier: Apache-2.0
// The engines' view of oneTBB: workers that run while the caller waits, a group of threads that join and leave, and
// tasks that run while the caller does something else.
#pragma once

#include <memory>

namespace parmap::inline v0_2::detail::scheduler {

/// What several workers do while the caller waits.
class job {
public:
    /// Called once for every worker, each on one thread.
    virtual void work(int worker) noexcept = 0;
    /// Called when a thread joins the arena, with its number there; a thread may join again.
    virtual void joined(int thread) noexcept = 0;

protected:
    ~job() = default;
};

/// Whether this process can fork work at all: not in a child forked after the scheduler was used.
bool usable() noexcept;

/// Runs workers 0 .. count-1 of the job on at most `threads` threads, the caller among them, and returns when all have
/// returned; those that a cancelled oneTBB task group around the caller left out never ran. Tells the job which threads
/// join when `watched`.
/// \throws std::bad_alloc and what else oneTBB throws for want of resources; no worker is running then.
void run(job& job, int count, int threads, bool watched);

/// Whether the task group around the calling thread was cancelled.
bool cancelled() noexcept;

/// Threads that may run items for the calling thread: `workers`, or fewer in a narrower arena; one in a forked child.
int width_here(int workers) noexcept;

/// What threads do together that join when they are asked to and leave when there is nothing to do.
class group_job {
public:
    /// Called on every thread that joins, with its number in the arena, below the group's width: no two threads have
    /// the same one at once.
    virtual void work(int thread) noexcept = 0;

protected:
    ~group_job() = default;
};

/// The threads of an arena that work on one job: the caller of run(), which waits until all have left, and those that
/// are asked to join. What they run is to be run isolated(): then they help each other's algorithms while the job has
/// nothing to do, and take up no part of it in the middle of something else.
class thread_group {
public:
    /// \param workers  threads to have at once, >= 1; fewer in a narrower arena
    explicit thread_group(int workers);
    thread_group(const thread_group&) = delete;
    thread_group& operator=(const thread_group&) = delete;
    ~thread_group();

    int width() const noexcept { return width_; }

    /// Runs the job on the calling thread, and returns when it and all that joined have left; those that a cancelled
    /// oneTBB task group around the caller kept away never joined.
    /// \throws std::bad_alloc and what else oneTBB throws for want of resources; no thread has worked then.
    void run(group_job& job);

    /// Asks another thread to join. It may take some time: all may be busy elsewhere. From within work().
    /// \throws std::bad_alloc and what else oneTBB throws for want of resources; no thread joins then.
    void add_thread();

private:
    struct threads;

    int workers_;
    int width_;
    std::unique_ptr<threads> threads_;  // in run()
};

/// Calls `function`; where it waits inside, it takes up only what it has begun itself.
void isolated(void (*function)(void*), void* argument);

template <class Function>
void isolated(Function function)
{
    scheduler::isolated([](void* f) { (*static_cast<Function*>(f))(); }, &function);
}

/// Something that a thread does while the caller does something else.
class enqueued_task {
public:
    virtual ~enqueued_task() = default;
    virtual void run() noexcept = 0;
};

/// Threads of oneTBB that run tasks, with the floating-point settings of the thread that made the arena.
class arena {
public:
    /// \param size  threads to have at once, >= 1
    explicit arena(int size);
    arena(const arena&) = delete;
    arena& operator=(const arena&) = delete;
    ~arena();

    /// Has a thread run the task. It may take some time: all threads may be busy elsewhere, and the arena gone then.
    /// \throws std::bad_alloc and what else oneTBB throws for want of resources; the task is not run then.
    void enqueue(enqueued_task& task);

private:
    struct threads;
    std::unique_ptr<threads> threads_;
};

}  // namespace parmap::inline v0_2::detail::scheduler
