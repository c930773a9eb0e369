// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include <parmap/progress.hpp>

#include "progress/reported_call.hpp"
#include "progress/screen.hpp"

namespace parmap::inline v0_2 {

void println(std::string_view line)
{
    const auto write = [line] {
        // Through the C library's buffer, so that it keeps its place among what std::cout writes.
        static_cast<void>(std::fwrite(line.data(), 1, line.size(), stdout));
        static_cast<void>(std::fputc('\n', stdout));
        static_cast<void>(std::fflush(stdout));
    };
    detail::without_lines_on_any_screen(write, std::chrono::steady_clock::now() + detail::write_patience);
}

}  // namespace parmap::inline v0_2
