// SPDX-License-Identifier: Apache-2.0
// Every algorithm where the system gives so many threads and no more, which root would not see under `ulimit -u`:
//     no_threads [THREADS [stream]]
// and under the limits that there are without a number. With "stream", that is the first call of all. Prints how many
// threads were made.
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <ranges>

#include <dlfcn.h>
#include <pthread.h>

#include <parmap/stream.hpp>

#include "everything.hpp"
#include "support/on_workers.hpp"

namespace {

std::atomic<int> to_be_had{std::numeric_limits<int>::max()};
std::atomic<int> made{0};

using create_function = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

create_function system_create()
{
    static const auto found = reinterpret_cast<create_function>(::dlsym(RTLD_NEXT, "pthread_create"));
    return found;
}

}  // namespace

// Before the C library's.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                              void* argument) noexcept
{
    if (to_be_had.fetch_sub(1) <= 0) {
        to_be_had = 0;
        return EAGAIN;
    }
    const int failed = system_create()(thread, attributes, run, argument);
    if (failed == 0) ++made;
    return failed;
}

int main(int argc, char** argv)
{
    using namespace parmap::testing;
    if (argc > 1) to_be_had = std::atoi(argv[1]);
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
    // With an arena around, and with those of the library's own; more workers than oneTBB's threads call at once.
    argc > 1 ? on_workers(most_workers, use) : use();
    if (argc > 1) with_cpus(most_workers - 1, use);
    std::printf("%d threads made\n", made.load());
}
