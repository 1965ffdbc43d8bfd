# Finds toml++ (Debian: libtomlplusplus-dev), used as a header library. Defines TomlPlusPlus::TomlPlusPlus.
find_path(TomlPlusPlus_INCLUDE_DIR NAMES toml++/toml.h)
if(TomlPlusPlus_INCLUDE_DIR AND EXISTS "${TomlPlusPlus_INCLUDE_DIR}/toml++/impl/version.h")
  file(STRINGS "${TomlPlusPlus_INCLUDE_DIR}/toml++/impl/version.h" _toml_lines REGEX "#define TOML_LIB_(MAJOR|MINOR|PATCH) ")
  string(REGEX REPLACE "[^0-9]*([0-9]+)[^0-9]+([0-9]+)[^0-9]+([0-9]+).*" "\\1.\\2.\\3" TomlPlusPlus_VERSION "${_toml_lines}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(TomlPlusPlus REQUIRED_VARS TomlPlusPlus_INCLUDE_DIR
                                  VERSION_VAR TomlPlusPlus_VERSION)
mark_as_advanced(TomlPlusPlus_INCLUDE_DIR)

if(TomlPlusPlus_FOUND AND NOT TARGET TomlPlusPlus::TomlPlusPlus)
  add_library(TomlPlusPlus::TomlPlusPlus INTERFACE IMPORTED)
  target_include_directories(TomlPlusPlus::TomlPlusPlus SYSTEM INTERFACE "${TomlPlusPlus_INCLUDE_DIR}")
endif()
