// SPDX-License-Identifier: Apache-2.0
#include "system/files.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "system/signals.hpp"

namespace parmap::inline v0_2::detail {

bool is_terminal(int fd) noexcept
{
    return ::isatty(fd) == 1;
}

std::optional<int> columns_of(int fd) noexcept
{
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return std::nullopt;
    return size.ws_col;
}

write_result write_before(std::chrono::steady_clock::time_point deadline, int fd, std::string_view text) noexcept
{
    using std::chrono::milliseconds;
    constexpr milliseconds most(std::numeric_limits<int>::max());
    sigpipe_guard guard;
    while (true) {
        pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
        const auto now = std::chrono::steady_clock::now();
        const auto left = std::chrono::ceil<milliseconds>(std::max(deadline, now) - now);
        const int answer = ::poll(&ready, 1, static_cast<int>(std::min(left, most).count()));
        if (answer == 0) return write_result::dropped;
        if (answer > 0) {
            const ssize_t written = guard.write(fd, text);
            if (written >= 0) return write_result::written;
        }
        if (errno == EAGAIN) return write_result::dropped;
        if (errno != EINTR) return write_result::broken;
    }
}

output_file::output_file(const std::string& path)
    : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666))
{
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), path);
}

output_file::~output_file()
{
    ::close(fd_);
}

// NOLINTNEXTLINE(readability-make-member-function-const): it changes the file
void output_file::write(std::string_view text)
{
    sigpipe_guard guard;
    while (!text.empty()) {
        const ssize_t written = guard.write(fd_, text);
        if (written < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category());
        text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
}

}  // namespace parmap::inline v0_2::detail
