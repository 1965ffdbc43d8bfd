# Checks that a compiler that is asked for what hubcache cannot do is refused in one clear sentence.
# Usage: cmake -DCXX=<compiler> "-DFLAGS=<flags of consumers>" -P refusals.cmake
cmake_minimum_required(VERSION 3.22)

separate_arguments(FLAGS)
set(file "${CMAKE_CURRENT_BINARY_DIR}/refused.cpp")
file(WRITE "${file}" "#include <hubcache/fwd.hpp>\n")

# compile(FLAG...): sets `result` and `said`.
macro(compile)
  execute_process(COMMAND "${CXX}" ${FLAGS} ${ARGN} -fsyntax-only "${file}" RESULT_VARIABLE result ERROR_VARIABLE said)
endmacro()

# refuses(FLAG TEXT): the compiler stops and says TEXT.
function(refuses flag text)
  compile(${flag})
  if(result EQUAL 0 OR NOT said MATCHES "${text}")
    message(SEND_ERROR "${flag}: expected an error '${text}', found '${said}'")
  endif()
endfunction()

compile()
if(NOT result EQUAL 0)
  message(SEND_ERROR "expected no error, found '${said}'")
endif()
refuses(-std=c++17 "needs C\\+\\+20")
refuses(-fno-exceptions "compile without -fno-exceptions")
refuses(-fno-rtti "compile without -fno-exceptions and -fno-rtti")
