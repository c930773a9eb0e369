# SPDX-License-Identifier: Apache-2.0
# parmap::mpi, a library of its own: who does not use it needs no MPI. MPI's C interface alone is called.
set(MPI_DETERMINE_LIBRARY_VERSION TRUE)  # the tests launch each by its own rules
find_package(MPI 3.0 REQUIRED COMPONENTS CXX)

add_library(parmap_mpi ${PARMAP_MPI_SOURCES})
add_library(parmap::mpi ALIAS parmap_mpi)
list(TRANSFORM PARMAP_MPI_HEADERS PREPEND include/parmap/ OUTPUT_VARIABLE headers)
target_sources(parmap_mpi PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${headers})
target_include_directories(parmap_mpi PRIVATE src)
target_compile_definitions(parmap_mpi PUBLIC OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)  # the C++ bindings that MPI gave up
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

# All of it, with what is tested: built a second time with another MPI.
add_custom_target(mpi DEPENDS parmap_mpi)
