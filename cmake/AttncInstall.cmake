# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# `cmake --install`: bin/ the tools, lib/ the runtime archive (and lib/attnc/ libHalide.so, which the tools load),
# include/attnc/ the runtime's header, lib/cmake/attnc/ the package, share/attnc/ the schema, share/doc/attnc/ the docs.
include_guard()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/attnc)
foreach(tool attnc attnc-opt attnc-run attnc-bench)
  if(TARGET ${tool})
    # The tools lie in bin/, Halide's library in lib/attnc/, MLIR's and LLVM's where Debian has them.
    file(RELATIVE_PATH from_bin /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR}/attnc)
    set_target_properties(${tool} PROPERTIES INSTALL_RPATH "$ORIGIN/${from_bin};${LLVM_LIBRARY_DIR}")
    install(TARGETS ${tool} EXPORT attncTargets RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()
if(TARGET attnc-cold-start) # which attnc-bench runs
  install(TARGETS attnc-cold-start RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES ${PROJECT_SOURCE_DIR}/tools/bench/peers.py ${PROJECT_SOURCE_DIR}/tools/bench/peers.txt
          DESTINATION ${CMAKE_INSTALL_DATADIR}/attnc)
endif()
if(TARGET Halide::Halide)
  install(FILES $<TARGET_FILE:Halide::Halide> DESTINATION ${CMAKE_INSTALL_LIBDIR}/attnc
          PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endif()
install(FILES ${PROJECT_SOURCE_DIR}/frontend/model.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/attnc OPTIONAL)
install(FILES ${PROJECT_SOURCE_DIR}/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)

install(EXPORT attncTargets NAMESPACE attnc:: DESTINATION ${package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/attncConfig.cmake.in ${PROJECT_BINARY_DIR}/attncConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/attncConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/attncConfig.cmake ${PROJECT_BINARY_DIR}/attncConfigVersion.cmake
              ${CMAKE_CURRENT_LIST_DIR}/AttncAddModel.cmake DESTINATION ${package_dir})
