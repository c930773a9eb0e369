// SPDX-License-Identifier: Apache-2.0
// How a call reports that it did not run to its end.
#pragma once

#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

#include <parmap/detail/config.hpp>

namespace parmap::inline v0_2 {

/// Why a call ended before it started every item.
enum class stop_reason {
    none,            ///< every item was started
    stop_requested,  ///< options::stop, or the oneTBB task group around the call was cancelled
    timed_out        ///< options::timeout
};

/// Thrown when a stop or a timeout left items that never started.
///
/// ```cpp
/// try {
///     parmap::for_each(files, convert, {.timeout = std::chrono::seconds(30)});
/// } catch (const parmap::cancelled& c) {
///     std::cerr << c.what() << '\n';  // "parmap: timed out after 42 of 100 items"
/// }
/// ```
class PARMAP_EXPORT cancelled : public std::runtime_error {
public:
    /// \param reason     what ended the call
    /// \param completed  items that returned
    /// \param total      items in all
    /// \param counted    what `completed` and `total` count, for the message
    cancelled(stop_reason reason, std::size_t completed, std::size_t total, std::string_view counted = "items");

    /// \return what ended the call: a stop request or the timeout.
    stop_reason reason() const noexcept { return reason_; }
    /// \return items that returned; of a task graph, steps.
    std::size_t completed() const noexcept { return completed_; }
    /// \return items of the range; of a task graph, its steps.
    std::size_t total() const noexcept { return total_; }

private:
    stop_reason reason_;
    std::size_t completed_;
    std::size_t total_;
};

/// One item's failure, as `try_map` reports it.
struct failure {
    std::size_t index;         ///< position of the item in the range, from 0
    std::exception_ptr error;  ///< what the function threw for it

    /// \return the exception's own text; "unknown exception" for a type not derived from std::exception.
    PARMAP_EXPORT std::string what() const;
};

}  // namespace parmap::inline v0_2
