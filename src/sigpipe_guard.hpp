// SPDX-License-Identifier: Apache-2.0
// Writing to what nobody reads any more is an error, not the end of the program.
#pragma once

#include <cerrno>
#include <csignal>
#include <string_view>

#include <unistd.h>

namespace parmap::detail {

/// Keeps a SIGPIPE that one of its writes causes from the program; one that somebody sent is the program's.
class sigpipe_guard {
public:
    sigpipe_guard() noexcept
    {
        sigset_t pending;
        ::sigemptyset(&pipe_);
        ::sigaddset(&pipe_, SIGPIPE);
        ::sigpending(&pending);
        was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
        ::pthread_sigmask(SIG_BLOCK, &pipe_, &previous_);
    }
    sigpipe_guard(const sigpipe_guard&) = delete;
    sigpipe_guard& operator=(const sigpipe_guard&) = delete;
    ~sigpipe_guard()
    {
        sigset_t pending;
        ::sigpending(&pending);
        if (broke_ && !was_pending_ && ::sigismember(&pending, SIGPIPE) == 1) {
            int taken = 0;
            ::sigwait(&pipe_, &taken);
        }
        ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
    }

    /// As ::write.
    ssize_t write(int fd, std::string_view text) noexcept
    {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EPIPE) broke_ = true;
        return written;
    }

private:
    sigset_t pipe_{};
    sigset_t previous_{};
    bool was_pending_{};
    bool broke_{false};
};

}  // namespace parmap::detail
