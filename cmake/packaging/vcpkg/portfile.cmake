# An overlay port of this very checkout: vcpkg install hubcache --overlay-ports=CHECKOUT/cmake/packaging/vcpkg
# Untested: no machine with vcpkg has run it.
get_filename_component(SOURCE_PATH "${CURRENT_PORT_DIR}/../../.." ABSOLUTE)

vcpkg_check_linkage(ONLY_STATIC_LIBRARY)
vcpkg_check_features(OUT_FEATURE_OPTIONS features
  FEATURES
    command HUBCACHE_BUILD_EXAMPLES
    cryptopp HUBCACHE_CRYPTOPP)
vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS ${features} -DHUBCACHE_BUILD_TESTS=OFF -DHUBCACHE_BUILD_C_API=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/hubcache)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
