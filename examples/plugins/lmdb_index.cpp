#include "lmdb_index.hpp"

#include <hubcache/error.hpp>
#include <hubcache/hash/xxh3.hpp>
#include <hubcache/index/record_log.hpp>
#include <hubcache/os/file.hpp>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <lmdb.h>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string_view>
#include <utility>

namespace plugins {

using hubcache::byte_view;
using hubcache::digest;
using hubcache::index_record;
using hubcache::place;

namespace {

constexpr std::string_view format_key = "format", format = "hubcache places 1";
constexpr std::string_view count_key = "count";

/// Of one place, in the host's byte order as all of LMDB's files; the path follows.
struct place_head {
  hubcache::os::file_identity identity;
  std::uint64_t fingerprint;
  std::uint32_t path_size;
  std::uint8_t state;
  std::uint8_t store;
  std::uint16_t unused;
};
static_assert(std::has_unique_object_representations_v<place_head>, "no byte of it is left to chance");

MDB_val value_of(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }
std::string_view text_of(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

/// A byte for the algorithm, then the digest. Longer than the keys of format and count.
std::string key_of(const digest& name) {
  std::string key(1, static_cast<char>(name.algorithm()));
  return key.append(reinterpret_cast<const char*>(name.bytes().data()), name.size());
}
std::optional<digest> name_of(std::string_view key) {
  if (key.empty()) return std::nullopt;
  const auto algorithm = static_cast<hubcache::digest_algorithm>(key.front());
  if (algorithm != hubcache::digest_algorithm::sha256 && algorithm != hubcache::digest_algorithm::git_sha1) {
    return std::nullopt;
  }
  const digest name(algorithm, hubcache::as_byte_view(key.substr(1)));
  return key.size() == 1 + name.size() ? std::optional(name) : std::nullopt;
}

/// A checksum, seeded with the key, so that no value is believed that is damaged or another one's; then the places.
std::string encoded(std::string_view key, const std::vector<place>& places) {
  std::string text(sizeof(std::uint64_t), '\0');
  for (const auto& where : places) {
    const place_head head{where.identity,
                          where.fingerprint,
                          static_cast<std::uint32_t>(where.path.size()),
                          static_cast<std::uint8_t>(where.state),
                          static_cast<std::uint8_t>(where.store),
                          0};
    text.append(reinterpret_cast<const char*>(&head), sizeof head) += where.path;
  }
  const auto seed = hubcache::xxh3(hubcache::as_byte_view(key));
  const auto sum = hubcache::xxh3(hubcache::as_byte_view(text).subspan(sizeof(std::uint64_t)), seed);
  std::memcpy(text.data(), &sum, sizeof sum);
  return text;
}

/// None of a value that is damaged.
std::vector<place> decoded(std::string_view key, std::string_view text) {
  std::uint64_t sum = 0;
  if (text.size() < sizeof sum) return {};
  std::memcpy(&sum, text.data(), sizeof sum);
  text.remove_prefix(sizeof sum);
  if (sum != hubcache::xxh3(hubcache::as_byte_view(text), hubcache::xxh3(hubcache::as_byte_view(key))))
    return {};
  std::vector<place> places;
  while (!text.empty()) {
    place_head head;
    if (text.size() < sizeof head) return {};
    std::memcpy(&head, text.data(), sizeof head);
    text.remove_prefix(sizeof head);
    if (text.size() < head.path_size || !hubcache::is_recordable_path(text.substr(0, head.path_size)))
      return {};
    auto& where = places.emplace_back();
    where.path = text.substr(0, head.path_size);
    where.identity = head.identity;
    where.fingerprint = head.fingerprint;
    where.state = static_cast<hubcache::trust>(head.state);
    where.store = static_cast<hubcache::mutability>(head.store);
    text.remove_prefix(head.path_size);
  }
  return places;
}

/// The place becomes the newest. @return how many more there are now: 0 or 1
std::uint64_t put_first(std::vector<place>& places, place where) {
  const auto same =
      std::find_if(places.begin(), places.end(), [&](const place& p) { return p.path == where.path; });
  const bool known = same != places.end();
  if (known) {
    where = hubcache::merged_place(std::move(where), *same);
    if (where == *same) return 0;
    places.erase(same);
  }
  places.insert(places.begin(), std::move(where));
  if (places.size() <= hubcache::max_places) return known ? 0 : 1;
  places.pop_back();
  return 0;
}

/// Ends a transaction whatever happens.
class transaction {
 public:
  explicit transaction(MDB_txn* open) noexcept : open_(open) {}
  transaction(const transaction&) = delete;
  transaction& operator=(const transaction&) = delete;
  ~transaction() {
    if (open_ != nullptr) ::mdb_txn_abort(open_);
  }
  [[nodiscard]] MDB_txn* get() const noexcept { return open_; }
  [[nodiscard]] int commit() noexcept { return ::mdb_txn_commit(std::exchange(open_, nullptr)); }

 private:
  MDB_txn* open_;
};

}  // namespace

/// An open environment. The functions that run `body` return LMDB's code, its own or that of `body`.
class lmdb_index::database {
 public:
  database(const std::string& folder, std::size_t map_size);
  database(const database&) = delete;
  database& operator=(const database&) = delete;
  ~database() { ::mdb_env_close(environment_); }

  template <class Body>
  int read(Body body) {
    return within(MDB_RDONLY, [&](transaction& open) { return body(open.get()); });
  }
  template <class Body>
  int write(Body body) {
    for (;;) {
      const int failed = within(0, [&](transaction& open) {
        const int code = body(open.get());
        return code == MDB_SUCCESS ? open.commit() : code;
      });
      if (failed != MDB_MAP_FULL) return failed;
      if (const int stuck = move_map(true)) return stuck;
    }
  }

  /// The places under `key`; none if there are none, or LMDB fails.
  std::vector<place> places(MDB_txn* open, std::string_view key) const {
    MDB_val wanted = value_of(key), found{};
    return ::mdb_get(open, table_, &wanted, &found) == MDB_SUCCESS ? decoded(key, text_of(found))
                                                                   : std::vector<place>{};
  }
  int put(MDB_txn* open, std::string_view key, std::string_view text) const {
    MDB_val to = value_of(key), value = value_of(text);
    return ::mdb_put(open, table_, &to, &value, 0);
  }
  int put(MDB_txn* open, std::string_view key, const std::vector<place>& places) const {
    if (!places.empty()) return put(open, key, encoded(key, places));
    MDB_val gone = value_of(key);
    const int code = ::mdb_del(open, table_, &gone, nullptr);
    return code == MDB_NOTFOUND ? MDB_SUCCESS : code;
  }

  [[nodiscard]] std::uint64_t count(MDB_txn* open) const {
    MDB_val key = value_of(count_key), found{};
    std::uint64_t count = 0;
    if (::mdb_get(open, table_, &key, &found) == MDB_SUCCESS && found.mv_size == sizeof count) {
      std::memcpy(&count, found.mv_data, sizeof count);
    }
    return count;
  }
  int set_count(MDB_txn* open, std::uint64_t count) const {
    return put(open, count_key, std::string_view(reinterpret_cast<const char*>(&count), sizeof count));
  }

  [[nodiscard]] MDB_dbi table() const noexcept { return table_; }

 private:
  /// Runs `body` in a transaction, once the map is as large as other processes have made the file.
  template <class Body>
  int within(unsigned flags, Body body) {
    for (;;) {
      {
        const auto mapped = keep_map();
        MDB_txn* begun = nullptr;
        const int code = ::mdb_txn_begin(environment_, nullptr, flags, &begun);
        if (code == MDB_SUCCESS) {
          transaction open(begun);
          return body(open);
        }
        if (code != MDB_MAP_RESIZED) return code;
      }
      if (const int code = move_map(false)) return code;
    }
  }

  /// Keeps the mapping where it is. Whoever waits to move it goes first.
  std::shared_lock<std::shared_mutex> keep_map() {
    const std::lock_guard turn(turn_);
    return std::shared_lock(map_);
  }
  /// Makes it as large as the file says, or twice as large as it is.
  int move_map(bool twice) {
    const std::lock_guard turn(turn_);
    const std::unique_lock alone(map_);
    MDB_envinfo now{};
    if (twice) ::mdb_env_info(environment_, &now);
    return ::mdb_env_set_mapsize(environment_, 2 * now.me_mapsize);
  }

  void open(const std::string& folder, std::size_t map_size);
  int adopt(MDB_txn* open, const std::string& file);
  /// LMDB reads what lies behind the end of a file that was cut, and dies of it. Only a writer may look: the file grows
  /// under all others.
  bool is_cut(const std::string& file) const {
    MDB_envinfo now{};
    MDB_stat pages{};
    ::mdb_env_info(environment_, &now);
    ::mdb_env_stat(environment_, &pages);
    return std::filesystem::file_size(file) < (now.me_last_pgno + 1) * pages.ms_psize;
  }

  MDB_env* environment_ = nullptr;
  MDB_dbi table_ = 0;
  std::shared_mutex map_;  // shared by transactions; alone for whoever moves the mapping
  std::mutex turn_;
};

lmdb_index::database::database(const std::string& folder, std::size_t map_size) {
  try {
    open(folder, map_size);
  } catch (const std::filesystem::filesystem_error& e) {
    ::mdb_env_close(environment_);
    throw hubcache::error(hubcache::errc::disk_failed,
                          std::string("the index cannot be opened: ") + e.what());
  } catch (...) {
    ::mdb_env_close(environment_);
    throw;
  }
}

void lmdb_index::database::open(const std::string& folder, std::size_t map_size) {
  hubcache::error_context where;
  where.file = folder + "/data.mdb";
  const auto check = [&](int code) {
    if (code == MDB_SUCCESS) return;
    const bool foreign = code == MDB_INVALID || code == MDB_VERSION_MISMATCH || code == MDB_INCOMPATIBLE ||
                         code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND;
    if (!foreign) throw hubcache::error(hubcache::errc::disk_failed, ::mdb_strerror(code), where);
    throw hubcache::error(hubcache::errc::refused,
                          "it is damaged or was not made by this index; remove it, or choose another folder",
                          where);
  };
  std::filesystem::create_directories(folder);
  std::error_code none;
  const auto found = hubcache::os::status(where.file, none);
  if (!none &&
      (!found.regular || found.owner != hubcache::os::effective_user() || (found.mode & 022U) != 0)) {
    throw hubcache::error(hubcache::errc::refused, "others may write to it; choose another folder", where);
  }
  check(::mdb_env_create(&environment_));
  check(::mdb_env_set_mapsize(environment_, map_size));
  check(::mdb_env_open(environment_, folder.c_str(), MDB_NOTLS | MDB_NOMETASYNC, 0600));
  int left_by_the_dead = 0;
  check(::mdb_reader_check(environment_, &left_by_the_dead));
  check(write([&](MDB_txn* open) { return adopt(open, where.file); }));
}

int lmdb_index::database::adopt(MDB_txn* open, const std::string& file) {
  if (is_cut(file)) return MDB_CORRUPTED;
  if (const int code = ::mdb_dbi_open(open, nullptr, 0, &table_)) return code;
  MDB_stat all{};
  if (const int code = ::mdb_stat(open, table_, &all)) return code;
  if (all.ms_entries == 0) return put(open, format_key, format);
  MDB_val key = value_of(format_key), found{};
  if (const int code = ::mdb_get(open, table_, &key, &found))
    return code == MDB_NOTFOUND ? MDB_INVALID : code;
  return text_of(found) == format ? MDB_SUCCESS : MDB_INVALID;
}

lmdb_index::lmdb_index(const std::string& folder, std::size_t map_size)
    : database_(std::make_unique<database>(folder, map_size)) {}
lmdb_index::lmdb_index(lmdb_index&&) noexcept = default;
lmdb_index& lmdb_index::operator=(lmdb_index&&) noexcept = default;
lmdb_index::~lmdb_index() = default;

std::vector<place> lmdb_index::find(const digest& name) const {
  std::vector<place> found;
  database_->read([&](MDB_txn* open) {
    found = database_->places(open, key_of(name));
    return MDB_SUCCESS;
  });
  return found;
}

std::size_t lmdb_index::insert(std::span<const index_record> records) {
  constexpr std::size_t most_together = 10'000;  // a transaction keeps the pages that it changes in memory
  std::size_t stored = 0;
  while (!records.empty()) {
    const auto batch = records.first(std::min(records.size(), most_together));
    std::size_t put = 0;
    const int failed = database_->write([&](MDB_txn* open) {
      put = 0;
      auto count = database_->count(open);
      for (const auto& record : batch) {
        if (!hubcache::is_recordable_path(record.where.path)) continue;
        const auto key = key_of(record.name);
        auto places = database_->places(open, key);
        count += put_first(places, record.where);
        if (const int code = database_->put(open, key, places)) return code;
        ++put;
      }
      return database_->set_count(open, count);
    });
    if (failed != MDB_SUCCESS) break;
    stored += put;
    records = records.subspan(batch.size());
  }
  return stored;
}

void lmdb_index::forget(const digest& name, const std::string& path) {
  database_->write([&](MDB_txn* open) {
    const auto key = key_of(name);
    auto places = database_->places(open, key);
    if (std::erase_if(places, [&](const place& p) { return p.path == path; }) == 0) return MDB_SUCCESS;
    if (const int code = database_->put(open, key, places)) return code;
    const auto count = database_->count(open);
    return database_->set_count(open, count - std::min<std::uint64_t>(count, 1));
  });
}

void lmdb_index::each(hubcache::record_visitor visit) const {
  constexpr int most_together = 256;  // no transaction is open while the visitor runs
  std::string last;
  for (bool more = true; more;) {
    std::vector<index_record> batch;
    more = false;
    database_->read([&](MDB_txn* open) {
      MDB_cursor* opened = nullptr;
      if (const int code = ::mdb_cursor_open(open, database_->table(), &opened)) return code;
      const std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)> owner(opened, ::mdb_cursor_close);
      MDB_cursor* const cursor = owner.get();
      MDB_val key = value_of(last), value{};
      int code = ::mdb_cursor_get(cursor, &key, &value, last.empty() ? MDB_FIRST : MDB_SET_RANGE);
      if (code == MDB_SUCCESS && text_of(key) == last)
        code = ::mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
      int seen = 0;
      for (; code == MDB_SUCCESS && seen < most_together; ++seen) {
        if (text_of(key) <= last) return MDB_CORRUPTED;  // for ever in circles
        last = text_of(key);
        if (const auto name = name_of(last)) {
          for (auto& where : decoded(last, text_of(value))) batch.emplace_back(*name, std::move(where));
        }
        code = ::mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
      }
      more = seen == most_together;
      return code;
    });
    for (const auto& record : batch) {
      if (!visit(record)) return;
    }
  }
}

std::uint64_t lmdb_index::size() const {
  std::uint64_t count = 0;
  database_->read([&](MDB_txn* open) {
    count = database_->count(open);
    return MDB_SUCCESS;
  });
  return count;
}

}  // namespace plugins
