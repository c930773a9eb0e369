# SPDX-License-Identifier: Apache-2.0
# Installs the library for find_package(parmap) and for pkg-config. Both find it in the build tree too.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/parmap)

# Where what runs a program is a package of its own, it takes the component Runtime, and Development has the rest.
function(parmap_install target export)
    install(TARGETS ${target} EXPORT ${export}
            FILE_SET HEADERS COMPONENT Development
            RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT Runtime
            LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT Runtime NAMELINK_COMPONENT Development
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT Development)
    install(EXPORT ${export} NAMESPACE parmap:: DESTINATION ${package_dir} COMPONENT Development)
    export(EXPORT ${export} NAMESPACE parmap:: FILE ${PROJECT_BINARY_DIR}/${export}.cmake)
endfunction()
parmap_install(parmap parmap-targets)
if(PARMAP_MPI)
    # A file of its own: a program that asks for no component needs no MPI.
    parmap_install(parmap_mpi parmap-mpi-targets)
endif()
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT Development)

# A static library's users link what it is built on, a shared one's do not.
get_target_property(parmap_type parmap TYPE)
if(parmap_type STREQUAL "STATIC_LIBRARY")
    set(parmap_is_static TRUE)
    set(pc_requires "Requires")
else()
    set(parmap_is_static FALSE)
    set(pc_requires "Requires.private")
    set(pc_definitions " -DPARMAP_SHARED")
endif()

configure_package_config_file(cmake/parmap-config.cmake.in parmap-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(parmap-config-version.cmake COMPATIBILITY SameMinorVersion)
file(APPEND ${PROJECT_BINARY_DIR}/parmap-config-version.cmake [[
# A range means every version in it.
if(PACKAGE_FIND_VERSION_RANGE AND PACKAGE_VERSION VERSION_GREATER_EQUAL PACKAGE_FIND_VERSION_MIN AND
   (PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION_MAX OR
    (PACKAGE_FIND_VERSION_RANGE_MAX STREQUAL "INCLUDE" AND PACKAGE_VERSION VERSION_EQUAL PACKAGE_FIND_VERSION_MAX)))
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
]])
install(FILES ${PROJECT_BINARY_DIR}/parmap-config.cmake ${PROJECT_BINARY_DIR}/parmap-config-version.cmake
        DESTINATION ${package_dir} COMPONENT Development)

# The prefix is found from where the file lies, so that `cmake --install --prefix` may choose it.
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
    set(pc_prefix ${CMAKE_INSTALL_PREFIX})
else()
    file(RELATIVE_PATH pc_up /${pkgconfig_dir} /)
    set(pc_prefix "\${pcfiledir}/${pc_up}")
endif()
# GNUInstallDirs may be absolute; then the prefix is no part of them.
cmake_path(APPEND pc_libdir "\${prefix}" ${CMAKE_INSTALL_LIBDIR})
cmake_path(APPEND pc_includedir "\${prefix}" ${CMAKE_INSTALL_INCLUDEDIR})
string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
set(pc_library parmap${CMAKE_${build_type}_POSTFIX})
configure_file(cmake/parmap.pc.in parmap.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/parmap.pc DESTINATION ${pkgconfig_dir} COMPONENT Development)
