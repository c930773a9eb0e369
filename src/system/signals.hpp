// SPDX-License-Identifier: Apache-2.0
// Keeps signals away: SIGPIPE of a write from the program, every signal from a new thread.
#pragma once

#include <cerrno>
#include <csignal>
#include <string_view>

#include <unistd.h>

namespace parmap::inline v0_2::detail {

/// A SIGPIPE that one of its writes causes does not reach the program. One that another process sent does.
class sigpipe_guard {
public:
    sigpipe_guard() noexcept
    {
        sigset_t pending;
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        ::sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        ::pthread_sigmask(SIG_BLOCK, &pipe_, &previous_);
    }
    sigpipe_guard(const sigpipe_guard&) = delete;
    sigpipe_guard& operator=(const sigpipe_guard&) = delete;
    ~sigpipe_guard()
    {
        sigset_t pending;
        ::sigpending(&pending);
        if (broke_ && !was_pending_ && sigismember(&pending, SIGPIPE) == 1) {
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

/// Threads that start in this scope handle no signals: the program's own threads do.
class no_signals {
public:
    no_signals() noexcept
    {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &previous_);
    }
    no_signals(const no_signals&) = delete;
    no_signals& operator=(const no_signals&) = delete;
    ~no_signals() { ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }

private:
    sigset_t previous_{};
};

}  // namespace parmap::inline v0_2::detail
