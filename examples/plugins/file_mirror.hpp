#pragma once
/// @file
/// A mirror in a folder, as an example of a transport of one's own: what a Hub cache on an NFS export or a USB disk
/// holds needs no network; the rest, if anything, goes on to another transport.
///
///   plugins::file_mirror network(pool, settings.endpoint, "file:///mnt/models", std::move(next));
///   hubcache::basic_cache<plugins::file_mirror, hubcache::default_hashes, hubcache::default_link,
///                         hubcache::mapped_index> cache(executor, pool, settings, std::move(network));
///
/// The folder is filled by hubcache or another client of today: `HF_HOME=/mnt hubcache download ...` fills /mnt/hub.
/// To take it over: copy the two files.

#include <hubcache/transport/any_transport.hpp>
#include <hubcache/transport/transport.hpp>
#include <hubcache/url.hpp>
#include <hubcache/work/workers.hpp>

#include <memory>
#include <optional>
#include <string>

namespace plugins {

/// Models hubcache::transport: answers for the Hub at `endpoint` as the Hub would, from refs/, trees/ and blobs/ (or
/// the snapshots' files, where a disk has no symlinks) of the folder.
///
/// - A branch or tag is the commit that the folder recorded for it last, whatever the Hub says today.
/// - What is not there, and every request that is no look-up or download, goes on to the next transport; without one
///   the answer is the Hub's 404, its message saying what the folder lacks. A commit without trees/COMMIT.json is
///   not there: nothing else tells which files it has.
/// - The folder is not trusted with contents: the cache hashes what it brings. Whoever writes there decides what a
///   commit holds, as the Hub does. No symlink is followed out of it.
/// - Folders are read on the workers, listings once; a file that shrinks meanwhile is a lost connection.
/// @par Thread safety  As the next transport: one executor.
/// @par Lifetime  Exchanges may outlive the transport, not the workers; those end before the executor's context does.
class file_mirror {
 public:
  /// @param folder  a Hub cache: an absolute path, or a file:// URL of one
  /// @param next    who is asked for the rest, if anybody
  /// @throws hubcache::error errc::invalid_argument for a folder that is neither
  file_mirror(hubcache::workers& pool, hubcache::url endpoint, const std::string& folder,
              std::optional<hubcache::any_transport> next = std::nullopt);

  [[nodiscard]] asio::awaitable<hubcache::http_response> exchange(const hubcache::http_request& request,
                                                                  hubcache::body_sink& sink);

 private:
  struct state;
  static asio::awaitable<hubcache::http_response> run(std::shared_ptr<state> mirror,
                                                      const hubcache::http_request& request,
                                                      hubcache::body_sink& sink);
  std::shared_ptr<state> state_;
};
static_assert(hubcache::transport<file_mirror>);

}  // namespace plugins
