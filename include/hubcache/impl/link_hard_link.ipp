#pragma once

#include <hubcache/error.hpp>
#include <hubcache/link/hard_link.hpp>
#include <hubcache/link/unpublished.hpp>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL link_report hard_link::link(const opened_file& have, const link_target& want, link_kinds kinds,
                                          std::error_code& ec) const {
  ec = std::make_error_code(std::errc::operation_not_supported);
  if (!kinds.contains(kind)) return {};
  ec = errc::refused;
  if (have.status.identity.size < smallest) return {};
  detail::unpublished made(want);
  made.adopt(have, ec);
  if (!ec) made.publish(have, ec);
  return ec ? link_report{} : link_report(kind);
}

}  // namespace hubcache::inline v0_1
