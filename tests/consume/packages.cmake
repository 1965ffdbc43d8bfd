# Makes the Debian packages and unpacks them into a folder, after a look at what they say of themselves.
# Usage: cmake -DBUILD=<build folder> -DWORK=<folder> -DVERSION=<version> -DPREFIX=<folder> -DC_API=<bool> -P packages.cmake
cmake_minimum_required(VERSION 3.22)

file(REMOVE_RECURSE "${WORK}" "${PREFIX}")
# A test need not press the debug information of a development build.
execute_process(COMMAND cpack -G DEB -B "${WORK}" -D CPACK_DEBIAN_COMPRESSION_TYPE=gzip WORKING_DIRECTORY "${BUILD}"
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)

# unpack(PACKAGE DEPENDENCY...): it depends on these.
function(unpack package)
  file(GLOB file "${WORK}/${package}_${VERSION}_*.deb")
  execute_process(COMMAND dpkg-deb --field "${file}" Depends OUTPUT_VARIABLE depends COMMAND_ERROR_IS_FATAL ANY)
  foreach(name IN LISTS ARGN)
    if(NOT ", ${depends}" MATCHES ", ${name}[ ,\n]")
      message(SEND_ERROR "${package} does not depend on ${name}, but on ${depends}")
    endif()
  endforeach()
  execute_process(COMMAND dpkg-deb --extract "${file}" "${PREFIX}" COMMAND_ERROR_IS_FATAL ANY)
endfunction()

unpack(libhubcache-dev libasio-dev libssl-dev libsimdjson-dev libxxhash-dev libtomlplusplus-dev)
unpack(hubcache libc6 libssl3 libxxhash0)
if(C_API)
  unpack(libhubcache-c0 libc6 libssl3 libxxhash0)
endif()
execute_process(COMMAND "${PREFIX}/usr/bin/hubcache" --version OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
if(NOT said MATCHES "${VERSION}")
  message(SEND_ERROR "the packaged command says: ${said}")
endif()
