// SPDX-License-Identifier: Apache-2.0
// Every algorithm, with a bar and a trace, works outside of main: before and after it, in handlers of exit, and in
// destructors of thread_local objects.
#include <array>
#include <cstdlib>
#include <thread>

#include "all_algorithms.hpp"

namespace {

void use(const char* where)
{
    parmap::testing::expect_right(where,
                                  {.progress = parmap::testing::loud(where), .grain_size = 1, .trace = "/dev/null"});
}

struct at_both_ends {
    at_both_ends()
    {
        std::atexit([] { use("in a handler registered before the first use"); });
        use("before main");
    }
    at_both_ends(const at_both_ends&) = delete;
    at_both_ends& operator=(const at_both_ends&) = delete;
    ~at_both_ends() { use("after main"); }
} const program;

struct at_the_end_of_its_thread {
    explicit at_the_end_of_its_thread(const char* name) : thread(name) {}
    at_the_end_of_its_thread(const at_the_end_of_its_thread&) = delete;
    at_the_end_of_its_thread& operator=(const at_the_end_of_its_thread&) = delete;
    ~at_the_end_of_its_thread() { use(thread); }
    const char* thread;
};

}  // namespace

int main()
{
    static thread_local const at_the_end_of_its_thread of_main("at the end of the main thread");
    use("in main");
    std::thread([] {
        static thread_local const at_the_end_of_its_thread of_another("at the end of another thread");
    }).join();
    std::atexit([] { use("in a handler registered after the first use"); });
}
