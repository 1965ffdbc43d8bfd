#pragma once
/// @file
/// An index in LMDB, as an example of one's own: a B+tree of digest -> places in one file, which any number of
/// processes share. It passes the same conformance tests as mapped_index.
///
///   using cache = hubcache::basic_cache<hubcache::https_transport, hubcache::default_hashes, hubcache::default_link,
///                                       plugins::lmdb_index>;
///   cache c(config, plugins::lmdb_index("/srv/index"));
///
/// To take it over: copy the two files, and link with lmdb.

#include <hubcache/index/content_index.hpp>
#include <hubcache/index/record_visitor.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace plugins {

/// Models hubcache::content_index. Any thread, any process of one machine; no network file systems.
///
/// - LMDB must not have a file open twice in a process: one object per folder; what several caches share is a
///   hubcache::index_ref to it.
/// - An insert() of up to 10,000 records is one transaction, synced: a power cut costs the last ones, never the file.
///   A process that is killed costs nothing.
/// - A file of another kind, or one that was cut before it is opened, gets an error; a damaged value is a miss: values
///   check themselves. Damage inside LMDB's own pages is not always noticed: it has no checksums, aborts where it finds
///   its pages wrong, and reads its file through a mapping, so that such damage, or somebody who shortens the file of a
///   running program, may end the process.
///   mapped_index withstands both.
class lmdb_index {
 public:
  /// Opens, or makes (mode 0700), the index in `folder`.
  /// @param map_size  bytes that LMDB maps to begin with; doubled whenever they are full
  /// @throws hubcache::error errc::disk_failed if it cannot be opened, errc::refused if the file there is somebody
  ///   else's: damaged at its head, cut, of another program, or of another user
  explicit lmdb_index(const std::string& folder, std::size_t map_size = std::size_t{16} << 20U);
  lmdb_index(lmdb_index&&) noexcept;
  lmdb_index& operator=(lmdb_index&&) noexcept;
  ~lmdb_index();

  [[nodiscard]] std::vector<hubcache::place> find(const hubcache::digest& name) const;
  /// Not stored are records whose path is no hubcache::is_recordable_path(), and all if LMDB fails. Waits for other
  /// writers.
  std::size_t insert(std::span<const hubcache::index_record> records);
  void forget(const hubcache::digest& name, const std::string& path);
  /// The visitor may change the index; records that change meanwhile are visited or not.
  void each(hubcache::record_visitor visit) const;
  [[nodiscard]] std::uint64_t size() const;

 private:
  class database;
  std::unique_ptr<database> database_;
};
static_assert(hubcache::content_index<lmdb_index>);

}  // namespace plugins
