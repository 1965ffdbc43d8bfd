#include "exit_code.hpp"

namespace command {

exit_code exit_code_of(hubcache::errc reason) noexcept {
  using enum hubcache::errc;
  switch (reason) {
    case invalid_argument:
    case invalid_mapping:
      return exit_code::usage;
    case host_not_found:
    case connection_failed:
    case connection_lost:
    case timed_out:
    case tls_failed:
    case proxy_failed:
    case bad_response:
    case rate_limited:
    case server_failed:
    case http_failed:
      return exit_code::network;
    case unauthorized:
    case gated:
    case forbidden:
      return exit_code::access;
    case repo_not_found:
    case revision_not_found:
    case file_not_found:
      return exit_code::not_found;
    case digest_mismatch:
    case size_mismatch:
    case lock_mismatch:
      return exit_code::integrity;
    case disk_full:
    case disk_failed:
    case permission_denied:
      return exit_code::disk;
    case not_cached:
      return exit_code::not_cached;
    case refused:
      return exit_code::refused;
    case disallowed:
      return exit_code::disallowed;
    case cancelled:
      return exit_code::interrupted;
    case malformed_file:
    case misuse:
    case internal:
      break;
  }
  return exit_code::other;
}

}  // namespace command
