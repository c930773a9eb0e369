// SPDX-License-Identifier: Apache-2.0
// map, for_each, try_map and map_reduce on every CPU of every rank of an MPI communicator. Every rank makes the same
// call with the same range, function and options; rank 0 grants blocks of items to all and gets the results.
#pragma once

#include <type_traits>
#include <utility>

#include <parmap/map_reduce.hpp>
#include <parmap/mpi/detail/call.hpp>
#include <parmap/mpi/detail/jobs.hpp>
#include <parmap/mpi/options.hpp>
#include <parmap/mpi/scatter.hpp>
#include <parmap/mpi/serializer.hpp>
#include <parmap/mpi/session.hpp>
#include <parmap/try_map.hpp>

/// \namespace parmap::mpi
/// The same maps over the ranks of an MPI communicator.
namespace parmap::inline v0_2::mpi {

/// Calls `fn` on every element of `range`, in parallel on all ranks, and drops what it returns. Collective: every rank
/// of the communicator makes the same call.
///
/// ```cpp
/// parmap::mpi::for_each(MPI_COMM_WORLD, frames, render, {.progress = "rendering"});
/// ```
///
/// \param communicator  an intracommunicator. The call uses a duplicate, which lives as long as the communicator.
/// \param range         as parmap::for_each takes it, the same on every rank; or scatter(range). Changes that `fn`
///                      makes to elements stay on the rank that ran it.
/// \param fn            as parmap::for_each takes it. It must not call MPI.
/// \param options       see mpi/options.hpp.
/// \throws item_error             on every rank: an item failed, and this is the lowest that did.
/// \throws cancelled              on every rank: a stop on any of them or the timeout left items that never started.
/// \throws std::invalid_argument  on every rank: bad options on one, or a rank that differs; nothing ran.
/// \throws std::logic_error       MPI cannot be used here; the text says what to do.
///
/// Complexity: one call of `fn` an element, on some rank. Rank 0 grants about 4 blocks for each worker and each
/// doubling of the range; once the cost of an item is known, none but the last has less than 1 ms of work.
template <class Source, class Fn>
void for_each(MPI_Comm communicator, Source&& range, const Fn& fn, const options& options = {})
{
    using items = detail::items_of<Source>;
    if constexpr (items::check() && parmap::detail::check_callable<Fn, typename items::element>()) {
        detail::call all(communicator, options);
        items read;
        detail::map_job<items, Fn, void, false> job(read, fn);
        detail::run(all, job, read, range, "for_each", detail::names_of<Fn>()).throw_unless_complete();
    }
}

/// Calls `fn` on every element of `range`, in parallel on all ranks, and gives the results in input order. Collective.
///
/// ```cpp
/// auto sums = parmap::mpi::map(MPI_COMM_WORLD, files, sha256, {.progress = "hashing"});
/// ```
///
/// Exceptions and complexity as \ref for_each.
///
/// \param communicator,range,fn,options  as for_each takes them. What `fn` returns must be able to travel: see
///                                       mpi/serializer.hpp.
/// \return the results on rank 0, or on every rank by options::results; empty on ranks that get none. Nothing when `fn`
///         returns void.
template <class Source, class Fn>
auto map(MPI_Comm communicator, Source&& range, const Fn& fn, const options& options = {})
{
    using items = detail::items_of<Source>;
    if constexpr (items::check() && parmap::detail::check_callable<Fn, typename items::element>()) {
        using result = parmap::detail::item_result_t<Fn, typename items::element>;
        if constexpr (std::is_void_v<result>) {
            mpi::for_each(communicator, range, fn, options);
        } else if constexpr (detail::check_result<result>()) {
            detail::call all(communicator, options);
            items read;
            detail::map_job<items, Fn, result, false> job(read, fn);
            detail::run(all, job, read, range, "map", detail::names_of<Fn, result>()).throw_unless_complete();
            return job.take();
        }
    }
}

/// Calls `fn` on every element of `range`, in parallel on all ranks, and gives every result and every failure.
/// Collective.
///
/// ```cpp
/// auto sizes = parmap::mpi::try_map(MPI_COMM_WORLD, files, count_lines);
/// for (const parmap::failure& f : sizes.failures) std::cerr << f.what() << '\n';
/// ```
///
/// Complexity as \ref for_each.
///
/// \param communicator,range,fn,options  as map takes them.
/// \return the outcome on rank 0, or on every rank by options::results; without values and failures on ranks that get
///         none. Errors are item_errors.
/// \throws std::invalid_argument,std::logic_error  as for_each
template <class Source, class Fn>
auto try_map(MPI_Comm communicator, Source&& range, const Fn& fn, const options& options = {})
{
    using items = detail::items_of<Source>;
    if constexpr (items::check() && parmap::detail::check_callable<Fn, typename items::element>()) {
        using result = parmap::detail::item_result_t<Fn, typename items::element>;
        outcome<result> out;
        if constexpr (detail::check_result<result>()) {
            detail::call all(communicator, options);
            items read;
            detail::map_job<items, Fn, result, true> job(read, fn);
            const detail::call_result ended = detail::run(
                all, job, read, range, "try_map", detail::names_of<Fn, result>(), parmap::detail::on_failure::proceed);
            out.stopped = ended.stopped;
            for (const detail::rank_failure& failed : ended.failures) {
                out.failures.push_back({failed.index, failed.error()});
            }
            if constexpr (std::is_void_v<result>) {
                for (const auto& done : job.take()) out.done.push_back(done.has_value());
            } else {
                out.values = job.take();
            }
        }
        return out;
    }
}

/// Combines what `fn` gives for each element of `range`, in parallel on all ranks and in index order. Collective. The
/// same bits as parmap::map_reduce gives on one machine, for any number of ranks and workers.
///
/// ```cpp
/// double pi = 4 * parmap::mpi::map_reduce(MPI_COMM_WORLD, samples, is_inside, 0.0, std::plus{}) / n;
/// ```
///
/// Exceptions and complexity as \ref for_each; at most 4096 partial results travel. What `op` throws counts as the
/// failure of an item whose result it combined.
///
/// \param communicator,range,fn,options  as map takes them.
/// \param init,op                        as parmap::map_reduce takes them; the type of init must be able to travel.
///                                       `op` also runs on the calling thread of rank 0.
/// \return the result on rank 0, or on every rank by options::results; `init` on ranks that get none.
template <class Source, class Fn, class T, class Op>
T map_reduce(MPI_Comm communicator, Source&& range, const Fn& fn, T init, const Op& op, const options& options = {})
{
    using items = detail::items_of<Source>;
    if constexpr (items::check() && parmap::detail::check_callable<Fn, typename items::element>() &&
                  parmap::detail::check_combines<Op, T>() && detail::check_result<T>()) {
        if constexpr (parmap::detail::check_converts<Fn, typename items::element, T>()) {
            detail::call all(communicator, options);
            items read;
            detail::reduce_job<items, Fn, T, Op> job(read, fn, std::move(init), op);
            detail::run(all, job, read, range, "map_reduce", detail::names_of<Fn, T, Op>()).throw_unless_complete();
            return std::move(job.result());
        }
    }
}

}  // namespace parmap::inline v0_2::mpi
