// SPDX-License-Identifier: Apache-2.0
// A program's own definitions of these functions replace those of the C library, also inside the C++ library.
#include "fake_clock.hpp"

#include <atomic>
#include <cstdint>

#include <dlfcn.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr std::int64_t second = 1'000'000'000;

constinit std::atomic<std::int64_t> ahead{0};
constinit std::atomic<std::int64_t> ahead_in_next_wait{0};
constinit std::atomic<std::int64_t> step{1};
constinit std::atomic<std::int64_t> stopped_at{0};  // 0: the clock runs
constinit std::atomic<int> times_resumed{0};

/// What a thread spent; it counts until the clock is resumed.
struct own_time {
    int until{0};
    std::int64_t ns{0};
};
constinit thread_local own_time own{};

std::int64_t spent()
{
    return own.until == times_resumed ? own.ns : 0;
}

std::int64_t in_ns(const timespec& time)
{
    return time.tv_sec * second + time.tv_nsec;
}

timespec as_timespec(std::int64_t ns)
{
    return {.tv_sec = ns / second, .tv_nsec = ns % second};
}

std::int64_t true_now()
{
    timespec now{};
    ::syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return in_ns(now);
}

std::int64_t fake_now()
{
    const std::int64_t stopped = stopped_at;
    const std::int64_t now = (stopped != 0 ? stopped : true_now()) + ahead + spent();
    return now - now % step;
}

}  // namespace

extern "C" int clock_gettime(clockid_t id, timespec* now) noexcept
{
    if (id != CLOCK_MONOTONIC) return static_cast<int>(::syscall(SYS_clock_gettime, id, now));
    *now = as_timespec(fake_now());
    return 0;
}

extern "C" int pthread_cond_clockwait(pthread_cond_t* changed, pthread_mutex_t* mutex, clockid_t id,
                                      const timespec* until)
{
    using function = int (*)(pthread_cond_t*, pthread_mutex_t*, clockid_t, const timespec*);
    static const auto original = reinterpret_cast<function>(::dlsym(RTLD_NEXT, "pthread_cond_clockwait"));
    const timespec by_the_true_clock = as_timespec(true_now() + in_ns(*until) - fake_now());
    ahead += ahead_in_next_wait.exchange(0);
    return original(changed, mutex, id, id == CLOCK_MONOTONIC ? &by_the_true_clock : until);
}

namespace parmap::testing::fake_clock {

void jump(std::chrono::nanoseconds by) noexcept
{
    ahead += by.count();
}

void jump_in_next_wait(std::chrono::nanoseconds by) noexcept
{
    ahead_in_next_wait = by.count();
}

void tick_every(std::chrono::nanoseconds length) noexcept
{
    step = length.count();
}

void stand_still() noexcept
{
    stopped_at = true_now();
}

void spend(std::chrono::nanoseconds time) noexcept
{
    own = {times_resumed, spent() + time.count()};
}

void go_on() noexcept
{
    if (stopped_at == 0) return;
    ahead += stopped_at + spent() - true_now();
    ++times_resumed;
    stopped_at = 0;
}

}  // namespace parmap::testing::fake_clock
