// SPDX-License-Identifier: Apache-2.0
// What the examples that are command-line programs share besides parmap: numbers among their arguments, exit codes,
// and input that is read piece by piece.
#pragma once

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <exception>
#include <iostream>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace command_line {

/// What the user got wrong. A type of its own: the run may throw std::invalid_argument too, for a bad
/// PARMAP_MAX_WORKERS, and the usage is no help with that.
struct wrong_arguments : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The whole number >= 0 that the text is, if it is one.
inline std::optional<int> number(std::string_view text)
{
    int n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc{} || end != text.data() + text.size() || n < 0) return std::nullopt;
    return n;
}

/// The number that an option is given. \throws wrong_arguments with a sentence about what is wrong.
inline int number_for(std::string_view option, std::string_view text)
{
    const std::optional<int> n = number(text);
    if (!n) {
        throw wrong_arguments(std::string(option) + " " + std::string(text) + ": give a whole number >= 0");
    }
    return *n;
}

/// Runs a program, and says on stderr what it throws.
/// \return what it returns; 1 for a failure, 2 for wrong arguments
int exit_code_of(std::string_view name, std::string_view usage, const auto& program)
{
    try {
        return program();
    } catch (const wrong_arguments& e) {
        std::cerr << name << ": " << e.what() << '\n' << usage;
        return 2;
    } catch (const std::exception& e) {
        std::cerr << name << ": " << e.what() << '\n';
        return 1;
    }
}

/// Reads what is there, up to the size of the buffer. \return the bytes read; 0 at the end
/// \throws std::system_error that has the name
inline std::size_t read_some(int fd, std::span<std::byte> buffer, const std::string& name)
{
    while (true) {
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno != EINTR) throw std::system_error(errno, std::generic_category(), name);
    }
}

/// A file that closes itself. What it throws names it.
class input_file {
public:
    explicit input_file(const std::string& path)
        : path_(path),
          fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC))
    {
        if (fd_ < 0) throw std::system_error(errno, std::generic_category(), path_);
    }
    input_file(const input_file&) = delete;
    input_file& operator=(const input_file&) = delete;
    ~input_file() { ::close(fd_); }

    /// As read_some().
    std::size_t read(std::span<std::byte> buffer) const { return read_some(fd_, buffer, path_); }

private:
    std::string path_;
    int fd_;
};

}  // namespace command_line
