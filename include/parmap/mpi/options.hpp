// SPDX-License-Identifier: Apache-2.0
// How a call on several ranks runs, and what it throws.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>

#include <parmap/detail/config.hpp>
#include <parmap/progress.hpp>

namespace parmap::inline v0_2::mpi {

/// Which ranks get the results of a call.
enum class results {
    on_root,    ///< rank 0; the others get none
    everywhere  ///< every rank
};

/// How a call runs. Name the fields you need; `timeout`, `grain_size` and `results` must be the same on every rank.
///
/// ```cpp
/// auto sums = parmap::mpi::map(MPI_COMM_WORLD, files, sha256, {.progress = "hashing"});
/// ```
struct options {
    /// Threads of this rank that run items; the calling thread serves MPI and runs none. Unset: the CPUs that the rank
    /// may use, shared with the other ranks that may use them. More than num_cpus(): num_cpus(). 0 counts as 1.
    /// Negative: std::invalid_argument.
    std::optional<int> max_workers{};

    /// Shows the progress of all ranks together. Only rank 0's is used.
    progress_sink progress{};

    /// Ends the call on every rank once a stop is requested on one.
    std::stop_token stop{};

    /// For the whole call, by rank 0's clock; it does not interrupt a running item. 0 or less: nothing runs.
    std::optional<std::chrono::nanoseconds> timeout{};

    /// Items in a block that a worker claims; 0: sized by the measured cost so that one takes about 50 us.
    std::size_t grain_size{0};

    /// Which ranks get the results.
    mpi::results results{mpi::results::on_root};
};

/// Thrown on every rank when an item failed on one; names the lowest that did.
class PARMAP_EXPORT item_error : public std::runtime_error {
public:
    /// The message names item, rank and text.
    /// \param index  position of the item in the range, from 0
    /// \param rank   where it ran
    /// \param text   the exception's own text
    /// \param cause  the exception itself, on the rank where it was thrown
    item_error(std::size_t index, int rank, std::string text, std::exception_ptr cause = nullptr);

    /// \return position of the item in the range, from 0.
    std::size_t index() const noexcept { return index_; }
    /// \return the rank on which it failed.
    int rank() const noexcept { return rank_; }
    /// \return what the exception says; "unknown exception" for a type not derived from std::exception.
    const std::string& text() const noexcept { return text_; }
    /// \return the exception itself on the rank where it was thrown; null on the others, as it cannot travel.
    const std::exception_ptr& cause() const noexcept { return cause_; }

private:
    std::size_t index_;
    int rank_;
    std::string text_;
    std::exception_ptr cause_;
};

}  // namespace parmap::inline v0_2::mpi
