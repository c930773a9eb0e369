// SPDX-License-Identifier: Apache-2.0
#include "crew.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace parmap::detail {

/// Who is at work, and whether anybody may still come in.
class crew::entrance final : public scheduler::errand {
public:
    entrance(job& work, int tickets) : job_(work), taken_(static_cast<std::size_t>(tickets), false)
    {
        const std::lock_guard lock(known().mutex);
        known().entrances.insert(this);
    }
    entrance(const entrance&) = delete;
    entrance& operator=(const entrance&) = delete;
    ~entrance() override
    {
        const std::lock_guard lock(known().mutex);
        known().entrances.erase(this);
    }

    /// One more owner: the crew, or a call.
    void hold() noexcept { owners_.fetch_add(1); }
    void let_go() noexcept
    {
        if (owners_.fetch_sub(1) == 1) delete this;
    }

    void run() noexcept override
    {
        // After the call. oneTBB sees to that, but ThreadSanitizer cannot look into it.
        static_cast<void>(owners_.load());
        come([] {});
        let_go();
    }

    /// Lets nobody in any more, and waits for those inside.
    void close() noexcept
    {
        {
            std::unique_lock lock(mutex_);
            closed_ = true;
            changed_.notify_all();
            changed_.wait(lock, [this] { return inside_ == 0; });
        }
        if (!stand_in_.joinable()) return;
        stand_in_.join();
        lent.store(false);
    }

    /// Has the stand-in come, if there is one and it is not there yet.
    bool call_stand_in() noexcept
    {
        const std::lock_guard lock(mutex_);
        if (!std::exchange(stand_in_is_free_, false)) return false;
        changed_.notify_all();
        return true;
    }

    bool have_stand_in() noexcept
    {
        if (stand_in_.joinable()) return true;
        if (lent.exchange(true)) return false;
        const std::lock_guard lock(mutex_);
        try {
            stand_in_ = std::thread([this] { stand_in(); });
            stand_in_is_free_ = true;
        } catch (...) {
            lent.store(false);
        }
        return stand_in_is_free_;
    }

private:
    /// All there are. A call that nobody has answered when the program ends is in oneTBB's own memory, where
    /// LeakSanitizer does not look for what it refers to. Never destroyed: threads may answer until the very end.
    struct registry {
        std::mutex mutex;
        std::set<const entrance*> entrances;
    };
    static registry& known()
    {
        static auto* const all = new registry;
        return *all;
    }

    static inline std::atomic<bool> lent{false};  // the one stand-in of the process

    /// \param at_leave  called under the lock when the work is done
    template <class AtLeave>
    void come(const AtLeave& at_leave) noexcept
    {
        std::unique_lock lock(mutex_);
        if (closed_) return;
        ++inside_;
        // There is one for every thread of the arena and one for the stand-in.
        const auto ticket = static_cast<std::size_t>(std::ranges::find(taken_, false) - taken_.begin());
        taken_[ticket] = true;
        lock.unlock();
        job_.work(static_cast<int>(ticket));
        lock.lock();
        taken_[ticket] = false;
        at_leave();
        lock.unlock();
        job_.left();
        lock.lock();
        if (--inside_ == 0) changed_.notify_all();
    }

    void stand_in() noexcept
    {
        std::unique_lock lock(mutex_);
        while (true) {
            changed_.wait(lock, [this] { return closed_ || !stand_in_is_free_; });
            if (closed_) return;
            lock.unlock();
            come([this] { stand_in_is_free_ = true; });
            lock.lock();
        }
    }

    job& job_;  // there until close() returns
    std::atomic<int> owners_{1};
    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::vector<bool> taken_;  // tickets
    int inside_{0};
    bool closed_{false};
    bool stand_in_is_free_{false};
    std::thread stand_in_;  // made and joined by the owner of the crew
};

crew::crew(job& work, int size)
    : arena_(size == 0 ? nullptr : std::make_unique<scheduler::arena>(size)),
      entrance_(new entrance(work, size + 1))
{
}

crew::~crew()
{
    close();
    if (scheduler::usable()) {
        entrance_->let_go();
    } else {
        static_cast<void>(arena_.release());
    }
}

void crew::close() noexcept
{
    // Threads do not survive a fork: in the child there is nobody to wait for, and what they had locked stays so.
    if (scheduler::usable()) entrance_->close();
}

void crew::call()
{
    if (entrance_->call_stand_in()) return;
    entrance_->hold();
    try {
        arena_->send(*entrance_);
    } catch (...) {
        entrance_->let_go();
        throw;
    }
}

bool crew::have_stand_in() noexcept
{
    return entrance_->have_stand_in();
}

}  // namespace parmap::detail
