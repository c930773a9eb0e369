// SPDX-License-Identifier: Apache-2.0
// The engines' view of oneTBB: tickets that threads of an arena take while the caller waits, and errands that they
// run while it does not.
#pragma once

#include <atomic>
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

/// What oneTBB orders, told to ThreadSanitizer, which cannot see into it: what comes before before_all(), then all
/// visits, on any threads, then what comes after after_all().
class order_of_threads {
public:
    /// What a thread does for another, as long as this lives.
    class visit {
    public:
        explicit visit(order_of_threads& order) noexcept : order_(order)
        {
            static_cast<void>(order_.begun_.load(std::memory_order_acquire));
        }
        visit(const visit&) = delete;
        visit& operator=(const visit&) = delete;
        ~visit() { order_.visits_.fetch_add(1, std::memory_order_release); }

    private:
        order_of_threads& order_;
    };

    void before_all() noexcept { begun_.store(true, std::memory_order_release); }
    void after_all() const noexcept { static_cast<void>(visits_.load(std::memory_order_acquire)); }

private:
    std::atomic<bool> begun_{false};
    std::atomic<int> visits_{0};
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

/// Threads that may run items for the calling thread: `workers`, or fewer in a narrower arena; one after a fork in the child.
int width_here(int workers) noexcept;

/// What threads do together that come when they are called and leave when there is nothing to do for them.
class shift {
public:
    /// Called on every thread that comes, with its number in the arena, below the team's width: no two threads have
    /// the same one at once.
    virtual void work(int thread) noexcept = 0;

protected:
    ~shift() = default;
};

/// The threads of an arena that work on one shift: the caller of run(), which waits until all have left, and those
/// that are called. What they run is to be run isolated(): then they help each other's algorithms while there is
/// nothing to do on the shift, and take up nothing of it in the middle of something else.
class team {
public:
    /// \param workers  threads to have at once, >= 1; fewer in a narrower arena
    explicit team(int workers);
    team(const team&) = delete;
    team& operator=(const team&) = delete;
    ~team();

    int width() const noexcept { return width_; }

    /// Has the calling thread work on the shift, and returns when it and all who were called have left; those whom a
    /// cancelled oneTBB task group around the caller kept away never came.
    /// \throws std::bad_alloc and what else oneTBB throws for want of resources; nobody has worked then.
    void run(shift& shift);

    /// Has another thread come to the shift, some time: all may be busy elsewhere. From within work().
    /// \throws std::bad_alloc and what else oneTBB throws for want of resources; nobody comes then.
    void call();

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
    isolated([](void* f) { (*static_cast<Function*>(f))(); }, &function);
}

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
