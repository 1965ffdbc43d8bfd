# Checks that hubcache's headers define no macros but those that config.hpp tells of, beyond those of the headers of
# others that they include; and that fwd.hpp brings none of those of others.
# Usage: cmake -DROOT=<checkout> -DCXX=<compiler> "-DFLAGS=<flags of consumers>" -P macros.cmake
cmake_minimum_required(VERSION 3.22)

separate_arguments(FLAGS)
# Bodies included as well, whatever the build does.
list(REMOVE_ITEM FLAGS -DHUBCACHE_SEPARATE_COMPILATION)

# macros(RESULT SOURCE): the names of those defined after SOURCE.
function(macros result source)
  set(file "${CMAKE_CURRENT_BINARY_DIR}/macros_${result}.cpp")
  file(WRITE "${file}" "${source}")
  execute_process(COMMAND "${CXX}" ${FLAGS} -dM -E "${file}" OUTPUT_VARIABLE defined COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "#define [A-Za-z0-9_]+" names "${defined}")
  set(${result} ${names} PARENT_SCOPE)
endfunction()

# check(WHAT NAMES): of NAMES, all are documented.
function(check what)
  foreach(line IN LISTS ARGN)
    string(REPLACE "#define " "" name "${line}")
    string(REGEX MATCH "//[^\n]*${name}[^A-Z0-9_]" documented "${config}")
    if(NOT name MATCHES "^HUBCACHE_" OR NOT documented)
      message(SEND_ERROR "${what} defines ${name}: expected macros that hubcache/config.hpp documents, and no others")
    endif()
  endforeach()
endfunction()

file(READ "${ROOT}/include/hubcache/config.hpp" config)
file(GLOB_RECURSE files RELATIVE "${ROOT}/include" "${ROOT}/include/*.hpp" "${ROOT}/include/*.ipp")
set(own "")
set(others "")
foreach(file IN LISTS files)
  if(file MATCHES "hpp$" AND NOT file MATCHES "hubcache/(impl/|src\\.hpp|hash/cryptopp)")
    string(APPEND own "#include <${file}>\n")
  endif()
  file(STRINGS "${ROOT}/include/${file}" lines REGEX "^#include <")
  list(APPEND others ${lines})
endforeach()
list(FILTER others EXCLUDE REGEX "<hubcache")
list(REMOVE_DUPLICATES others)
list(TRANSFORM others REPLACE "^#include (.*)$" "#if __has_include(\\1)\n#include \\1\n#endif\n")
string(CONCAT others ${others})

macros(of_none "")
macros(of_fwd "#include <hubcache/fwd.hpp>\n")
list(REMOVE_ITEM of_fwd ${of_none})
check("<hubcache/fwd.hpp>" ${of_fwd})

macros(of_others "${others}")
macros(of_hubcache "${own}")
list(REMOVE_ITEM of_hubcache ${of_others})
check("hubcache" ${of_hubcache})
if(NOT "#define HUBCACHE_DECL" IN_LIST of_hubcache)
  message(SEND_ERROR "the compiler tells no macros: nothing was checked")
endif()
