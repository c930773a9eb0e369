# SPDX-License-Identifier: Apache-2.0
# Holds the layers of include/ and src/ against their #include lines: includes point down only, within
# a layer to the left; public headers name neither oneTBB nor fmt; one source names oneTBB, one header MPI.
#   cmake -D ROOT=<project> -P check_layers.cmake
cmake_minimum_required(VERSION 3.25)
set(public_layers
    "detail/config.hpp detail/block_function.hpp detail/invocation.hpp detail/elements.hpp detail/reduction_tree.hpp"
    "workers.hpp errors.hpp progress.hpp trace.hpp vector.hpp options.hpp"
    "detail/engine.hpp detail/stream_engine.hpp detail/slots.hpp detail/step.hpp"
    "map.hpp try_map.hpp map_reduce.hpp zip.hpp progress_scope.hpp"
    "stream.hpp task_graph.hpp"
    "parmap.hpp"
    "mpi/serializer.hpp mpi/session.hpp mpi/options.hpp mpi/scatter.hpp"
    "mpi/detail/call.hpp mpi/detail/items.hpp mpi/detail/jobs.hpp"
    "mpi.hpp")
set(may_name_onetbb scheduler.cpp)
set(may_name_mpi mpi/session.hpp)

set(order)
foreach(layer IN LISTS public_layers)
    string(REPLACE " " ";" headers "${layer}")
    list(APPEND order ${headers})
endforeach()

file(GLOB_RECURSE headers RELATIVE ${ROOT}/include/parmap ${ROOT}/include/parmap/*.hpp)
file(GLOB_RECURSE sources RELATIVE ${ROOT}/src ${ROOT}/src/*)
if(NOT headers)
    message(FATAL_ERROR "no headers below ${ROOT}/include/parmap")
endif()

foreach(header IN LISTS headers)
    list(FIND order ${header} place)
    if(place EQUAL -1)
        message(SEND_ERROR "${header} has no place in the layers: add it to tests/check_layers.cmake")
    endif()
    file(STRINGS ${ROOT}/include/parmap/${header} includes REGEX "^ *# *include")
    foreach(line IN LISTS includes)
        if(line MATCHES "[<\"](tbb|oneapi|fmt)/")
            message(SEND_ERROR "${header} is public and names oneTBB or fmt: ${line}")
        elseif(line MATCHES "<mpi.h>" AND NOT header IN_LIST may_name_mpi)
            message(SEND_ERROR "${header} names MPI; only ${may_name_mpi} may")
        elseif(line MATCHES "<parmap/(.*)>")
            list(FIND order ${CMAKE_MATCH_1} target)
            if(target GREATER_EQUAL place OR target EQUAL -1)
                message(SEND_ERROR "${header} includes ${CMAKE_MATCH_1}, which is not below it")
            endif()
        elseif(line MATCHES "\"")
            message(SEND_ERROR "${header} is public and includes a private header: ${line}")
        endif()
    endforeach()
endforeach()

foreach(source IN LISTS sources)
    file(STRINGS ${ROOT}/src/${source} mpi REGEX "^ *# *include.*mpi\\.h>")
    if(mpi)
        message(SEND_ERROR "src/${source} includes mpi.h; <parmap/mpi/session.hpp> is where MPI comes from")
    endif()
    file(STRINGS ${ROOT}/src/${source} onetbb REGEX "^ *# *include *[<\"](tbb|oneapi)/")
    if(onetbb AND NOT source IN_LIST may_name_onetbb)
        message(SEND_ERROR "src/${source} names oneTBB; only ${may_name_onetbb} may: ${onetbb}")
    endif()
endforeach()
