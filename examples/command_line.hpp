// SPDX-License-Identifier: Apache-2.0
// Command-line options, exit codes and reading of files for the examples. Nothing here is about parmap.
#pragma once

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <exception>
#include <functional>
#include <iostream>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace command_line {

/// Wrong arguments, after which the usage is printed. parmap throws std::invalid_argument for a bad
/// PARMAP_MAX_WORKERS, where the usage is no help, so this is another type.
struct wrong_arguments : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The text as a whole number >= 0; nothing when it is none.
inline std::optional<int> number(std::string_view text)
{
    int n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc{} || end != text.data() + text.size() || n < 0) return std::nullopt;
    return n;
}

/// An option, and the function that takes its value.
struct option {
    std::string_view name;
    std::string_view value;  // such as "a number"; empty for an option without a value
    std::function<void(std::string_view)> set;
};

/// An option whose value is a whole number >= 0.
inline option number_option(std::string_view name, std::optional<int>& to)
{
    return {name, "a number", [name, &to](std::string_view text) {
                to = number(text);
                if (!to) {
                    throw wrong_arguments(std::string(name) + " " + std::string(text) + ": give a whole number >= 0");
                }
            }};
}

/// Sets each option among the words; "--" ends the options.
/// \return the other words; nothing after --help
/// \throws wrong_arguments that says what is wrong
inline std::optional<std::vector<std::string>> operands(const std::vector<std::string_view>& words,
                                                        const std::vector<option>& options)
{
    std::vector<std::string> rest;
    bool options_end = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string_view word = words[i];
        if (options_end || word == "-" || !word.starts_with('-')) {
            rest.emplace_back(word);
            continue;
        }
        options_end = word == "--";
        if (options_end) continue;
        if (word == "--help" || word == "-h") return std::nullopt;
        const auto found = std::ranges::find(options, word, &option::name);
        if (found == options.end()) throw wrong_arguments("unknown option " + std::string(word));
        const bool needs_value = !found->value.empty();
        if (needs_value && ++i == words.size()) {
            throw wrong_arguments(std::string(word) + " needs " + std::string(found->value));
        }
        found->set(needs_value ? words[i] : std::string_view());
    }
    return rest;
}

/// Sets the options, then calls `program` with the other arguments. Prints the usage for --help, and an exception on
/// stderr.
/// \return the exit code: that of `program`, 1 after an exception, 2 for wrong arguments
int run(std::string_view name, std::string_view usage, const std::vector<std::string_view>& words,
        const std::vector<option>& options, const auto& program)
{
    try {
        const auto given = operands(words, options);
        if (given) return program(*given);
        if (!(std::cout << usage << std::flush)) throw std::runtime_error("the output could not be written");
        return 0;
    } catch (const wrong_arguments& e) {
        std::cerr << name << ": " << e.what() << '\n' << usage;
        return 2;
    } catch (const std::exception& e) {
        std::cerr << name << ": " << e.what() << '\n';
        return 1;
    }
}

/// Returns `given`. \throws wrong_arguments when it is empty
inline const std::vector<std::string>& at_least_one(std::string_view what, const std::vector<std::string>& given)
{
    if (given.empty()) throw wrong_arguments("no " + std::string(what) + " was given");
    return given;
}

/// Reads at most as much as the buffer holds. \return the bytes read; 0 at the end
/// \throws std::system_error whose text begins with `name`
inline std::size_t read_some(int fd, std::span<std::byte> buffer, const std::string& name)
{
    while (true) {
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno != EINTR) throw std::system_error(errno, std::generic_category(), name);
    }
}

/// A file that closes itself. Its exceptions name the path.
class input_file {
public:
    explicit input_file(const std::string& path) : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC))
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
