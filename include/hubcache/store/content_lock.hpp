#pragma once
/// @file
/// The right to move one content: hubcache's own lock by digest, then the Hub's lock by etag and repo.

#include <hubcache/digest.hpp>
#include <hubcache/os/lock.hpp>

#include <optional>
#include <string>
#include <system_error>

namespace hubcache::inline v0_1 {

/// Held while content moves. The own lock lies in the state folder, so all repos of one HF_HOME exclude each other
/// there and every content crosses the network once; the Hub's lock keeps huggingface_hub out of this repo.
/// Both are tried, never waited for: no order of locks can deadlock.
class content_lock {
 public:
  /// @param hub_lock path of the Hub's lock file, or empty for views that have none.
  /// @return none if somebody else moves this content now (`ec` clear), or if a lock file cannot be made.
  [[nodiscard]] HUBCACHE_DECL static std::optional<content_lock> try_lock(const std::string& state_dir,
                                                                          const digest& name,
                                                                          const std::string& hub_lock,
                                                                          std::error_code& ec);

 private:
  // Released in reverse order; the Hub's lock files stay, as its other clients leave them.
  std::optional<os::file_lock> own_;
  std::optional<os::file_lock> hub_;
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/content_lock.ipp>
#endif
