// SPDX-License-Identifier: Apache-2.0
#include "scheduler/worker_pool.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "system/sanitizers.hpp"

namespace parmap::inline v0_2::detail {

/// Which threads have joined, and whether more may.
class worker_pool::members final : public scheduler::enqueued_task {
public:
    members(job& work, int workers) : job_(work), taken_(static_cast<std::size_t>(workers), false) { not_a_leak(this); }
    members(const members&) = delete;
    members& operator=(const members&) = delete;
    ~members() override = default;

    /// One more owner: the pool, or a task that was enqueued.
    void add_owner() noexcept { owners_.fetch_add(1); }
    void remove_owner() noexcept
    {
        if (owners_.fetch_sub(1) == 1) delete this;
    }

    void run() noexcept override
    {
        happens_after(owners_);
        join([] {});
        remove_owner();
    }

    /// Lets no thread join any more, and waits for those that have.
    void close() noexcept
    {
        {
            std::unique_lock lock(mutex_);
            closed_ = true;
            changed_.notify_all();
            changed_.wait(lock, [this] { return joined_ == 0; });
        }
        if (!replacement_.joinable()) return;
        replacement_.join();
        replacement_exists.store(false);
    }

    /// Asks the replacement to join. \return whether there is one that had not joined
    bool wake_replacement() noexcept
    {
        const std::lock_guard lock(mutex_);
        if (!std::exchange(replacement_is_idle_, false)) return false;
        changed_.notify_all();
        return true;
    }

    bool make_replacement() noexcept
    {
        if (replacement_.joinable()) return true;
        if (replacement_exists.exchange(true)) return false;
        const std::lock_guard lock(mutex_);
        try {
            replacement_ = std::thread(&members::run_replacement, this);
            replacement_is_idle_ = true;
        } catch (...) {
            replacement_exists.store(false);
        }
        return replacement_is_idle_;
    }

private:
    static inline std::atomic<bool> replacement_exists{false};  // in this process

    /// \param at_leave  called under the lock when the work is done
    template <class AtLeave>
    void join(const AtLeave& at_leave) noexcept
    {
        std::unique_lock lock(mutex_);
        if (closed_) return;
        ++joined_;
        // There is a number for every thread of the arena and one for the replacement.
        const auto worker = static_cast<std::size_t>(std::ranges::find(taken_, false) - taken_.begin());
        taken_[worker] = true;
        lock.unlock();
        job_.work(static_cast<int>(worker));
        lock.lock();
        taken_[worker] = false;
        at_leave();
        lock.unlock();
        job_.worker_left();
        lock.lock();
        if (--joined_ == 0) changed_.notify_all();
    }

    void run_replacement() noexcept
    {
        std::unique_lock lock(mutex_);
        while (true) {
            changed_.wait(lock, [this] { return closed_ || !replacement_is_idle_; });
            if (closed_) return;
            lock.unlock();
            join([this] { replacement_is_idle_ = true; });
            lock.lock();
        }
    }

    job& job_;  // there until close() returns
    std::atomic<int> owners_{1};
    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::vector<bool> taken_;  // numbers of workers
    int joined_{0};
    bool closed_{false};
    bool replacement_is_idle_{false};
    std::thread replacement_;  // made and joined by the owner of the pool
};

worker_pool::worker_pool(job& work, int size)
    : arena_(size == 0 ? nullptr : std::make_unique<scheduler::arena>(size)),
      members_(new members(work, size + 1))
{
}

worker_pool::~worker_pool()
{
    close();
    if (scheduler::usable()) {
        members_->remove_owner();
    } else {
        static_cast<void>(arena_.release());
    }
}

void worker_pool::close() noexcept
{
    // Threads do not survive a fork: in the child there is none to wait for, and what they had locked stays locked.
    if (scheduler::usable()) members_->close();
}

void worker_pool::add_worker()
{
    if (members_->wake_replacement()) return;
    members_->add_owner();
    try {
        arena_->enqueue(*members_);
    } catch (...) {
        members_->remove_owner();
        throw;
    }
}

bool worker_pool::make_replacement() noexcept
{
    return members_->make_replacement();
}

}  // namespace parmap::inline v0_2::detail
