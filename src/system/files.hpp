// SPDX-License-Identifier: Apache-2.0
// Writes to files, pipes and terminals. SIGPIPE does not reach the program.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace parmap::inline v0_2::detail {

bool is_terminal(int fd) noexcept;

/// The width of a terminal now; empty when it is not known.
std::optional<int> columns_of(int fd) noexcept;

enum class write_result { written, dropped, broken };

/// A deadline that has passed, for a writer that does not wait.
inline constexpr std::chrono::steady_clock::time_point at_once{};

/// Writes a text with one write.
/// \return dropped when the file takes nothing until the deadline (a terminal after ^S), broken when it takes no more
write_result write_before(std::chrono::steady_clock::time_point deadline, int fd, std::string_view text) noexcept;

/// A new file, or an old one that is emptied first.
class output_file {
public:
    /// \throws std::system_error  with the path, when the file cannot be opened
    explicit output_file(const std::string& path);
    output_file(const output_file&) = delete;
    output_file& operator=(const output_file&) = delete;
    ~output_file();

    /// Writes all of the text.
    /// \throws std::system_error  when the file takes no more
    void write(std::string_view text);

private:
    const int fd_;
};

}  // namespace parmap::inline v0_2::detail
