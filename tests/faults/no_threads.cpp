// SPDX-License-Identifier: Apache-2.0
// Every algorithm in a process that can make only THREADS threads; `ulimit -u` does not limit root.
//     no_threads [THREADS [stream]]
// Without a number, the limits of the system hold. With "stream", a stream is the first call of the process. Prints how
// many threads were made.
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <ranges>

#include <dlfcn.h>
#include <pthread.h>

#include <parmap/stream.hpp>

#include "all_algorithms.hpp"
#include "support/on_workers.hpp"

namespace {

std::atomic<int> threads_left{std::numeric_limits<int>::max()};
std::atomic<int> made{0};

using create_function = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

create_function system_create()
{
    static const auto found = reinterpret_cast<create_function>(::dlsym(RTLD_NEXT, "pthread_create"));
    return found;
}

}  // namespace

// Replaces the C library's.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                              void* argument) noexcept
{
    if (threads_left.fetch_sub(1) <= 0) {
        threads_left = 0;
        return EAGAIN;
    }
    const int failed = system_create()(thread, attributes, run, argument);
    if (failed == 0) ++made;
    return failed;
}

int main(int argc, char** argv)
{
    using namespace parmap::testing;
    if (argc > 1) threads_left = std::atoi(argv[1]);
    if (argc > 2) {
        with_cpus(most_workers, [] {
            int next = 0;
            for (const int result : parmap::stream(std::views::iota(0, 1000), [](int i) { return i; })) {
                if (result != next++) std::abort();
            }
        });
    }
    const auto use = [] {
        for (int i = 0; i < 10; ++i) expect_right("limited", {.progress = loud("limited"), .grain_size = 1});
    };
    // Inside an arena, and with the library's own arenas; with more workers than there are threads of oneTBB.
    argc > 1 ? on_workers(most_workers, use) : use();
    if (argc > 1) with_cpus(most_workers - 1, use);
    std::printf("%d threads made\n", made.load());
}
