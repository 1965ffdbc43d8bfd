#pragma once
/// @file
/// The right to move one content: hubcache's own lock by digest, then the Hub's lock by etag and repo.

#include <hubcache/digest.hpp>
#include <hubcache/os/lock.hpp>

#include <memory>
#include <optional>
#include <string>
#include <system_error>

namespace hubcache::inline v0_1 {

/// Held while content moves. The own lock lies in the state folder, so all repos of one HF_HOME exclude each other
/// there and every content crosses the network once; the Hub's lock keeps huggingface_hub out of this repo.
/// Both are tried, never waited for: no order of locks can deadlock.
class content_lock {
 public:
  /// @param hub_lock path of the Hub's lock file, CACHE/.locks/REPO/ETAG.lock, or empty for views that have none. No
  ///        symlink is followed below CACHE, nor below the state folder.
  /// @return none if somebody else moves this content now (`ec` clear), or if a lock file cannot be made.
  [[nodiscard]] HUBCACHE_DECL static std::optional<content_lock> try_lock(const std::string& state_dir,
                                                                          const digest& name,
                                                                          const std::string& hub_lock,
                                                                          std::error_code& ec);

 private:
  friend class content_locks;

  // Released in reverse order; the Hub's lock files stay, as its other clients leave them.
  std::optional<os::byte_lock> own_;
  std::optional<os::file_lock> own_file_;  // instead, where there are no byte locks
  std::optional<os::file_lock> hub_;
};

/// Locks many contents with one opening of the file that the own locks are bytes of: the byte that the first 63 bits of
/// the digest tell. Used from one thread at a time; its locks are free to go elsewhere and to outlive it.
/// Within one of these no content is locked against itself: use another for another user of the content.
class content_locks {
 public:
  /// Of the state folder `state_dir`.
  explicit content_locks(std::string state_dir) : state_dir_(std::move(state_dir)) {}

  /// As content_lock::try_lock().
  [[nodiscard]] HUBCACHE_DECL std::optional<content_lock> try_lock(const digest& name,
                                                                   const std::string& hub_lock,
                                                                   std::error_code& ec);

 private:
  void open(std::error_code& ec);
  void try_own(const digest& name, content_lock& result, std::error_code& ec);
  [[nodiscard]] std::optional<os::file_lock> try_hub(const std::string& path, std::error_code& ec);
  [[nodiscard]] std::string folder() const { return state_dir_ + "/locks"; }

  std::string state_dir_;
  std::shared_ptr<const os::descriptor> file_;
  os::folder hub_folder_;  // of the last Hub's lock: the next one mostly lies there, too
  std::string hub_folder_path_;
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/content_lock.ipp>
#endif
