// SPDX-License-Identifier: Apache-2.0
// Threads that join when they are asked to and leave when they like: oneTBB's, and one that replaces the calling thread
// while it sleeps. Names no oneTBB.
#pragma once

#include <memory>

#include "scheduler/scheduler.hpp"

namespace parmap::inline v0_2::detail {

class worker_pool {
public:
    /// What the workers do.
    class job {
    public:
        virtual ~job() = default;
        /// Called on a thread that joined, with a number below size + 1 that no other thread has meanwhile.
        virtual void work(int worker) noexcept = 0;
        /// Called after that, when the thread may be asked to join again.
        virtual void worker_left() noexcept = 0;
    };

    /// \param size  oneTBB's threads to have at once; 0: the replacement alone
    worker_pool(job& work, int size);
    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;
    ~worker_pool();

    /// Returns when every thread that joined has left. None joins afterwards.
    void close() noexcept;

    /// Asks one more thread to join. It may take some time: all may be busy elsewhere. To be called as long as fewer
    /// than size, and the replacement, were asked and have not left.
    /// \throws std::bad_alloc and what else oneTBB throws for want of resources; no thread joins then.
    void add_worker();

    /// Makes a thread that takes the place of the calling thread while that sleeps, and is asked to join like the
    /// others. There is one for the process, so that no more threads are made than there are CPUs.
    /// \return whether this pool has it now
    bool make_replacement() noexcept;

private:
    class members;

    std::unique_ptr<scheduler::arena> arena_;
    members* members_;  // counts its owners: threads may join when the pool is gone
};

}  // namespace parmap::inline v0_2::detail
