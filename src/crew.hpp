// SPDX-License-Identifier: Apache-2.0
// Threads that come to work when they are called, and go when they like: oneTBB's, and one that stands in for the
// calling thread while that sleeps. Knows no oneTBB.
#pragma once

#include <memory>

#include "scheduler.hpp"

namespace parmap::detail {

class crew {
public:
    /// What they come for.
    class job {
    public:
        virtual ~job() = default;
        /// Called on a thread that came, with a ticket that no other has meanwhile, below size + 1.
        virtual void work(int ticket) noexcept = 0;
        /// Called after that, when the thread may be called again.
        virtual void left() noexcept = 0;
    };

    /// \param size  oneTBB's threads to have at once; 0: the stand-in alone
    crew(job& work, int size);
    crew(const crew&) = delete;
    crew& operator=(const crew&) = delete;
    ~crew();

    /// Returns when every thread that came has gone. None comes afterwards.
    void close() noexcept;

    /// Has one more thread come, some time: they may all be busy elsewhere. To be called as long as fewer than
    /// size, and the stand-in, were called and have not left.
    /// \throws std::bad_alloc and what else oneTBB throws for want of resources; nobody comes then.
    void call();

    /// Makes a thread that takes the calling one's place when that is about to sleep, and is called like the others.
    /// There is one for the process, so that no more threads are made than there are CPUs.
    /// \return whether this crew has it now
    bool have_stand_in() noexcept;

private:
    class entrance;

    std::unique_ptr<scheduler::arena> arena_;
    entrance* entrance_;  // counts its owners: threads may come when the crew is gone
};

}  // namespace parmap::detail
