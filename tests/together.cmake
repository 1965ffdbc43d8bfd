# Writes one source file that includes several, each in a namespace of its own, so that equal names in them do not meet.
# What they include comes first, outside. Most of the time of compiling a test goes into templates that its neighbours
# need, too.
# Usage: cmake -DINTO=<file> "-DSOURCES=<a.cpp>;<b.cpp>..." -P together.cmake
set(includes "")
set(bodies "")
set(number 0)
foreach(source IN LISTS SOURCES)
  file(STRINGS "${source}" lines REGEX "^#include ")
  list(APPEND includes ${lines})
  math(EXPR number "${number} + 1")
  string(APPEND bodies "namespace file_${number} {\n#include \"${source}\"\n}\n")
endforeach()
list(REMOVE_DUPLICATES includes)
list(JOIN includes "\n" includes)
file(WRITE "${INTO}" "${includes}\n${bodies}")
