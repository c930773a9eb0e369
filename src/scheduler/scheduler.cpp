// SPDX-License-Identifier: Apache-2.0
// The only file that names oneTBB: arenas, the observer, parallel_for, contexts.
#include "scheduler/scheduler.hpp"

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>
#include <tbb/task_scheduler_observer.h>

#include "scheduler/workers.hpp"
#include "system/forks.hpp"

namespace parmap::inline v0_2::detail::scheduler {

namespace {

// oneTBB's threads do not survive a fork: in the child, calls run on the calling thread.
constinit std::atomic<bool> used{false};

const creator_process& process_that_used_it()
{
    static const creator_process first = [] {
        used.store(true, std::memory_order_release);
        return creator_process();
    }();
    return first;
}

// oneTBB knows the affinity mask, but before 2022.3 no cgroup quota, and never PARMAP_MAX_WORKERS. Several maps, each
// in an arena of its own, would together have a thread for every CPU of the machine. The limit is held for the process
// and never destroyed: maps may still run in static destructors. [[gnu::used]] keeps the pointer, which is never read:
// without it LeakSanitizer reports a leak.
void keep_to_the_cpus()
{
    [[gnu::used]] static const tbb::global_control* const limit = [] {
        const int cpus = cpus_within(detect_cpu_limits());
        return cpus < tbb::info::default_concurrency()
                   ? new tbb::global_control(tbb::global_control::max_allowed_parallelism,
                                             static_cast<std::size_t>(cpus))
                   : nullptr;
    }();
}

int most_threads()
{
    return static_cast<int>(tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism));
}

/// Makes the threads that a call may need before it needs them. oneTBB's threads make each other, and a thread that
/// cannot be made ends the process there; here, on the calling thread, it is an exception, and oneTBB is limited to the
/// threads that there are.
class thread_supply {
public:
    /// Makes threads until there are `wanted` in all, or as many as the system gives.
    /// \throws what oneTBB throws for want of memory
    void make(int wanted)
    {
        if (wanted <= made_.load(std::memory_order_acquire)) return;
        wanted = std::min(wanted, most_threads() - 1);
        if (wanted <= made_.load(std::memory_order_acquire)) return;
        const std::lock_guard lock(mutex_);
        if (wanted <= made_.load(std::memory_order_relaxed)) return;
        keep_threads();
        const round now(round_);
        int made = 0;
        try {
            for (; made != wanted; ++made) now.have_one_wait();
        } catch (const std::runtime_error&) {
            made = std::max(made, made_.load(std::memory_order_relaxed));
            limit_ = new tbb::global_control(tbb::global_control::max_allowed_parallelism,
                                             static_cast<std::size_t>(made) + 1);
        }
        made_.store(made, std::memory_order_release);
    }

private:
    /// Each thread waits until all are made: a thread that were free again would be counted twice.
    class round {
    public:
        explicit round(std::atomic<int>& number) : number_(number), mine_(number.load()) {}
        round(const round&) = delete;
        round& operator=(const round&) = delete;
        ~round()
        {
            number_.store(mine_ + 1);
            number_.notify_all();
        }

        void have_one_wait() const
        {
            tbb::task_arena(1, 0).enqueue([&number = number_, mine = mine_] { number.wait(mine); });
        }

    private:
        std::atomic<int>& number_;
        const int mine_;
    };

    // oneTBB ends its threads when the last thread that called it ends, unless an arena exists.
    static void keep_threads()
    {
        [[gnu::used]] static const tbb::task_arena* const kept = [] {
            auto arena = std::make_unique<tbb::task_arena>(1, 0);
            arena->initialize();
            return arena.release();
        }();
    }

    std::atomic<int> made_{0};
    std::mutex mutex_;
    std::atomic<int> round_{0};
    const tbb::global_control* limit_{nullptr};  // held for the process once a thread could not be made
};

/// The threads of oneTBB that a call uses beside its own. They exist before the call uses them.
class thread_demand {
public:
    /// \throws what oneTBB throws for want of memory
    explicit thread_demand(int threads) : own_(threads)
    {
        process_that_used_it();
        keep_to_the_cpus();
        supply.make(own_.all);
    }

private:
    struct share {
        explicit share(int threads) : mine(threads), all(threads + in_flight.fetch_add(threads)) {}
        share(const share&) = delete;
        share& operator=(const share&) = delete;
        ~share() { in_flight.fetch_sub(mine); }

        int mine;
        int all;
    };

    [[gnu::used]] static inline constinit thread_supply supply;
    static inline constinit std::atomic<int> in_flight{0};  // of all calls

    share own_;
};

/// Tells the job which threads join the arena in which the observer was made. Exits are not counted: oneTBB loses some.
class join_observer final : public tbb::task_scheduler_observer {
public:
    explicit join_observer(job& job) : job_(job) { observe(true); }
    join_observer(const join_observer&) = delete;
    join_observer& operator=(const join_observer&) = delete;
    // In this destructor, while the object still has this class: observe(false) waits for running callbacks.
    ~join_observer() override { observe(false); }

    void on_scheduler_entry(bool /*is_worker*/) override { job_.joined(tbb::this_task_arena::current_thread_index()); }

private:
    job& job_;
};

// oneTBB prints a warning when an arena is made for more threads than it may make.
int allowed(int threads)
{
    return std::min(threads, most_threads());
}

/// An arena that no other call uses meanwhile. Arenas are used again and never destroyed: oneTBB (2021.8) keeps the
/// memory of most arenas that are destroyed, some 10 kB each, and searches all of them.
class borrowed_arena {
public:
    /// \param with_caller  whether the threads include one that calls execute()
    explicit borrowed_arena(int threads, bool with_caller = true) : spare_(take(threads, with_caller)) {}
    borrowed_arena(const borrowed_arena&) = delete;
    borrowed_arena& operator=(const borrowed_arena&) = delete;
    ~borrowed_arena()
    {
        const std::lock_guard lock(mutex);
        spare_->next = std::exchange(spares, spare_);
    }

    tbb::task_arena* operator->() const noexcept { return &spare_->arena; }

private:
    struct spare {
        spare(int threads, bool for_caller) : arena(threads, for_caller ? 1 : 0), with_caller(for_caller) {}

        tbb::task_arena arena;
        bool with_caller;
        spare* next{nullptr};
    };

    static spare* take(int threads, bool with_caller)
    {
        {
            const std::lock_guard lock(mutex);
            for (spare** at = &spares; *at != nullptr; at = &(*at)->next) {
                const bool fits = (*at)->arena.max_concurrency() == threads && (*at)->with_caller == with_caller;
                if (fits) return std::exchange(*at, (*at)->next);
            }
        }
        return new spare(threads, with_caller);
    }

    static inline constinit std::mutex mutex;
    static inline constinit spare* spares = nullptr;

    spare* spare_;
};

/// Made on the calling thread: it gives every worker the caller's floating-point settings, and the cancellation of the
/// task group around the caller.
struct callers_group {
    tbb::task_group_context context{tbb::task_group_context::bound,
                                    tbb::task_group_context::default_traits | tbb::task_group_context::fp_settings};

    /// Binds the group to the caller's task group by an empty loop. To be called before another arena is entered, which
    /// would cut that chain.
    void bind()
    {
        tbb::parallel_for(
            0, 1, [](int) {}, context);
    }
};

/// Runs the workers in the current arena. Isolated: while the thread waits, it runs only tasks of the job, so the
/// caller may hold a lock.
void run_here(job& job, int count, bool watched, tbb::task_group_context& group)
{
    std::optional<join_observer> observer;
    if (watched) observer.emplace(job);
    tbb::this_task_arena::isolate([&] {
        tbb::parallel_for(
            tbb::blocked_range<int>(0, count, 1),
            [&job](const tbb::blocked_range<int>& range) {
                for (int worker = range.begin(); worker != range.end(); ++worker) job.work(worker);
            },
            tbb::simple_partitioner{}, group);
    });
}

/// The rounding mode and the treatment of denormal numbers on the calling thread.
std::fenv_t floating_point_settings() noexcept
{
    std::fenv_t settings{};
    std::fegetenv(&settings);
    return settings;
}

/// Gives the calling thread these settings in a scope.
class floating_point_scope {
public:
    explicit floating_point_scope(const std::fenv_t& settings) noexcept { std::fesetenv(&settings); }
    floating_point_scope(const floating_point_scope&) = delete;
    floating_point_scope& operator=(const floating_point_scope&) = delete;
    ~floating_point_scope() { std::fesetenv(&before_); }

private:
    const std::fenv_t before_{floating_point_settings()};
};

}  // namespace

bool usable() noexcept
{
    return !used.load(std::memory_order_acquire) || process_that_used_it().is_current();
}

void run(job& job, int count, int threads, bool watched)
{
    const thread_demand demand(threads - 1);
    callers_group group;

    const int width_here = tbb::this_task_arena::max_concurrency();
    if (width_here <= threads) {
        run_here(job, std::min(count, width_here), watched, group.context);
    } else {
        group.bind();
        const borrowed_arena arena(allowed(threads));
        arena->execute([&] { run_here(job, count, watched, group.context); });
    }
}

bool cancelled() noexcept
{
    return tbb::is_current_task_group_canceling();
}

int width_here(int workers) noexcept
{
    return usable() ? std::min(workers, tbb::this_task_arena::max_concurrency()) : 1;
}

struct thread_group::threads {
    threads(group_job& work, tbb::task_group_context& group) : shared(work), tasks(group) {}

    void join() { shared.work(tbb::this_task_arena::current_thread_index()); }

    group_job& shared;
    tbb::task_group tasks;
};

thread_group::thread_group(int workers) : workers_(workers), width_(width_here(workers)) {}

thread_group::~thread_group() = default;

void thread_group::run(group_job& job)
{
    const thread_demand demand(width_ - 1);
    callers_group group;
    threads_ = std::make_unique<threads>(job, group.context);
    const auto work_and_wait = [this] { threads_->tasks.run_and_wait([this] { threads_->join(); }); };
    if (tbb::this_task_arena::max_concurrency() < workers_) {
        // All runs in the caller's arena, which may hold other work of the caller.
        tbb::this_task_arena::isolate(work_and_wait);
    } else {
        // An arena of its own holds no other work, so the caller waits without isolation, and helps the algorithms that
        // the other threads call.
        group.bind();
        const borrowed_arena own(allowed(width_));
        own->execute(work_and_wait);
    }
    threads_.reset();
}

void thread_group::add_thread()
{
    threads_->tasks.run([this] { threads_->join(); });
}

void isolated(void (*function)(void*), void* argument)
{
    tbb::this_task_arena::isolate([=] { function(argument); });
}

struct arena::threads {
    explicit threads(int size) : demand(size), own(others(size), false) {}

    /// As many of oneTBB's threads as there are.
    static int others(int size)
    {
        const int threads = allowed(size + 1) - 1;
        if (threads == 0) throw std::runtime_error("parmap: there are no threads");
        return threads;
    }

    thread_demand demand;
    borrowed_arena own;
    const std::fenv_t settings{floating_point_settings()};  // an arena keeps those of its first use
};

arena::arena(int size) : threads_(std::make_unique<threads>(size)) {}

arena::~arena() = default;

void arena::enqueue(enqueued_task& task)
{
    // Isolated: a thread that waits inside an item runs no other task of the arena.
    threads_->own->enqueue([&task, settings = threads_->settings] {
        const floating_point_scope of_the_caller(settings);
        tbb::this_task_arena::isolate([&task] { task.run(); });
    });
}

}  // namespace parmap::inline v0_2::detail::scheduler
