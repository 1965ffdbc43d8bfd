# Tests single_include/hubcache.hpp: with HUBCACHE_SINGLE_INCLUDE everything that is built here includes it instead of
# include/. The names of headers lead to it; those of what it does not hold lead to the file in include/.
option(HUBCACHE_SINGLE_INCLUDE "Build with single_include/hubcache.hpp instead of include/" OFF)
if(NOT HUBCACHE_SINGLE_INCLUDE)
  return()
endif()

file(STRINGS single_include/hubcache.hpp held REGEX "^// ---- hubcache/")
file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}/include" "include/hubcache/*.[hi]pp" "include/*.h")
foreach(file IN LISTS files)
  set(target "<hubcache.hpp>")
  if(NOT "// ---- ${file}" IN_LIST held)
    set(target "\"${CMAKE_CURRENT_SOURCE_DIR}/include/${file}\"")
  endif()
  file(CONFIGURE OUTPUT "single_include/${file}" CONTENT "#include @target@\n" @ONLY)
endforeach()
file(CONFIGURE OUTPUT single_include/source.cpp CONTENT "#define HUBCACHE_IMPLEMENTATION\n#include <hubcache.hpp>\n")

set(folders "${CMAKE_CURRENT_SOURCE_DIR}/single_include" "${CMAKE_CURRENT_BINARY_DIR}/single_include")
set_target_properties(hubcache PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "$<BUILD_INTERFACE:${folders}>")
set_target_properties(hubcache_compiled PROPERTIES SOURCES "${CMAKE_CURRENT_BINARY_DIR}/single_include/source.cpp")
