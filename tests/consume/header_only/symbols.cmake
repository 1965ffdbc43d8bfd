# Checks that nothing of hubcache in OBJECTS is defined so that a second file with it would not link: a function or variable
# of a header that is not inline.
# Usage: cmake -DNM=<nm> "-DOBJECTS=<a.o>;<b.o>" -P symbols.cmake
set(symbols COMMAND "${NM}" --demangle --defined-only ${OBJECTS})
execute_process(${symbols} COMMAND grep -c " [WV] hubcache::" OUTPUT_VARIABLE inline)
if(inline LESS 100)  # clang keeps those that are called, g++ all
  message(FATAL_ERROR "Hardly any symbols of hubcache: this check would find nothing")
endif()
execute_process(${symbols} COMMAND grep " [TDBRC] hubcache::" OUTPUT_VARIABLE strong)
if(strong)
  message(FATAL_ERROR "Not inline:\n${strong}")
endif()
