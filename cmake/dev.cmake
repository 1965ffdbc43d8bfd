# What only developers of hubcache need: warnings, sanitizers, ccache.
add_library(hubcache_warnings INTERFACE)
target_compile_options(hubcache_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(HUBCACHE_WERROR)
  target_compile_options(hubcache_warnings INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Asio fences are unknown to g++'s thread sanitizer; the tsan preset uses clang.
  target_compile_options(hubcache_warnings INTERFACE -fconcepts-diagnostics-depth=2)
  # When it optimises, g++ 12 takes Asio's recycled coroutine frames for mismatched deletes, and sees overlaps in
  # std::string's operator+ that are not there.
  target_compile_options(hubcache_warnings INTERFACE -Wno-mismatched-new-delete -Wno-restrict)
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # libstdc++ 12's std::stable_sort uses what it calls deprecated, and newer clang says so.
  target_compile_options(hubcache_warnings INTERFACE -Wno-deprecated-declarations)
endif()

set(HUBCACHE_SANITIZE "" CACHE STRING "Sanitizers for everything built here, as -fsanitize= takes them")
if(HUBCACHE_SANITIZE)
  add_compile_options(-fsanitize=${HUBCACHE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HUBCACHE_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Instrumented, g++ 12 takes the constructor of std::stop_source for a use of what is not there yet.
    target_compile_options(hubcache_warnings INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()

# Most of the time of compiling a file of the command or of a test goes into templates that its neighbours need, too.
set(HUBCACHE_TOGETHER 10 CACHE STRING "Source files that are compiled as one, of the command and of tests; 1: each alone")

# optimise_fuzzed(TARGET): fuzzers run the libraries long enough to be worth it, unless it is for seconds. Tests with
# sanitizers do not: optimising what is instrumented would take most of the time of a build.
option(HUBCACHE_OPTIMISE_FUZZED "With HUBCACHE_BUILD_FUZZERS: optimises the libraries" ON)
function(optimise_fuzzed target)
  if(HUBCACHE_BUILD_FUZZERS AND HUBCACHE_OPTIMISE_FUZZED)
    target_compile_options(${target} PRIVATE -O1)
  endif()
endfunction()

find_program(HUBCACHE_CCACHE ccache)
if(PROJECT_IS_TOP_LEVEL AND HUBCACHE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${HUBCACHE_CCACHE}")
endif()
