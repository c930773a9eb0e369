// SPDX-License-Identifier: Apache-2.0
// Every algorithm, also nested, works on threads with 64 KiB of stack.
#include <tbb/global_control.h>

#include "all_algorithms.hpp"
#include "support/on_workers.hpp"

int main()
{
    using namespace parmap::testing;
    const tbb::global_control small(tbb::global_control::thread_stack_size, 64 << 10);
    on_workers(most_workers, [] { expect_right("on small stacks", {.progress = loud("small"), .grain_size = 1}); });
}
