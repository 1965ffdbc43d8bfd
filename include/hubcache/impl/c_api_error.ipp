#pragma once
/// @file
/// Failures of the C API: no exception leaves it.

#include <hubcache/error.hpp>
#include <hubcache_c.h>

#include <exception>
#include <string>
#include <string_view>

namespace hubcache::inline v0_1::c_api {

// The C codes are those of errc, which may only be added to at its end.
static_assert(HUBCACHE_ERROR_INVALID_ARGUMENT == static_cast<int>(errc::invalid_argument));
static_assert(HUBCACHE_ERROR_MISUSE == static_cast<int>(errc::misuse));
static_assert(HUBCACHE_ERROR_INVALID_MAPPING == static_cast<int>(errc::invalid_mapping));
static_assert(HUBCACHE_ERROR_HOST_NOT_FOUND == static_cast<int>(errc::host_not_found));
static_assert(HUBCACHE_ERROR_CONNECTION_FAILED == static_cast<int>(errc::connection_failed));
static_assert(HUBCACHE_ERROR_CONNECTION_LOST == static_cast<int>(errc::connection_lost));
static_assert(HUBCACHE_ERROR_TIMED_OUT == static_cast<int>(errc::timed_out));
static_assert(HUBCACHE_ERROR_TLS_FAILED == static_cast<int>(errc::tls_failed));
static_assert(HUBCACHE_ERROR_PROXY_FAILED == static_cast<int>(errc::proxy_failed));
static_assert(HUBCACHE_ERROR_BAD_RESPONSE == static_cast<int>(errc::bad_response));
static_assert(HUBCACHE_ERROR_RATE_LIMITED == static_cast<int>(errc::rate_limited));
static_assert(HUBCACHE_ERROR_SERVER_FAILED == static_cast<int>(errc::server_failed));
static_assert(HUBCACHE_ERROR_HTTP_FAILED == static_cast<int>(errc::http_failed));
static_assert(HUBCACHE_ERROR_UNAUTHORIZED == static_cast<int>(errc::unauthorized));
static_assert(HUBCACHE_ERROR_GATED == static_cast<int>(errc::gated));
static_assert(HUBCACHE_ERROR_FORBIDDEN == static_cast<int>(errc::forbidden));
static_assert(HUBCACHE_ERROR_REPO_NOT_FOUND == static_cast<int>(errc::repo_not_found));
static_assert(HUBCACHE_ERROR_REVISION_NOT_FOUND == static_cast<int>(errc::revision_not_found));
static_assert(HUBCACHE_ERROR_FILE_NOT_FOUND == static_cast<int>(errc::file_not_found));
static_assert(HUBCACHE_ERROR_MALFORMED_FILE == static_cast<int>(errc::malformed_file));
static_assert(HUBCACHE_ERROR_DIGEST_MISMATCH == static_cast<int>(errc::digest_mismatch));
static_assert(HUBCACHE_ERROR_SIZE_MISMATCH == static_cast<int>(errc::size_mismatch));
static_assert(HUBCACHE_ERROR_DISK_FULL == static_cast<int>(errc::disk_full));
static_assert(HUBCACHE_ERROR_DISK_FAILED == static_cast<int>(errc::disk_failed));
static_assert(HUBCACHE_ERROR_PERMISSION_DENIED == static_cast<int>(errc::permission_denied));
static_assert(HUBCACHE_ERROR_NOT_CACHED == static_cast<int>(errc::not_cached));
static_assert(HUBCACHE_ERROR_REFUSED == static_cast<int>(errc::refused));
static_assert(HUBCACHE_ERROR_DISALLOWED == static_cast<int>(errc::disallowed));
static_assert(HUBCACHE_ERROR_LOCK_MISMATCH == static_cast<int>(errc::lock_mismatch));
static_assert(HUBCACHE_ERROR_CANCELLED == static_cast<int>(errc::cancelled));
static_assert(HUBCACHE_ERROR_INTERNAL == static_cast<int>(errc::internal));

/// The view of an error, and the error that it looks at.
struct error_view : hubcache_error {
  explicit error_view(const error& failure) : hubcache_error{}, what(failure) {
    code = static_cast<int>(what.reason());
    name = to_string(what.reason()).data();  // literals
    message = what.what();
    detail = what.detail().c_str();
    repo = what.context().repo.c_str();
    file = what.context().file.c_str();
    url = what.context().url.c_str();
    request_id = what.context().request_id.c_str();
    http_status = what.context().http_status;
  }

  error what;
};

/// What is told where there is no memory to tell more.
inline constexpr hubcache_error no_memory_error{HUBCACHE_ERROR_INTERNAL,
                                                "internal",
                                                "internal error: out of memory. Free some and call again.",
                                                "out of memory",
                                                "",
                                                "",
                                                "",
                                                "",
                                                0};

/// The code of `thrown`, which goes `into` what the caller gave for it.
inline int report_failure(const std::exception_ptr& thrown, const hubcache_error** into) noexcept {
  try {
    const auto failure = error_of(thrown);
    if (into != nullptr) *into = new error_view(*failure);
    return static_cast<int>(failure->reason());
  } catch (...) {
    if (into != nullptr) *into = &no_memory_error;
    return HUBCACHE_ERROR_INTERNAL;
  }
}

/// The body of every call that can fail.
template <class Body>
int guarded(const hubcache_error** failure, Body&& body) noexcept {
  if (failure != nullptr) *failure = nullptr;
  try {
    body();
    return HUBCACHE_OK;
  } catch (...) {
    return report_failure(std::current_exception(), failure);
  }
}

/// What `argument` points to. @throws error errc::invalid_argument if that is nothing
template <class T>
T& required(T* argument, std::string_view name) {
  if (argument == nullptr) {
    throw error(errc::invalid_argument, "the argument '" + std::string(name) + "' must not be NULL");
  }
  return *argument;
}

/// The same for text.
inline std::string required_text(const char* argument, std::string_view name) {
  return &required(argument, name);
}

}  // namespace hubcache::inline v0_1::c_api
