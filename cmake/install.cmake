# What `cmake --install` installs. The components development, command and c_api become packages of their own.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(DIRECTORY include/ DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.ipp")
set(libraries hubcache)
if(HUBCACHE_BUILD_COMPILED)
  list(APPEND libraries hubcache_compiled)
endif()
install(TARGETS ${libraries} EXPORT hubcacheTargets
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development
        INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
if(TARGET hubcache_c)
  get_target_property(soversion hubcache_c SOVERSION)
  install(TARGETS hubcache_c EXPORT hubcacheCTargets
          LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT c_api NAMELINK_COMPONENT development
          INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
  install(FILES include/hubcache_c.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development)
  install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/libhubcache-c${soversion}" RENAME copyright COMPONENT c_api)
endif()
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/libhubcache-dev" RENAME copyright COMPONENT development)

# For find_package(): the targets by name, and the modules that find what they name.
set(package "${CMAKE_INSTALL_LIBDIR}/cmake/hubcache")
install(EXPORT hubcacheTargets NAMESPACE hubcache:: DESTINATION "${package}" COMPONENT development)
if(TARGET hubcache_c)
  install(EXPORT hubcacheCTargets NAMESPACE hubcache:: DESTINATION "${package}" COMPONENT development)
endif()
set(c_library "${CMAKE_INSTALL_LIBDIR}/${CMAKE_SHARED_LIBRARY_PREFIX}hubcache_c${CMAKE_SHARED_LIBRARY_SUFFIX}")
configure_package_config_file(cmake/packaging/hubcacheConfig.cmake.in hubcacheConfig.cmake INSTALL_DESTINATION "${package}"
                              PATH_VARS c_library NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(hubcacheConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/hubcacheConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/hubcacheConfigVersion.cmake"
              cmake/FindAsio.cmake cmake/FindCryptoPP.cmake cmake/FindTomlPlusPlus.cmake cmake/FindxxHash.cmake
        DESTINATION "${package}" COMPONENT development)

# For pkg-config.
file(RELATIVE_PATH up "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" up "${up}")
set(requires "libcrypto >= 3.0, simdjson, libxxhash")
set(defines "-DASIO_STANDALONE -DASIO_HAS_STD_ALIGNED_ALLOC=1 -DASIO_HAS_CO_AWAIT=1")  # the last for clang; g++ finds it out
if(HUBCACHE_TLS)
  string(PREPEND requires "libssl >= 3.0, ")
else()
  string(APPEND defines " -DHUBCACHE_WITHOUT_TLS")
endif()
set(descriptions hubcache)
if(HUBCACHE_BUILD_COMPILED)
  list(APPEND descriptions hubcache-compiled)
endif()
if(TARGET hubcache_c)
  list(APPEND descriptions hubcache-c)
endif()
foreach(name IN LISTS descriptions)
  configure_file("cmake/packaging/${name}.pc.in" "${name}.pc" @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
          COMPONENT development)
endforeach()

if(TARGET hubcache_command)
  install(TARGETS hubcache_command RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT command)
  install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/hubcache" RENAME copyright COMPONENT command)
endif()

if(PROJECT_IS_TOP_LEVEL)  # a project has one CPack
  include(cmake/packaging/debian.cmake)
endif()
