# Compiles a program with what pkg-config says of hubcache-compiled, and runs it. Then looks whether those who use the
# headers alone can compile the library's code in a source file of their own; its objects would be the same.
# Usage: cmake -DPREFIX=<folder> -DWORK=<folder> -DPROGRAM=<source file> -DCXX=... -DLAUNCHER=... -P pkg_config.cmake
cmake_minimum_required(VERSION 3.22)

file(GLOB_RECURSE description "${PREFIX}/hubcache.pc")
get_filename_component(folder "${description}" DIRECTORY)
set(ENV{PKG_CONFIG_PATH} "${folder}")

# flags_of(RESULT ARGUMENT...): what pkg-config answers, as a list.
function(flags_of result)
  execute_process(COMMAND pkg-config ${ARGN} OUTPUT_VARIABLE flags COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  set(${result} ${flags} PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
set(careful -std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
flags_of(compiling --cflags hubcache-compiled)
execute_process(COMMAND ${LAUNCHER} "${CXX}" ${careful} ${compiling} -c "${PROGRAM}" -o "${WORK}/program.o"
                COMMAND_ERROR_IS_FATAL ANY)
foreach(way "" --static)
  flags_of(linking --libs ${way} hubcache-compiled)
  execute_process(COMMAND "${CXX}" "${WORK}/program.o" ${linking} -o "${WORK}/program${way}"
                  COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND "${WORK}/program${way}" COMMAND_ERROR_IS_FATAL ANY)
endforeach()

file(WRITE "${WORK}/hubcache.cpp" "#include <hubcache/src.hpp>\n")
flags_of(compiling --cflags hubcache)
execute_process(COMMAND "${CXX}" ${careful} ${compiling} -DHUBCACHE_SEPARATE_COMPILATION -fsyntax-only
                        "${WORK}/hubcache.cpp" COMMAND_ERROR_IS_FATAL ANY)
