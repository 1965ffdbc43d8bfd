# Checks the text of the headers and bodies: nothing at namespace scope that changes what those who include them see,
# or that is another thing in each of their source files; nothing that hangs on NDEBUG, which two source files of one
# program may see differently; no type in detail that hides one of hubcache, so that the order of includes decides
# which of them a body means; and nothing in fwd.hpp that would make it dear.
# Usage: cmake -DROOT=<checkout> -P headers.cmake
cmake_minimum_required(VERSION 3.22)

set(include "${ROOT}/include")
file(GLOB_RECURSE files RELATIVE "${include}" "${include}/*.hpp" "${include}/*.ipp")

set(forbidden "^using namespace |^namespace \\{|^static |NDEBUG|[^_a-z]assert\\(")
set(type "^(class|struct|enum class|using) ([a-z0-9_]+)")
set(declaration "^(class|struct|enum class) [a-z0-9_]+( : [a-z0-9_:]+)?;")
set(scope_ "")  # of hubcache itself
set(scope_detail "")
foreach(file IN LISTS files)
  file(STRINGS "${include}/${file}" lines REGEX "${forbidden}")
  foreach(line IN LISTS lines)
    message(SEND_ERROR "${file}: ${line}")
  endforeach()

  set(scope "")
  file(STRINGS "${include}/${file}" lines REGEX "^namespace |^}  // namespace |${type}")
  foreach(line IN LISTS lines)
    if(line MATCHES "^}  // namespace")
      set(scope "")
    elseif(line MATCHES "^namespace (hubcache::inline v0_1)?(::)?([a-z:]*)")
      set(scope "${CMAKE_MATCH_3}")
    elseif(NOT line MATCHES "${declaration}" AND line MATCHES "${type}")
      list(APPEND "scope_${scope}" "${CMAKE_MATCH_2}")
    endif()
  endforeach()
endforeach()
list(REMOVE_DUPLICATES scope_detail)
foreach(name IN LISTS scope_detail)
  if(name IN_LIST scope_)
    message(SEND_ERROR "hubcache::detail::${name} hides hubcache::${name}: rename it")
  endif()
endforeach()
if(NOT "digest" IN_LIST scope_ OR NOT scope_detail)
  message(SEND_ERROR "the types were not found: nothing was checked")
endif()

file(STRINGS "${include}/hubcache/fwd.hpp" includes REGEX "^[ \t]*#[ \t]*include")
if(NOT includes STREQUAL "#include <hubcache/config.hpp>")
  message(SEND_ERROR "fwd.hpp: expected no include but <hubcache/config.hpp>, found ${includes}")
endif()
