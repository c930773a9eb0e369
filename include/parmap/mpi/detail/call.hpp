// SPDX-License-Identifier: Apache-2.0
// The seam between typed algorithms and what carries them to other ranks: blocks are granted, run, and their results
// brought to rank 0 as bytes. Compiled once, in src/mpi/.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <parmap/detail/engine.hpp>
#include <parmap/errors.hpp>
#include <parmap/mpi/options.hpp>
#include <parmap/mpi/serializer.hpp>
#include <parmap/mpi/session.hpp>

namespace parmap::inline v0_2::mpi::detail {

/// Items that a rank was granted, and their results until they are sent.
class granted_block {
public:
    virtual ~granted_block() = default;

    /// Runs them, by their indices in the whole range.
    virtual parmap::detail::block_function function() const = 0;

    /// Writes the results of the items that returned.
    /// \param ran  how the block ended; its indices count from the first item of the block
    virtual void write_results(const parmap::detail::run_result& ran, writer& to) = 0;
};

/// A call, as those see it who deal its items out and carry its results.
class job {
public:
    virtual ~job() = default;

    /// Called once, when all ranks have agreed.
    /// \param size           items in all
    /// \param keeps_results  whether this rank is to have them
    /// \return the quantum: items that stay together
    virtual std::size_t prepare(std::size_t size, bool keeps_results) = 0;

    /// On rank 0: writes what other ranks need to run the items and do not have.
    virtual void write_elements(std::size_t begin, std::size_t end, writer& to) const = 0;

    /// Opens a block of this rank.
    /// \param elements  what write_elements() wrote; null on rank 0
    virtual std::unique_ptr<granted_block> open(std::size_t begin, std::size_t end, reader* elements) = 0;

    /// On rank 0: takes what write_results() wrote, on whichever rank.
    /// \return the failure of an item that shows only now
    virtual std::optional<parmap::detail::block_failure> keep(std::size_t begin, std::size_t end, reader& results) = 0;

    /// On rank 0, at the end: writes all results, for the other ranks.
    virtual void write_all(writer& to) const = 0;
    /// On the other ranks: takes them.
    virtual void keep_all(reader& results) = 0;
};

/// An item that failed, on whichever rank.
struct rank_failure {
    std::size_t index{};
    int rank{};
    std::string text{};
    std::exception_ptr cause{};  ///< on the rank where it was thrown

    /// As an exception, for who may want to throw it.
    PARMAP_EXPORT std::exception_ptr error() const;
};

/// How a call ended; the same on every rank, but for the failures of a try_map, of which only ranks with results know.
struct call_result {
    std::size_t size{};
    std::size_t completed{};
    stop_reason stopped{stop_reason::none};
    bool keeps_results{};
    std::vector<rank_failure> failures{};  ///< by increasing index

    /// \throws item_error of the lowest failure, else `cancelled` when items were left out
    PARMAP_EXPORT void throw_unless_complete() const;
};

/// What must be the same on every rank, or is rank 0's to say.
struct call_shape {
    std::string_view kind;  ///< "map"
    std::string types;      ///< of function and results
    std::size_t size{};     ///< items in all
    bool is_scattered{};    ///< rank 0 alone knows the size, and has the range
    parmap::detail::on_failure policy{parmap::detail::on_failure::stop};
};

/// One collective call. What a rank cannot do is told to all, so that none waits for it.
class PARMAP_EXPORT call {
public:
    /// Starts the clock of the timeout.
    /// \throws std::logic_error  when MPI cannot be used with this communicator on this thread
    call(MPI_Comm communicator, const options& requested);
    call(const call&) = delete;
    call& operator=(const call&) = delete;
    ~call();

    /// Does something that may throw; run() then throws on every rank.
    template <class Function>
    void attempt(const Function& function)
    {
        if (error_ != nullptr) return;
        try {
            function();
        } catch (...) {
            error_ = std::current_exception();
        }
    }

    /// Whether this is rank 0.
    bool is_root() const noexcept;

    /// Runs every item once, on all ranks together.
    /// \throws std::invalid_argument  on every rank: what differs, or what one could not do
    call_result run(job& job, const call_shape& shape);

private:
    struct state;

    std::unique_ptr<state> state_;
    std::exception_ptr error_;
};

}  // namespace parmap::inline v0_2::mpi::detail
