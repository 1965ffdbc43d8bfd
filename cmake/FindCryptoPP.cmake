# Finds Crypto++ (Debian: libcrypto++-dev). Defines CryptoPP::CryptoPP.
find_path(CryptoPP_INCLUDE_DIR NAMES cryptopp/sha.h)
find_library(CryptoPP_LIBRARY NAMES cryptopp crypto++)
if(CryptoPP_INCLUDE_DIR AND EXISTS "${CryptoPP_INCLUDE_DIR}/cryptopp/config_ver.h")
  file(STRINGS "${CryptoPP_INCLUDE_DIR}/cryptopp/config_ver.h" _cryptopp_line REGEX "#define CRYPTOPP_VERSION [0-9]+")
  string(REGEX REPLACE ".*([0-9])([0-9])([0-9]).*" "\\1.\\2.\\3" CryptoPP_VERSION "${_cryptopp_line}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CryptoPP REQUIRED_VARS CryptoPP_LIBRARY CryptoPP_INCLUDE_DIR
                                  VERSION_VAR CryptoPP_VERSION)
mark_as_advanced(CryptoPP_INCLUDE_DIR CryptoPP_LIBRARY)

if(CryptoPP_FOUND AND NOT TARGET CryptoPP::CryptoPP)
  add_library(CryptoPP::CryptoPP UNKNOWN IMPORTED)
  set_target_properties(CryptoPP::CryptoPP PROPERTIES IMPORTED_LOCATION "${CryptoPP_LIBRARY}"
                        INTERFACE_INCLUDE_DIRECTORIES "${CryptoPP_INCLUDE_DIR}")
endif()
