// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

// Defined in a coverage build only.
extern "C" [[gnu::weak]] void __gcov_dump();  // NOLINT(bugprone-reserved-identifier)

namespace parmap::testing {

/// Ends the child of a fork as _exit does, without running destructors; coverage counts what the child ran.
[[noreturn]] inline void leave_child(int status)
{
    if (__gcov_dump != nullptr) __gcov_dump();
    ::_exit(status);
}

}  // namespace parmap::testing
