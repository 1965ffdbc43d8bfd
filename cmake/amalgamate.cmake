# Writes single_include/hubcache.hpp: all public headers in one file, then their bodies behind one #if. The same input
# gives the same bytes.
# Usage: cmake -P cmake/amalgamate.cmake                  writes it
#        cmake -DCHECK=ON -P cmake/amalgamate.cmake       fails if what is there is something else
cmake_minimum_required(VERSION 3.22)

get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}" DIRECTORY)
set(into "${root}/single_include/hubcache.hpp")

# What the functions below share, as they call themselves, are global properties:
#   text           of all files so far
#   files          that are in it
#   system         headers of others that it includes outside of any #if
#   headers_FILE   that FILE includes
#   bodies_FILE    that header FILE includes at its end, for those who compile no source file of hubcache
#   condition_FILE of the #if in which FILE is included: a part that can be switched off
#   visited        headers whose bodies are in the text

# An #if around #include lines of hubcache alone.
set(optional "\n#if ([^\n]+)\n((#include <hubcache/[^>]+>\n)+)#endif\n")

# find_conditions(FILE): of what FILE includes.
function(find_conditions file)
  file(READ "${root}/include/${file}" own)
  string(REGEX MATCHALL "${optional}" blocks "${own}")
  foreach(block IN LISTS blocks)
    string(REGEX REPLACE "${optional}" "\\1" condition "${block}")
    string(REGEX MATCHALL "hubcache/[^>]+" targets "${block}")
    if(NOT condition STREQUAL "!defined(HUBCACHE_SEPARATE_COMPILATION)")
      foreach(target IN LISTS targets)
        set_property(GLOBAL PROPERTY "condition_${target}" "${condition}")
      endforeach()
    endif()
  endforeach()
endfunction()

# take_bodies(FILE TEXT): takes the #include lines of bodies out of the text of a header.
function(take_bodies file text)
  set(block "\n#if !defined\\(HUBCACHE_SEPARATE_COMPILATION\\)\n(#include <hubcache/impl/[^>]+\\.ipp>\n)+#endif\n")
  string(REGEX MATCH "${block}" found "${${text}}")
  string(REGEX MATCHALL "hubcache/impl/[^>]+" bodies "${found}")
  set_property(GLOBAL PROPERTY "bodies_${file}" "${bodies}")
  string(REGEX REPLACE "${block}" "\n" rest "${${text}}")
  set(${text} "${rest}" PARENT_SCOPE)
endfunction()

# add(FILE): appends FILE, a path below include/, after what it includes: headers before a header, bodies before a body.
# What others' headers are there already, outside of any #if, is not included again.
function(add file)
  get_property(files GLOBAL PROPERTY files)
  if(file IN_LIST files)
    return()
  endif()
  set_property(GLOBAL APPEND PROPERTY files "${file}")
  file(READ "${root}/include/${file}" own)
  string(REPLACE "#pragma once\n" "\n" own "${own}")
  if(file MATCHES "hpp$")
    take_bodies("${file}" own)
  endif()
  string(REGEX REPLACE "${optional}" "\n\\2" own "${own}")
  get_property(condition GLOBAL PROPERTY "condition_${file}")

  set(depth 0)
  string(REGEX MATCHALL "\n#(if|endif|include <[^>]+>)" directives "${own}")
  foreach(directive IN LISTS directives)
    if(directive MATCHES "#if")
      math(EXPR depth "${depth} + 1")
    elseif(directive MATCHES "#endif")
      math(EXPR depth "${depth} - 1")
    elseif(depth EQUAL 0)
      string(REGEX REPLACE ".*<(.*)>" "\\1" target "${directive}")
      get_property(system GLOBAL PROPERTY system)
      if(NOT target MATCHES "^hubcache/" AND NOT target IN_LIST system)
        if(NOT condition)
          set_property(GLOBAL APPEND PROPERTY system "${target}")
        endif()
        continue()
      endif()
      string(REPLACE "${directive}\n" "\n" own "${own}")
      if(target MATCHES "^hubcache/.*hpp$" AND file MATCHES "ipp$")
        add_bodies("${target}")
      elseif(target MATCHES "^hubcache/")
        add("${target}")
        set_property(GLOBAL APPEND PROPERTY "headers_${file}" "${target}")
      endif()
    endif()
  endforeach()
  if(own MATCHES "\n[ \t]*#[ \t]*include[ \t]*[<\"]hubcache[^\n]*")
    message(FATAL_ERROR "${file}: expected an #include on a line of its own, outside of any #if, found${CMAKE_MATCH_0}")
  endif()

  if(condition)
    set(own "#if ${condition}\n\n${own}\n#endif\n")
  endif()
  string(REGEX REPLACE "\n\n\n+" "\n\n" own "\n// ---- ${file}\n\n${own}")
  set_property(GLOBAL APPEND_STRING PROPERTY text "${own}")
endfunction()

# add_bodies(HEADER): the bodies in the order in which whoever includes HEADER alone gets them.
function(add_bodies header)
  get_property(visited GLOBAL PROPERTY visited)
  if(header IN_LIST visited)
    return()
  endif()
  set_property(GLOBAL APPEND PROPERTY visited "${header}")
  get_property(headers GLOBAL PROPERTY "headers_${header}")
  foreach(other IN LISTS headers)
    add_bodies("${other}")
  endforeach()
  get_property(bodies GLOBAL PROPERTY "bodies_${header}")
  foreach(body IN LISTS bodies)
    add("${body}")
  endforeach()
endfunction()

file(GLOB_RECURSE sources RELATIVE "${root}/include" "${root}/include/hubcache/*.[hi]pp")
foreach(source IN LISTS sources)
  find_conditions("${source}")
endforeach()

# The umbrella first, then the headers that it does not include. Crypto++ is optional: its header stays a file of its own.
set(headers "${sources}")
list(FILTER headers INCLUDE REGEX "hpp$")
list(FILTER headers EXCLUDE REGEX "^hubcache/(impl/|src\\.hpp|hash/cryptopp\\.hpp)")
list(PREPEND headers hubcache.hpp)
foreach(header IN LISTS headers)
  add("${header}")
endforeach()
get_property(declarations GLOBAL PROPERTY text)
set_property(GLOBAL PROPERTY text "")
foreach(header IN LISTS headers)
  add_bodies("${header}")
endforeach()
get_property(definitions GLOBAL PROPERTY text)

file(STRINGS "${root}/include/hubcache/version.hpp" version REGEX "version = ")
string(REGEX REPLACE ".*\"(.*)\".*" "\\1" version "${version}")
string(CONFIGURE [[
// hubcache @version@ in one header.
// SPDX-License-Identifier: Apache-2.0
//
// Made by cmake/amalgamate.cmake of all headers in include/ but the C API and hash/cryptopp.hpp. Changes belong there.
//
// It needs C++20, Asio, OpenSSL, simdjson, xxHash and toml++: compile with -DASIO_STANDALONE, with clang and an Asio
// before 1.24 also with -DASIO_HAS_CO_AWAIT=1, and link OpenSSL, simdjson, xxHash and the threads of the system.
//
// As it stands, every source file that includes it compiles all of it. To compile it once, define
// HUBCACHE_SEPARATE_COMPILATION for every source file of the program, and begin one of them with
//
//   #define HUBCACHE_IMPLEMENTATION
//   #include <hubcache.hpp>

#pragma once

#if defined(HUBCACHE_IMPLEMENTATION)
#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#error "HUBCACHE_IMPLEMENTATION compiles hubcache once: define HUBCACHE_SEPARATE_COMPILATION for every source file, too"
#endif
#if defined(__GNUC__) && !defined(__clang__)
// g++ takes lambdas in the coroutines of a header for types that several files might define differently.
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif
#endif
@declarations@
// ---- The bodies

#if !defined(HUBCACHE_SEPARATE_COMPILATION) || defined(HUBCACHE_IMPLEMENTATION)
@definitions@
#endif
]] whole @ONLY)
if(NOT CHECK)
  file(WRITE "${into}" "${whole}")
  return()
endif()
set(there "")
if(EXISTS "${into}")
  file(READ "${into}" there)
endif()
if(NOT there STREQUAL whole)
  message(FATAL_ERROR "single_include/hubcache.hpp is not what include/ gives: run  cmake -P cmake/amalgamate.cmake")
endif()
