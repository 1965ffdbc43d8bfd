# A policy that breaks its contract gets an error that names the page to read, and the member that is wrong.
# Usage: cmake -DCOMPILER=<C++ compiler> -DINCLUDE=<include folder> -P check.cmake
cmake_minimum_required(VERSION 3.22)

execute_process(
  COMMAND "${CMAKE_COMMAND}" -E env LC_ALL=C "${COMPILER}" -std=c++20 -fsyntax-only -DASIO_STANDALONE -DASIO_HAS_CO_AWAIT=1
          -DHUBCACHE_SEPARATE_COMPILATION "-I${INCLUDE}" "${CMAKE_CURRENT_LIST_DIR}/broken_policies.cpp"
  RESULT_VARIABLE code ERROR_VARIABLE said)
if(code EQUAL 0)
  message(FATAL_ERROR "broken policies compile")
endif()

# expect(REGEX...): each stands in what the compiler said.
function(expect)
  foreach(regex IN LISTS ARGN)
    if(NOT said MATCHES "${regex}")
      message(SEND_ERROR "${COMPILER} did not say: ${regex}")
    endif()
  endforeach()
endfunction()

expect("Transport must model transport: see docs/extending/transport.md"
       "Hashes must model hash_policy: see docs/extending/hash.md"
       "Link must model link_strategy: see docs/extending/link.md"
       "Index must model content_index: see docs/extending/index.md"
       "a hash_set is made of hashers: see docs/extending/hash.md"
       "cannot make this policy by itself, give its constructor one: see docs/extending/README.md"
       "a policy of basic_cache is given twice: see docs/extending/README.md"
       "neither one of its policies nor a function that makes one: see docs/extending/README.md")

# A member that is missing.
foreach(call "t.exchange\\(request, sink\\)" "p.make\\(algorithm, size\\)" "l.link\\(have, want, kinds, ec\\)" "c.each\\(visit\\)"
        "h.finish\\(\\)")
  expect("'${call}' (is|would be) invalid")
endforeach()

# One that returns something else: g++ names the call, clang the types.
set(wrong "does not satisfy return-type-requirement")
expect("'t.exchange\\(request, sink\\)' ${wrong}|same_as<hubcache::http_response, asio::awaitable<http_response> ?>' was not"
       "'p.make\\(algorithm, size\\)' ${wrong}|same_as<hubcache::digest, (hubcache::)?any_hasher>' was not"
       "'l.link\\(have, want, kinds, ec\\)' ${wrong}|same_as<[a-zA-Z_]+, (hubcache::)?link_report>' was not"
       "'c.find\\(d\\)' ${wrong}|same_as<std::vector<[a-z_:<>]*string[^']*>, (std::)?vector<place>.*' was not"
       "'h.finish\\(\\)' ${wrong}|same_as<std::[a-z_:<>]*string[^']*, (hubcache::)?digest>' was not")
