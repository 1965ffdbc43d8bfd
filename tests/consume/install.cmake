# Installs what was built into a fresh folder, as a user would, and moves it: a package may know neither where it was
# built nor where it was installed first. Then once more into <folder>-development, without the other components.
# Usage: cmake -DBUILD=<build folder> -DPREFIX=<folder> -P install.cmake
cmake_minimum_required(VERSION 3.22)

file(REMOVE_RECURSE "${PREFIX}" "${PREFIX}-first" "${PREFIX}-development")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${PREFIX}-first" OUTPUT_QUIET
                COMMAND_ERROR_IS_FATAL ANY)
file(RENAME "${PREFIX}-first" "${PREFIX}")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${PREFIX}-development" --component development
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)

file(GLOB_RECURSE texts "${PREFIX}/*.cmake" "${PREFIX}/*.pc")
foreach(text IN LISTS texts)
  file(READ "${text}" content)
  foreach(folder "${BUILD}" "${PREFIX}-first")
    string(FIND "${content}" "${folder}" at)
    if(NOT at EQUAL -1)
      message(SEND_ERROR "${text} names the folder ${folder}")
    endif()
  endforeach()
endforeach()
