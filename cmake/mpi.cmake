# SPDX-License-Identifier: Apache-2.0
# parmap::mpi, a library of its own: programs that do not use it need no MPI. It calls MPI's C interface only.
set(MPI_DETERMINE_LIBRARY_VERSION TRUE)  # the launchers of the tests take different arguments
find_package(MPI 3.0 REQUIRED COMPONENTS CXX)

add_library(parmap_mpi ${PARMAP_MPI_SOURCES})
add_library(parmap::mpi ALIAS parmap_mpi)
list(TRANSFORM PARMAP_MPI_HEADERS PREPEND include/parmap/ OUTPUT_VARIABLE headers)
target_sources(parmap_mpi PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${headers})
target_include_directories(parmap_mpi PRIVATE src)
target_compile_definitions(parmap_mpi PUBLIC OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)  # without the C++ bindings, which MPI removed
target_link_libraries(parmap_mpi PUBLIC parmap MPI::MPI_CXX PRIVATE fmt::fmt)
set_target_properties(parmap_mpi PROPERTIES
    EXPORT_NAME mpi
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON
    INSTALL_RPATH $ORIGIN
    VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL}
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

# The library and its tests, which `./dev` builds a second time with another MPI.
add_custom_target(mpi DEPENDS parmap_mpi)
