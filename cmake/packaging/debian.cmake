# Debian packages by `cpack -G DEB`: hubcache (the command), libhubcache-dev, and the C API's library if it is built.
# Configure with -DCMAKE_INSTALL_PREFIX=/usr, so that libraries go where Debian has them.
set(CPACK_PACKAGE_CONTACT "The hubcache authors")
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libhubcache-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Headers, the compiled library, files for CMake and pkg-config.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libasio-dev (>= 1:1.22), libssl-dev (>= 3.0), libsimdjson-dev, libxxhash-dev (>= 0.8), libtomlplusplus-dev (>= 3.0)")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS libcrypto++-dev)

if(TARGET hubcache_command)
  list(APPEND CPACK_COMPONENTS_ALL command)
  set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME hubcache)
  set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION net)
  set(CPACK_COMPONENT_COMMAND_DESCRIPTION "The command.")
  set(CPACK_DEBIAN_COMMAND_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_COMMAND_PACKAGE_RECOMMENDS ca-certificates)
endif()

if(TARGET hubcache_c)
  list(APPEND CPACK_COMPONENTS_ALL c_api)
  set(CPACK_DEBIAN_C_API_PACKAGE_NAME "libhubcache-c${soversion}")
  set(CPACK_DEBIAN_C_API_PACKAGE_SECTION libs)
  set(CPACK_COMPONENT_C_API_DESCRIPTION "The C API.")
  set(CPACK_DEBIAN_C_API_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_C_API_PACKAGE_GENERATE_SHLIBS ON)
  string(APPEND CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
         ", ${CPACK_DEBIAN_C_API_PACKAGE_NAME} (= ${CPACK_PACKAGE_VERSION})")
endif()

include(CPack)
