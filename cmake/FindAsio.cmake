# Finds standalone Asio (a header library; Debian: libasio-dev). Defines Asio::asio.
find_path(Asio_INCLUDE_DIR NAMES asio.hpp)
if(Asio_INCLUDE_DIR AND EXISTS "${Asio_INCLUDE_DIR}/asio/version.hpp")
  file(STRINGS "${Asio_INCLUDE_DIR}/asio/version.hpp" _asio_line REGEX "#define ASIO_VERSION [0-9]+")
  string(REGEX MATCH "[0-9]+" _asio_number "${_asio_line}")
  math(EXPR _asio_major "${_asio_number} / 100000")
  math(EXPR _asio_minor "${_asio_number} / 100 % 1000")
  math(EXPR _asio_patch "${_asio_number} % 100")
  set(Asio_VERSION "${_asio_major}.${_asio_minor}.${_asio_patch}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Asio REQUIRED_VARS Asio_INCLUDE_DIR VERSION_VAR Asio_VERSION)
mark_as_advanced(Asio_INCLUDE_DIR)

if(Asio_FOUND AND NOT TARGET Asio::asio)
  add_library(Asio::asio INTERFACE IMPORTED)
  target_include_directories(Asio::asio SYSTEM INTERFACE "${Asio_INCLUDE_DIR}")
  target_compile_definitions(Asio::asio INTERFACE ASIO_STANDALONE)
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    # Asio asks libstdc++ for this before it has included any of it: files that include Asio first would allocate
    # one way and free another.
    target_compile_definitions(Asio::asio INTERFACE ASIO_HAS_STD_ALIGNED_ALLOC=1)
  endif()
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND Asio_VERSION VERSION_LESS 1.24)
    # Before 1.24 Asio knows clang's coroutines only as the technical specification.
    target_compile_definitions(Asio::asio INTERFACE ASIO_HAS_CO_AWAIT=1)
  endif()
endif()
