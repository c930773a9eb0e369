// SPDX-License-Identifier: Apache-2.0
// All of parmap, on one machine.
#pragma once

#include <parmap/errors.hpp>
#include <parmap/map.hpp>
#include <parmap/map_reduce.hpp>
#include <parmap/options.hpp>
#include <parmap/progress.hpp>
#include <parmap/progress_scope.hpp>
#include <parmap/stream.hpp>
#include <parmap/task_graph.hpp>
#include <parmap/trace.hpp>
#include <parmap/try_map.hpp>
#include <parmap/vector.hpp>
#include <parmap/workers.hpp>
#include <parmap/zip.hpp>

/// \namespace parmap
/// Ordered parallel maps with progress, exact errors and clean cancellation, on oneTBB.
