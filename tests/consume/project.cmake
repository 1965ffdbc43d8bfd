# Configures and builds a consumer's project in a fresh folder, with the warnings that careful consumers have, and runs
# its programs.
# Usage: cmake -DPROJECT=<folder> -DWORK=<folder> -DGENERATOR=... -DCXX=... -DLAUNCHER=... [-DPREFIX=<folder>]
#        [-DHUBCACHE=<checkout> -DHUBCACHE_COMPILED=<library>] [-DOPTION=<option for the project>] -P project.cmake
cmake_minimum_required(VERSION 3.22)

file(REMOVE_RECURSE "${WORK}")
execute_process(
  COMMAND "${CMAKE_COMMAND}" -S "${PROJECT}" -B "${WORK}" -G "${GENERATOR}" "-DCMAKE_CXX_COMPILER=${CXX}"
          "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}" "-DCMAKE_PREFIX_PATH=${PREFIX}" -DCMAKE_BUILD_TYPE=
          "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
          "-DHUBCACHE=${HUBCACHE}" "-DHUBCACHE_COMPILED=${HUBCACHE_COMPILED}" ${OPTION} --no-warn-unused-cli
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${WORK}" COMMAND_ERROR_IS_FATAL ANY)
file(GLOB programs "${WORK}/consumer*")
if(NOT programs)
  message(FATAL_ERROR "the project has built no program")
endif()
foreach(program IN LISTS programs)
  execute_process(COMMAND "${program}" COMMAND_ERROR_IS_FATAL ANY)
endforeach()
