# SPDX-License-Identifier: Apache-2.0
# Every header and source of the libraries, once: CMakeLists.txt builds and installs them, tests/check_layers.cmake holds
# the includes to their order, and the tests of the documentation read the headers.

# Public headers, below include/parmap, in layers: a header includes only what stands before it.
set(PARMAP_HEADERS
    version.hpp
    detail/config.hpp
    detail/block_function.hpp
    detail/invocation.hpp
    detail/elements.hpp
    detail/reduction_tree.hpp

    workers.hpp
    errors.hpp
    progress.hpp
    trace.hpp
    vector.hpp
    options.hpp

    detail/engine.hpp
    detail/stream_engine.hpp
    detail/slots.hpp
    detail/step.hpp

    map.hpp
    try_map.hpp
    map_reduce.hpp
    zip.hpp
    progress_scope.hpp

    stream.hpp
    task_graph.hpp

    parmap.hpp)

# Public headers of parmap::mpi, above all of those.
set(PARMAP_MPI_HEADERS
    mpi/serializer.hpp
    mpi/session.hpp
    mpi/options.hpp
    mpi/scatter.hpp

    mpi/detail/call.hpp
    mpi/detail/items.hpp
    mpi/detail/jobs.hpp

    mpi.hpp)

# Folders of src/, in layers: a file includes only what is in its own folder or in one before it.
set(PARMAP_SOURCE_FOLDERS system text scheduler trace progress engine stream graph mpi)

set(PARMAP_SOURCES
    src/system/cgroup_quota.cpp
    src/system/files.cpp
    src/system/memory.cpp
    src/system/process.cpp
    src/text/printable.cpp
    src/scheduler/scheduler.cpp
    src/scheduler/worker_pool.cpp
    src/scheduler/workers.cpp
    src/trace/lane.cpp
    src/trace/recorder.cpp
    src/progress/eta.cpp
    src/progress/line.cpp
    src/progress/report.cpp
    src/progress/reported_call.cpp
    src/progress/scope.cpp
    src/progress/screen.cpp
    src/progress/style.cpp
    src/engine/engine.cpp
    src/engine/errors.cpp
    src/engine/populate.cpp
    src/engine/zip.cpp
    src/stream/stream_engine.cpp
    src/graph/dot.cpp
    src/graph/graph_run.cpp
    src/graph/task_graph.cpp
    src/mpi/block_queue.cpp)  # without MPI, on the scheduler, which the library keeps to itself

set(PARMAP_MPI_SOURCES
    src/mpi/agreement.cpp
    src/mpi/call.cpp
    src/mpi/session.cpp
    src/mpi/transport.cpp)
