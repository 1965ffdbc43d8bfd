#pragma once

#include <hubcache/error.hpp>
#include <hubcache/hash/xxh3.hpp>
#include <hubcache/impl/hash_file.ipp>
#include <hubcache/os/folder.hpp>
#include <hubcache/store/confirm.hpp>
#include <hubcache/store/find_stores.hpp>
#include <hubcache/upkeep/index_folder.hpp>
#include <hubcache/work/for_each.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// Whether `path` is `folder` or lies below it.
HUBCACHE_DECL bool is_within(std::string_view path, std::string_view folder) noexcept {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

HUBCACHE_DECL std::string resolved_path(const std::string& path) {
  std::error_code ec;
  auto real = std::filesystem::weakly_canonical(path, ec).string();
  return ec ? path : real;
}

}  // namespace detail

HUBCACHE_DECL store folder_to_index(const std::string& folder, const settings& config) {
  std::error_code ec;
  const auto path = std::filesystem::canonical(folder, ec).string();
  if (ec) throw error(errc::invalid_argument, folder + " cannot be indexed: " + ec.message());
  if (!os::status(path, ec).directory) throw error(errc::invalid_argument, folder + " is no folder");
  if (path == "/") throw error(errc::refused, "/ is the whole machine; name the folders that hold models");
  if (os::is_kernel_file_system(path)) throw error(errc::refused, path + " holds no stored files");
  for (const auto& own : {config.cache_dir, config.state_dir}) {
    if (!detail::is_within(path, detail::resolved_path(own))) continue;
    throw error(errc::refused, path + " is hubcache's own: " + own + " needs no adding");
  }
  for (const auto& s : config.stores) {
    const auto ground = detail::resolved_path(s.path);
    if (path == ground) return {s.kind, path, store_origin::added};
    if (mutability_of(s.kind) == mutability::mutable_store || !detail::is_within(path, ground)) continue;
    throw error(errc::refused, path + " is in the store " + s.path + " (" + std::string(to_string(s.kind)) +
                                   "), whose files are known by their names already");
  }
  return {recognise_store(path).value_or(store_kind::folder), path, store_origin::added};
}

HUBCACHE_DECL std::vector<std::string> foreign_folders(const std::string& folder, const settings& config) {
  std::vector<std::string> all{config.cache_dir, config.state_dir};
  for (const auto& s : config.stores) {
    if (mutability_of(s.kind) == mutability::immutable_store) all.push_back(s.path);
  }
  std::vector<std::string> result;
  for (const auto& path : all) {
    if (auto real = detail::resolved_path(path); detail::is_within(real, folder))
      result.push_back(std::move(real));
  }
  return result;
}

HUBCACHE_DECL std::uint64_t folder_plan::bytes_to_read() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& file : to_read) sum += file.size;
  return sum;
}

namespace detail {

struct walked_file {
  std::string path;
  os::file_identity identity;
};

/// Collects the files below a folder; counts and reports the rest in `plan`.
class folder_walk {
 public:
  folder_walk(const folder_options& options, folder_plan& plan, const std::stop_token& stop)
      : options_(options), plan_(plan), stop_(stop) {}

  std::vector<walked_file> files;

  void enter(const os::folder& here, const std::string& path, std::uint64_t parent_device, unsigned depth) {
    std::error_code ec;
    const auto self = here.status(".", ec).identity;
    // Mounts can show a folder inside itself.
    if (ec || !entered_.emplace(self.device, self.inode).second) return;
    if (self.device != parent_device && os::is_kernel_file_system(path)) return;
    const auto entries = here.entries(ec);
    if (ec) plan_.problems.emplace_back(path, ec.message());
    for (const auto& entry : entries) {
      if (stop_.stop_requested()) return;
      using enum os::folder_entry::type;
      if (entry.kind == file) add(here, path, entry.name);
      if (entry.kind == folder) descend(here, path, entry.name, self.device, depth);
      if (entry.kind == symlink) ++plan_.symlinks;
    }
  }

 private:
  void add(const os::folder& here, const std::string& path, const std::string& name) {
    std::error_code ec;
    const auto status = here.status(name, ec);
    if (ec || !status.regular || status.identity.size < std::max<std::uint64_t>(options_.min_size, 1)) return;
    files.push_back({path + "/" + name, status.identity});
  }

  void descend(const os::folder& here, const std::string& path, const std::string& name, std::uint64_t device,
               unsigned depth) {
    constexpr unsigned deepest = 200;  // each level holds a descriptor
    const auto below = path + "/" + name;
    if (std::find(options_.skipped.begin(), options_.skipped.end(), below) != options_.skipped.end()) return;
    if (name.starts_with('.')) {
      ++plan_.hidden;
      return;
    }
    std::error_code ec;
    if (depth == deepest) ec = std::make_error_code(std::errc::filename_too_long);
    const auto next = ec ? os::folder{} : here.child(name, ec);
    if (!ec) {
      enter(next, below, device, depth + 1);
    } else if (ec != std::errc::no_such_file_or_directory) {
      plan_.problems.emplace_back(below, ec.message());
    }
  }

  const folder_options& options_;
  folder_plan& plan_;
  const std::stop_token& stop_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> entered_;
};

using records_by_path = std::unordered_map<std::string, std::vector<index_record>>;

/// What the index says of the files in `folder`.
HUBCACHE_DECL records_by_path records_in(const std::string& folder, const index_ref& index) {
  records_by_path result;
  index.each([&](const index_record& record) {
    if (is_within(record.where.path, folder)) result[record.where.path].push_back(record);
    return true;
  });
  return result;
}

/// Finds what is known of a file.
class folder_knowledge {
 public:
  folder_knowledge(const std::string& folder, const index_ref& index) : by_path_(records_in(folder, index)) {
    for (const auto& [path, records] : by_path_) {
      for (const auto& r : records) {
        if (is_hint(r)) by_inode_[{r.where.identity.device, r.where.identity.inode}] = &r;
      }
    }
  }

  /// What has to be read of `file`, if anything has.
  [[nodiscard]] std::optional<folder_file> judge(const walked_file& file) {
    folder_file result;
    result.path = file.path;
    result.size = file.identity.size;
    std::size_t known = 0;
    const auto found = by_path_.find(file.path);
    if (found != by_path_.end()) {
      seen_.insert(found->first);
      for (const auto& r : found->second) {
        result.recorded.push_back(r.name);
        if (r.where.state == trust::verified && r.where.identity == file.identity) ++known;
        expect(result, r);
      }
    }
    if (known == (result.size <= largest_git_file ? 2U : 1U)) return std::nullopt;
    const auto moved = by_inode_.find({file.identity.device, file.identity.inode});
    if (!result.expected && moved != by_inode_.end()) expect(result, *moved->second);
    return result;
  }

  /// Records whose files are missing. What is there and was not walked stays.
  [[nodiscard]] std::vector<index_record> gone() const {
    std::vector<index_record> result;
    for (const auto& [path, records] : by_path_) {
      std::error_code ec;
      if (seen_.contains(path)) continue;
      static_cast<void>(os::status(path, ec));
      if (ec == std::errc::no_such_file_or_directory || ec == std::errc::not_a_directory) {
        result.insert(result.end(), records.begin(), records.end());
      }
    }
    return result;
  }

 private:
  static bool is_hint(const index_record& r) noexcept {
    return r.where.fingerprint != 0 && r.name.algorithm() == digest_algorithm::sha256;
  }
  static void expect(folder_file& file, const index_record& r) {
    if (!is_hint(r) || r.where.identity.size != file.size || file.size <= largest_git_file) return;
    file.expected = r.name;
    file.fingerprint = r.where.fingerprint;
  }

  records_by_path by_path_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, const index_record*> by_inode_;
  std::unordered_set<std::string_view> seen_;  // keys of by_path_
};

}  // namespace detail

HUBCACHE_DECL folder_plan plan_folder(const std::string& folder, const folder_options& options,
                                      const index_ref& index, const std::stop_token& stop) {
  std::error_code ec;
  const auto top = os::folder::open(folder, ec);
  if (ec) throw_disk_error(ec, "read", folder);
  folder_plan plan;
  detail::folder_walk walk(options, plan, stop);
  walk.enter(top, folder, 0, 0);
  detail::folder_knowledge knowledge(folder, index);
  for (const auto& file : walk.files) {
    if (auto task = knowledge.judge(file)) {
      plan.to_read.push_back(std::move(*task));
    } else {
      plan.unchanged.add(file.identity.size);
    }
  }
  if (stop.stop_requested()) return {};
  plan.gone = knowledge.gone();
  plan.complete = true;
  std::sort(plan.to_read.begin(), plan.to_read.end(), [](const folder_file& a, const folder_file& b) {
    return a.size != b.size ? a.size > b.size : a.path < b.path;
  });
  return plan;
}

namespace detail {

/// What came of reading a file once.
struct file_reading {
  enum class outcome : unsigned char { hashed, compared, changed, unreadable, vanished, cancelled };

  file_reading() = default;

  outcome result = outcome::changed;
  std::vector<index_record> records;  // if hashed or compared
  std::string problem;                // if unreadable
};

/// Carries out a folder_plan.
class folder_indexing {
 public:
  folder_indexing(const folder_plan& plan, const hash_set_ref& hashes, index_ref index,
                  const folder_observer& progress, const std::stop_token& stop)
      : plan_(plan), hashes_(hashes), index_(index), progress_(progress), stop_(stop) {}

  folder_report run(workers& pool) {
    for_each_index(
        pool, plan_.to_read.size(), [this](std::size_t i) { take(plan_.to_read[i]); }, stop_);
    record();
    report_.complete = plan_.complete && ended_ == plan_.to_read.size();
    if (report_.complete) {
      for (const auto& r : plan_.gone) index_.forget(r.name, r.where.path);
    }
    return std::move(report_);
  }

 private:
  using outcome = file_reading::outcome;

  void take(const folder_file& file) {
    tell({folder_progress::step::begun, file, 0});
    auto got = read(file);
    if (got.result == outcome::changed) got = read(file);
    if (got.result == outcome::cancelled) return;
    const std::lock_guard hold(mutex_);
    count(file, got);
    keep(file, std::move(got));
    ++ended_;
    if (progress_) progress_({folder_progress::step::ended, file, 0});
  }

  void tell(const folder_progress& news) {
    const std::lock_guard hold(mutex_);
    if (progress_) progress_(news);
  }

  file_reading read(const folder_file& file) {
    std::error_code ec;
    const auto opened = os::open_read(file.path, ec);
    const auto before = ec ? os::file_identity{} : os::status(opened, ec).identity;
    if (ec) return failed(ec);
    // Asked before the first byte is read: what is written later has another time, or leaves a claim.
    place where;
    where.state = trust_after_hash(before, mutability::mutable_store);
    where.path = file.path;
    where.identity = before;
    where.store = mutability::mutable_store;

    file_reading result;
    if (before.size == file.size && file.expected) {
      where.fingerprint = fingerprint(file, opened, ec);
      result.result = outcome::compared;
      result.records.emplace_back(*file.expected, where);
    }
    if (!ec && (!file.expected || where.fingerprint != file.fingerprint)) {
      result.result = outcome::hashed;
      result.records = hash(file, opened, std::move(where), ec);
    }
    if (ec) return failed(ec);
    const auto after = os::status(file.path, ec).identity;
    if (ec) return failed(ec);
    if (after != before) result.result = outcome::changed;
    return result;
  }

  static file_reading failed(const std::error_code& ec) {
    file_reading result;
    if (ec == errc::cancelled) {
      result.result = outcome::cancelled;
    } else if (ec == errc::size_mismatch) {
      result.result = outcome::changed;
    } else if (ec == std::errc::no_such_file_or_directory || ec == std::errc::not_a_directory ||
               ec == std::errc::too_many_symbolic_link_levels || ec == std::errc::invalid_argument) {
      result.result = outcome::vanished;  // or it is no regular file any more
    } else {
      result.result = outcome::unreadable;
      result.problem = ec.message();
    }
    return result;
  }

  std::uint64_t fingerprint(const folder_file& file, const os::descriptor& opened, std::error_code& ec) {
    xxh3_stream stream;
    each_block(opened, file.size, stop_, ec, [&](byte_view block) {
      stream.update(block);
      tell({folder_progress::step::read, file, block.size()});
    });
    return stream.value();
  }

  /// The records of one pass over the file.
  std::vector<index_record> hash(const folder_file& file, const os::descriptor& opened, place where,
                                 std::error_code& ec) {
    const auto size = where.identity.size;
    auto sha256 = hashes_.make(digest_algorithm::sha256, size);
    std::optional<any_hasher> git_sha1;
    if (size <= largest_git_file) git_sha1 = hashes_.make(digest_algorithm::git_sha1, size);
    xxh3_stream stream;
    each_block(opened, size, stop_, ec, [&](byte_view block) {
      sha256.update(block);
      if (git_sha1) git_sha1->update(block);
      stream.update(block);
      tell({folder_progress::step::read, file, block.size()});
    });
    where.fingerprint = stream.value();
    std::vector<index_record> records;
    if (git_sha1) records.emplace_back(git_sha1->finish(), where);
    records.emplace_back(sha256.finish(), std::move(where));
    return records;
  }

  void count(const folder_file& file, const file_reading& got) {
    switch (got.result) {
      case outcome::hashed:
        return report_.hashed.add(file.size);
      case outcome::compared:
        return report_.compared.add(file.size);
      case outcome::changed:
        report_.problems.emplace_back(file.path, "it changes while it is read");
        return report_.failed.add(file.size);
      case outcome::unreadable:
        report_.problems.emplace_back(file.path, got.problem);
        return report_.failed.add(file.size);
      case outcome::vanished:
        ++report_.vanished;
        return;
      case outcome::cancelled:
        return;
    }
  }

  /// Takes what was learned for the index. What cannot be read may still be what it was.
  void keep(const folder_file& file, file_reading got) {
    if (got.result == outcome::unreadable) return;
    if (got.result == outcome::changed) got.records.clear();
    for (const auto& name : file.recorded) {
      const bool still = std::any_of(got.records.begin(), got.records.end(),
                                     [&](const index_record& r) { return r.name == name; });
      if (!still) wrong_.emplace_back(name, file.path);
    }
    std::move(got.records.begin(), got.records.end(), std::back_inserter(found_));
    const auto now = std::chrono::steady_clock::now();
    if (now - recorded_ < std::chrono::seconds(1) && found_.size() < 512) return;
    record();
    recorded_ = now;
  }

  void record() {
    for (const auto& [name, path] : wrong_) index_.forget(name, path);
    wrong_.clear();
    if (!found_.empty()) index_.insert(found_);
    found_.clear();
  }

  const folder_plan& plan_;
  const hash_set_ref& hashes_;
  index_ref index_;
  const folder_observer& progress_;
  const std::stop_token& stop_;

  std::mutex mutex_;  // guards the rest, and progress_
  folder_report report_;
  std::size_t ended_ = 0;
  std::vector<index_record> found_;
  std::vector<std::pair<digest, std::string>> wrong_;
  std::chrono::steady_clock::time_point recorded_ = std::chrono::steady_clock::now();
};

}  // namespace detail

HUBCACHE_DECL folder_report index_folder(const folder_plan& plan, const hash_set_ref& hashes, index_ref index,
                                         workers& pool, const folder_observer& progress,
                                         const std::stop_token& stop) {
  return detail::folder_indexing(plan, hashes, index, progress, stop).run(pool);
}

HUBCACHE_DECL file_count shared_with_cache(const std::string& folder, const std::string& cache_dir,
                                           const index_ref& index) {
  file_count result;
  for (const auto& [path, records] : detail::records_in(folder, index)) {
    const bool shared = std::any_of(records.begin(), records.end(), [&](const index_record& mine) {
      const auto places = index.find(mine.name);
      return std::any_of(places.begin(), places.end(), [&](const place& other) {
        return detail::is_within(other.path, cache_dir) &&
               (other.identity.inode != mine.where.identity.inode ||
                other.identity.device != mine.where.identity.device);
      });
    });
    if (shared) result.add(records.front().where.identity.size);
  }
  return result;
}

HUBCACHE_DECL std::size_t forget_folder(const std::string& folder, const std::vector<std::string>& skipped,
                                        index_ref index) {
  std::size_t files = 0;
  for (const auto& file : detail::records_in(folder, index)) {
    const bool foreign = std::any_of(skipped.begin(), skipped.end(), [&file](const std::string& other) {
      return detail::is_within(file.first, other);
    });
    if (foreign) continue;
    for (const auto& r : file.second) index.forget(r.name, file.first);
    ++files;
  }
  return files;
}

}  // namespace hubcache::inline v0_1
