// SPDX-License-Identifier: Apache-2.0
// The interface between the templates of parmap::mpi and src/mpi/, which is compiled once: it grants blocks to ranks
// and carries elements and results as bytes.
#pragma once

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

namespace pd = parmap::detail;

/// The items that a rank was granted, and their results until they are sent.
class granted_block {
public:
    virtual ~granted_block() = default;

    /// Runs them, by their indices in the whole range.
    virtual pd::block_function function() const = 0;

    /// Writes the results of the items that returned; called once, when none runs any more.
    virtual void write_results(writer& to) = 0;
};

/// What a call does with its items and results, without their types.
class job {
public:
    virtual ~job() = default;

    /// Called once, when all ranks have agreed.
    /// \param size           items in all
    /// \param keeps_results  whether this rank gets the results
    /// \return the quantum: every block begins at a multiple of it
    virtual std::size_t prepare(std::size_t size, bool keeps_results) = 0;

    /// On rank 0: writes what other ranks need to run the items and do not have.
    virtual void write_elements(std::size_t begin, std::size_t end, writer& to) const = 0;

    /// Opens a block of this rank.
    /// \param elements  what write_elements() wrote; null on rank 0
    virtual std::unique_ptr<granted_block> open(std::size_t begin, std::size_t end, reader* elements) = 0;

    /// On rank 0: takes what write_results() wrote on any rank.
    /// \return the failure of an item that shows only now
    virtual std::optional<pd::block_failure> keep(std::size_t begin, std::size_t end, reader& results) = 0;

    /// On rank 0, at the end: writes all results for the other ranks.
    virtual void write_all(writer& to) const = 0;
    /// On the other ranks: takes them.
    virtual void keep_all(reader& results) = 0;
};

/// An item that failed on some rank.
struct rank_failure {
    std::size_t index{};
    int rank{};
    std::string text{};
    std::exception_ptr cause{};  ///< on the rank where it was thrown

    /// As an item_error.
    PARMAP_EXPORT std::exception_ptr error() const;
};

/// How a call ended: the same on every rank, but the failures of a try_map are only on ranks that keep results.
struct call_result {
    std::size_t size{};
    std::size_t completed{};
    stop_reason stopped{stop_reason::none};
    std::vector<rank_failure> failures{};  ///< by increasing index

    /// \throws item_error of the lowest failure, else `cancelled` when items were left out
    PARMAP_EXPORT void throw_unless_complete() const;
};

/// What must be the same on every rank, or is given by rank 0.
struct call_shape {
    std::string_view kind;  ///< "map"
    std::string types;      ///< of function and results
    std::size_t size{};     ///< items in all
    bool is_scattered{};    ///< only rank 0 has the range and knows its size
    pd::on_failure policy{pd::on_failure::stop};
};

/// One collective call. An error on one rank before the first item is thrown on all, so that no rank waits for the
/// one that failed.
class PARMAP_EXPORT call {
public:
    /// Starts the clock of the timeout.
    /// \throws std::logic_error  when MPI cannot be used with this communicator on this thread
    call(MPI_Comm communicator, const options& requested);
    call(const call&) = delete;
    call& operator=(const call&) = delete;
    ~call();

    /// Calls `function` unless an attempt has failed. If it throws, run() throws on every rank.
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

    bool is_root() const noexcept;  ///< rank 0

    /// Runs every item once, on all ranks together.
    /// \throws std::invalid_argument  on every rank: what differs between ranks, or a bad argument on one
    call_result run(job& job, const call_shape& shape);

private:
    struct state;

    std::unique_ptr<state> state_;
    std::exception_ptr error_;
};

}  // namespace parmap::inline v0_2::mpi::detail
