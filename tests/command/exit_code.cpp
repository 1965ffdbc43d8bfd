#include "exit_code.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

using hubcache::errc;

TEST_CASE("every errc ends the command with the code its documentation promises") {
  const std::map<errc, int> promised{
      {errc::invalid_argument, 2},
      {errc::misuse, 1},
      {errc::invalid_mapping, 2},
      {errc::host_not_found, 3},
      {errc::connection_failed, 3},
      {errc::connection_lost, 3},
      {errc::timed_out, 3},
      {errc::tls_failed, 3},
      {errc::proxy_failed, 3},
      {errc::bad_response, 3},
      {errc::rate_limited, 3},
      {errc::server_failed, 3},
      {errc::http_failed, 3},
      {errc::unauthorized, 4},
      {errc::gated, 4},
      {errc::forbidden, 4},
      {errc::repo_not_found, 5},
      {errc::revision_not_found, 5},
      {errc::file_not_found, 5},
      {errc::malformed_file, 1},
      {errc::digest_mismatch, 6},
      {errc::size_mismatch, 6},
      {errc::disk_full, 7},
      {errc::disk_failed, 7},
      {errc::permission_denied, 7},
      {errc::not_cached, 8},
      {errc::refused, 9},
      {errc::disallowed, 10},
      {errc::lock_mismatch, 6},
      {errc::cancelled, 130},
      {errc::internal, 1},
  };
  CHECK(promised.size() == static_cast<std::size_t>(errc::internal));
  for (const auto& one : promised) {
    const auto& [reason, code] = one;
    CAPTURE(std::string(to_string(one.first)));
    CHECK(static_cast<int>(command::exit_code_of(reason)) == code);
  }
}
