# SPDX-License-Identifier: Apache-2.0
# Installs the library for find_package(parmap) and for pkg-config.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/parmap)
install(TARGETS parmap EXPORT parmap-targets FILE_SET HEADERS
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT parmap-targets NAMESPACE parmap:: DESTINATION ${package_dir})

if(PARMAP_MPI)
    # Apart, so that who asks for no component needs no MPI.
    install(TARGETS parmap_mpi EXPORT parmap-mpi-targets FILE_SET HEADERS
            RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
            LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(EXPORT parmap-mpi-targets NAMESPACE parmap:: DESTINATION ${package_dir})
endif()

configure_package_config_file(cmake/parmap-config.cmake.in parmap-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(parmap-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/parmap-config.cmake ${PROJECT_BINARY_DIR}/parmap-config-version.cmake
        DESTINATION ${package_dir})

# A static library's users link what it is built on, a shared one's do not.
if(BUILD_SHARED_LIBS)
    set(pc_requires "Requires.private")
    set(pc_definitions " -DPARMAP_SHARED")
else()
    set(pc_requires "Requires")
endif()
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
configure_file(cmake/parmap.pc.in parmap.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/parmap.pc DESTINATION ${pkgconfig_dir})
