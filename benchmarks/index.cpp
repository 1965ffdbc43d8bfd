// The index beside what else could hold digest -> place: LMDB, SQLite, and a JSON file read into a hash map.
// Usage: benchmark_index [ENTRIES [ENGINE...]]; engines: mapped copied lmdb sqlite json passes. All hold the same keys
// and values, and every look-up that hits returns a copy of the whole place. `copied` is the index without mappings,
// `passes` are calls of the index that read all of it. Files lie in TMPDIR; nothing is synced, all is warm.
#include <hubcache/hub/json_text.hpp>
#include <hubcache/index/mapped_index.hpp>
#include <hubcache/os/file.hpp>

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>
#if defined(HUBCACHE_HAS_LMDB)
#include <lmdb.h>
#endif
#if defined(HUBCACHE_HAS_SQLITE)
#include <sqlite3.h>
#endif

namespace {

namespace fs = std::filesystem;
using hubcache::digest;
using hubcache::index_access;
using hubcache::index_record;
using hubcache::place;

constexpr std::uint64_t batch_size = 10'000;

// --- What is stored ---------------------------------------------------------------------------------------------

/// A digest that looks random and is the same for the same `n`.
digest digest_number(std::uint64_t n) {
  std::array<std::uint64_t, 4> words{};
  for (auto& word : words) {
    n += 0x9E3779B97F4A7C15;
    word = (n ^ (n >> 30U)) * 0xBF58476D1CE4E5B9;
    word = (word ^ (word >> 27U)) * 0x94D049BB133111EB;
    word ^= word >> 31U;
  }
  return {hubcache::digest_algorithm::sha256, std::as_bytes(std::span(words))};
}

index_record record_number(std::uint64_t n) {
  index_record record;
  record.name = digest_number(n);
  record.where.path = "/home/user/.cache/huggingface/hub/models--acme--llm-" + std::to_string(n % 10'000) +
                      "/blobs/" + record.name.hex();
  record.where.identity = {7, n, n * 1000, static_cast<std::int64_t>(n), static_cast<std::int64_t>(n)};
  record.where.state = hubcache::trust::verified;
  record.where.fingerprint = n;
  return record;
}

/// A place as bytes, for the engines that store those.
std::string bytes_of(const place& where) {
  std::string bytes(sizeof where.identity + sizeof where.fingerprint + 2, '\0');
  std::memcpy(bytes.data(), &where.identity, sizeof where.identity);
  std::memcpy(bytes.data() + sizeof where.identity, &where.fingerprint, sizeof where.fingerprint);
  bytes[bytes.size() - 2] = static_cast<char>(where.state);
  bytes[bytes.size() - 1] = static_cast<char>(where.store);
  return bytes + where.path;
}

[[maybe_unused]] place place_of(std::string_view bytes) {
  place where;
  constexpr std::size_t fixed = sizeof where.identity + sizeof where.fingerprint + 2;
  std::memcpy(&where.identity, bytes.data(), sizeof where.identity);
  std::memcpy(&where.fingerprint, bytes.data() + sizeof where.identity, sizeof where.fingerprint);
  where.state = static_cast<hubcache::trust>(bytes[fixed - 2]);
  where.store = static_cast<hubcache::mutability>(bytes[fixed - 1]);
  where.path = bytes.substr(fixed);
  return where;
}

// --- The engines
// ------------------------------------------------------------------------------------------------ Each is
// made for a folder, where it opens or creates its files.

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

template <index_access Access>
class index_engine {
 public:
  explicit index_engine(const std::string& folder) : index_(folder, Access) {}
  void insert(std::span<const index_record> batch) {
    require(index_.insert(batch) == batch.size(), "mapped_index: insert failed");
  }
  std::optional<place> find(const digest& name) const {
    auto places = index_.find(name);
    return places.empty() ? std::nullopt : std::optional(std::move(places.front()));
  }

 private:
  hubcache::mapped_index index_;
};

#if defined(HUBCACHE_HAS_LMDB)
class lmdb_engine {
 public:
  explicit lmdb_engine(const std::string& folder) {
    require(mdb_env_create(&environment_) == 0, "LMDB: no environment");
    mdb_env_set_mapsize(environment_, std::size_t{64} << 30U);
    require(mdb_env_open(environment_, folder.c_str(), MDB_NOSYNC, 0600) == 0, "LMDB: open failed");
    MDB_txn* writing = nullptr;
    mdb_txn_begin(environment_, nullptr, 0, &writing);
    mdb_dbi_open(writing, nullptr, 0, &table_);
    mdb_txn_commit(writing);
    mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &reading_);
  }
  lmdb_engine(const lmdb_engine&) = delete;
  lmdb_engine& operator=(const lmdb_engine&) = delete;
  ~lmdb_engine() {
    mdb_txn_abort(reading_);
    mdb_env_close(environment_);
  }

  void insert(std::span<const index_record> batch) {
    mdb_txn_reset(reading_);
    MDB_txn* writing = nullptr;
    mdb_txn_begin(environment_, nullptr, 0, &writing);
    for (const auto& record : batch) {
      auto bytes = bytes_of(record.where);
      MDB_val key = key_of(record.name);
      MDB_val value{bytes.size(), bytes.data()};
      require(mdb_put(writing, table_, &key, &value, 0) == 0, "LMDB: put failed");
    }
    require(mdb_txn_commit(writing) == 0, "LMDB: commit failed");
    mdb_txn_renew(reading_);
  }
  std::optional<place> find(const digest& name) const {
    MDB_val key = key_of(name);
    MDB_val value{};
    if (mdb_get(reading_, table_, &key, &value) != 0) return std::nullopt;
    return place_of({static_cast<const char*>(value.mv_data), value.mv_size});
  }

 private:
  static MDB_val key_of(const digest& name) {
    return {name.bytes().size(), const_cast<std::byte*>(name.bytes().data())};
  }

  MDB_env* environment_ = nullptr;
  MDB_txn* reading_ = nullptr;
  MDB_dbi table_ = 0;
};
#endif

#if defined(HUBCACHE_HAS_SQLITE)
class sqlite_engine {
 public:
  explicit sqlite_engine(const std::string& folder) {
    require(sqlite3_open((folder + "/index.sqlite").c_str(), &database_) == SQLITE_OK, "SQLite: open failed");
    run("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-262144; "
        "PRAGMA mmap_size=17179869184; "
        "CREATE TABLE IF NOT EXISTS places(name BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID");
    insert_ = prepared("INSERT OR REPLACE INTO places VALUES(?, ?)");
    find_ = prepared("SELECT value FROM places WHERE name = ?");
  }
  sqlite_engine(const sqlite_engine&) = delete;
  sqlite_engine& operator=(const sqlite_engine&) = delete;
  ~sqlite_engine() {
    sqlite3_finalize(insert_);
    sqlite3_finalize(find_);
    sqlite3_close(database_);
  }

  void insert(std::span<const index_record> batch) {
    run("BEGIN");
    for (const auto& record : batch) {
      const auto bytes = bytes_of(record.where);
      bind(insert_, 1, record.name.bytes());
      bind(insert_, 2, hubcache::as_byte_view(bytes));
      require(sqlite3_step(insert_) == SQLITE_DONE, "SQLite: insert failed");
      sqlite3_reset(insert_);
    }
    run("COMMIT");
  }
  std::optional<place> find(const digest& name) const {
    bind(find_, 1, name.bytes());
    std::optional<place> found;
    if (sqlite3_step(find_) == SQLITE_ROW) {
      found = place_of({static_cast<const char*>(sqlite3_column_blob(find_, 0)),
                        static_cast<std::size_t>(sqlite3_column_bytes(find_, 0))});
    }
    sqlite3_reset(find_);
    return found;
  }

 private:
  void run(const char* sql) {
    require(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK, "SQLite: failed");
  }
  sqlite3_stmt* prepared(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    require(sqlite3_prepare_v2(database_, sql, -1, &statement, nullptr) == SQLITE_OK, "SQLite: bad SQL");
    return statement;
  }
  static void bind(sqlite3_stmt* statement, int at, hubcache::byte_view bytes) {
    sqlite3_bind_blob(statement, at, bytes.data(), static_cast<int>(bytes.size()), nullptr);
  }

  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* find_ = nullptr;
};
#endif

/// What a program without an index does: one JSON file, wholly read at the start.
class json_engine {
 public:
  explicit json_engine(const std::string& folder) : path_(folder + "/index.json") {
    if (fs::exists(path_)) load();
  }

  void insert(std::span<const index_record> batch) {
    std::string text;
    for (const auto& record : batch) append(text, record);
    std::ofstream(path_, std::ios::app | std::ios::binary) << text;
  }
  std::optional<place> find(const digest& name) const {
    const auto found = places_.find(name);
    return found == places_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  /// One object a line.
  static void append(std::string& text, const index_record& record) {
    const auto& id = record.where.identity;
    text.append("{\"digest\":\"").append(record.name.hex()).append("\",\"path\":");
    hubcache::append_json_string(text, record.where.path, false);
    const auto number = [&text](const char* key, std::uint64_t value) {
      text.append(",\"").append(key).append("\":").append(std::to_string(value));
    };
    number("device", id.device);
    number("inode", id.inode);
    number("size", id.size);
    number("mtime", static_cast<std::uint64_t>(id.mtime_ns));
    number("ctime", static_cast<std::uint64_t>(id.ctime_ns));
    number("fingerprint", record.where.fingerprint);
    number("verified", 1);
    text += "}\n";
  }
  void load() {
    simdjson::ondemand::parser parser;
    const auto text = simdjson::padded_string::load(path_).value();
    auto lines = parser.iterate_many(text).value();
    for (auto line : lines) {
      auto object = line.get_object().value();
      const auto name = digest::parse(std::string_view(object["digest"].get_string().value()));
      place where;
      where.path = std::string_view(object["path"].get_string().value());
      where.identity.device = object["device"].get_uint64().value();
      where.identity.inode = object["inode"].get_uint64().value();
      where.identity.size = object["size"].get_uint64().value();
      where.identity.mtime_ns = object["mtime"].get_int64().value();
      where.identity.ctime_ns = object["ctime"].get_int64().value();
      where.fingerprint = object["fingerprint"].get_uint64().value();
      where.state = hubcache::trust(object["verified"].get_uint64().value());
      places_.emplace(name.value(), std::move(where));
    }
  }

  std::string path_;
  std::unordered_map<digest, place> places_;
};

// --- The measurement --------------------------------------------------------------------------------------------

struct result {
  double inserts_per_second = 0;
  double hit_ns = 0;
  double miss_ns = 0;
  double open_us = 0;
  double file_mb = 0;
  double anonymous_mb = 0;
};

template <class Work>
double seconds(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double size_of(const fs::path& folder) {
  double bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::error_code ec;
    bytes += static_cast<double>(hubcache::os::status(entry.path().string(), ec).allocated);
  }
  return bytes / 1e6;
}

/// Memory of this process that no file backs.
double anonymous_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::strtod(line.c_str() + 8, nullptr) / 1e3;
  }
  return 0;
}

/// Nanoseconds per look-up of random keys `from` to `from + count`; all of them must hit, or none.
template <class Engine>
double look_up(const Engine& engine, std::uint64_t from, std::uint64_t count, bool hit) {
  constexpr std::uint64_t rounds = 1'000'000;
  std::vector<digest> keys;
  for (std::uint64_t i = 0; i < rounds; ++i) keys.push_back(digest_number(from + i * 2'654'435'761U % count));
  std::uint64_t hits = 0;
  const auto taken = seconds([&] {
    for (const auto& key : keys) hits += engine.find(key) ? 1U : 0U;
  });
  require(hits == (hit ? rounds : 0), "a wrong number of hits");
  return taken * 1e9 / static_cast<double>(rounds);
}

/// A folder of its own, removed at the end.
class working_folder {
 public:
  working_folder()
      : path_(fs::temp_directory_path() / ("hubcache-benchmark-" + hubcache::os::random_hex(8))) {
    fs::create_directories(path_);
    fs::permissions(path_, fs::perms::owner_all);
  }
  working_folder(const working_folder&) = delete;
  working_folder& operator=(const working_folder&) = delete;
  ~working_folder() { fs::remove_all(path_); }
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

/// @return Seconds.
template <class Engine>
double fill(Engine& engine, std::uint64_t entries) {
  double inserting = 0;
  std::vector<index_record> batch;
  for (std::uint64_t n = 0; n < entries;) {
    batch.clear();
    while (batch.size() < batch_size && n < entries) batch.push_back(record_number(n++));
    inserting += seconds([&] { engine.insert(batch); });
  }
  return inserting;
}

template <class Engine>
result measure(std::uint64_t entries) {
  const working_folder folder;
  result r;
  {
    Engine engine(folder.path());
    r.inserts_per_second = static_cast<double>(entries) / fill(engine, entries);
  }
  std::optional<Engine> engine;
  r.open_us = 1e6 * seconds([&] {
                engine.emplace(folder.path());
                require(engine->find(digest_number(1)).has_value(), "the first look-up missed");
              });
  for (std::uint64_t n = 0; n < entries; n += entries / 1000 + 1) {
    require(engine->find(digest_number(n)) == record_number(n).where, "a wrong answer");
  }
  r.hit_ns = look_up(*engine, 0, entries, true);
  r.miss_ns = look_up(*engine, entries, entries, false);
  r.anonymous_mb = anonymous_mb();
  r.file_mb = size_of(folder.path());
  return r;
}

void measure_passes(std::uint64_t entries) {
  const working_folder folder;
  hubcache::mapped_index index(folder.path());
  fill(index, entries);
  std::uint64_t seen = 0;
  const auto report = [](const char* what, double taken) {
    std::printf("%-8s %10.1f s %27s RssAnon %.0f MB\n", what, taken, "", anonymous_mb());
    std::fflush(stdout);
  };
  report("each", seconds([&] { index.each([&seen](const index_record&) { return ++seen != 0; }); }));
  require(seen == entries, "each() left something out");
  report("check", seconds([&] { require(index.check().places == entries, "check() found damage"); }));
  report("rebuild", seconds([&] { require(index.rebuild(), "rebuild() failed"); }));
  require(index.size() == entries, "rebuild() lost something");
}

using measurement = result (*)(std::uint64_t);
#if defined(HUBCACHE_HAS_LMDB)
constexpr measurement measure_lmdb = measure<lmdb_engine>;
#else
constexpr measurement measure_lmdb = nullptr;
#endif
#if defined(HUBCACHE_HAS_SQLITE)
constexpr measurement measure_sqlite = measure<sqlite_engine>;
#else
constexpr measurement measure_sqlite = nullptr;
#endif

struct contender {
  const char* name;
  measurement measure;  // null if it was not built
};
constexpr std::array<contender, 5> contenders{{{"mapped", measure<index_engine<index_access::mapped>>},
                                               {"copied", measure<index_engine<index_access::copied>>},
                                               {"lmdb", measure_lmdb},
                                               {"sqlite", measure_sqlite},
                                               {"json", measure<json_engine>}}};

}  // namespace

int main(int argc, char** argv) try {
  const auto entries = argc > 1 ? std::max(std::strtoull(argv[1], nullptr, 10), 2ULL) : 1'000'000;
  const std::vector<std::string_view> named(argv + std::min(argc, 2), argv + argc);
  const auto wanted = [&named](std::string_view name) {
    return named.empty() || std::find(named.begin(), named.end(), name) != named.end();
  };
  std::printf("%llu entries\n%-8s %10s %9s %9s %12s %9s %11s\n", static_cast<unsigned long long>(entries),
              "engine", "insert/s", "hit ns", "miss ns", "open+1st us", "files MB", "RssAnon MB");
  for (const auto& c : contenders) {
    if (c.measure == nullptr || !wanted(c.name)) continue;
    const auto r = c.measure(entries);
    std::printf("%-8s %10.0f %9.0f %9.0f %12.0f %9.0f %11.0f\n", c.name, r.inserts_per_second, r.hit_ns,
                r.miss_ns, r.open_us, r.file_mb, r.anonymous_mb);
    std::fflush(stdout);
  }
  if (wanted("passes")) measure_passes(entries);
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "benchmark_index: %s\n", e.what());
  return 1;
}
