# The C API (include/hubcache_c.h, docs/c-api.md) as a shared library. Not with sanitizers: whoever loads the library would
# have to bring their runtime.
if(HUBCACHE_SANITIZE)
  return()
endif()

add_library(hubcache_c SHARED cmake/hubcache_c.cpp)
add_library(hubcache::c ALIAS hubcache_c)
target_include_directories(hubcache_c INTERFACE "$<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>")
target_link_libraries(hubcache_c PRIVATE hubcache_compiled hubcache_warnings)
# Nothing but the C calls is exported, whatever the libraries within it declare.
set(exports "${CMAKE_CURRENT_SOURCE_DIR}/cmake/hubcache_c.map")
target_link_options(hubcache_c PRIVATE "LINKER:--version-script=${exports}" LINKER:--no-undefined)
set_target_properties(hubcache_c PROPERTIES
  EXPORT_NAME c
  VERSION ${PROJECT_VERSION}
  SOVERSION 0  # grows with a change that breaks programs, which docs/c-api.md promises to avoid
  CXX_VISIBILITY_PRESET hidden
  VISIBILITY_INLINES_HIDDEN ON
  LINK_DEPENDS "${exports}"
  LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
