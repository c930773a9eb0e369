// SPDX-License-Identifier: Apache-2.0
// A range that only rank 0 has.
#pragma once

#include <ranges>
#include <utility>

#include <parmap/detail/config.hpp>

namespace parmap::inline v0_2::mpi {

/// A range that only rank 0 has: its elements travel to the ranks that run them.
template <std::ranges::input_range Range>
struct scattered {
    Range&& range;  ///< rank 0's
};

/// Marks a range that only rank 0 has. Other ranks give one of the same type, which is not read.
///
/// ```cpp
/// std::vector<std::string> lines;
/// if (mpi.rank() == 0) lines = read_lines("input.txt");
/// auto lengths = parmap::mpi::map(MPI_COMM_WORLD, parmap::mpi::scatter(lines), &std::string::size);
/// ```
///
/// \param range  as parmap::for_each takes it, of elements that can travel: see serializer.hpp
/// \return what map and its relatives take in place of a range.
template <std::ranges::input_range Range>
scattered<Range> scatter(Range&& range)
{
    return {std::forward<Range>(range)};
}

}  // namespace parmap::inline v0_2::mpi
