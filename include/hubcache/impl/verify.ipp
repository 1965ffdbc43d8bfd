#pragma once

#include <hubcache/error.hpp>
#include <hubcache/hash/hash_file.hpp>
#include <hubcache/hash/hash_files.hpp>
#include <hubcache/os/lock.hpp>
#include <hubcache/store/publish.hpp>
#include <hubcache/upkeep/verify.hpp>
#include <hubcache/work/for_each.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <utility>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL std::string_view to_string(verdict outcome) noexcept {
  static constexpr std::array<std::string_view, verdict_count> names{
      "pending", "ok",     "corrupt",     "wrong_size", "missing", "unreadable",
      "changed", "edited", "uncheckable", "absent",     "extra"};
  return names[static_cast<std::size_t>(outcome)];
}

HUBCACHE_DECL std::array<std::size_t, verdict_count> verification::counts() const noexcept {
  std::array<std::size_t, verdict_count> result{};
  for (const auto& file : files) ++result[static_cast<std::size_t>(file.outcome)];
  return result;
}

namespace detail {

/// What an interrupted run had verified: lines of identity and digest. Thread-safe.
class verify_checkpoint {
 public:
  /// Reads what is there, unless it is older than a week; does nothing without a path, or while another uses it.
  HUBCACHE_DECL explicit verify_checkpoint(std::string path);
  verify_checkpoint(const verify_checkpoint&) = delete;
  verify_checkpoint& operator=(const verify_checkpoint&) = delete;
  ~verify_checkpoint() { write(); }

  [[nodiscard]] bool holds(const os::file_identity& identity, const digest& name) const {
    return known_.contains(line_of(identity, name));
  }
  HUBCACHE_DECL void add(const os::file_identity& identity, const digest& name);
  /// All is done: nothing is left to remember.
  HUBCACHE_DECL void finish();

 private:
  [[nodiscard]] HUBCACHE_DECL static std::string line_of(const os::file_identity& identity,
                                                         const digest& name);
  HUBCACHE_DECL void load();
  HUBCACHE_DECL void write();

  std::string path_;
  os::descriptor file_;
  std::unordered_set<std::string> known_;
  std::mutex mutex_;     // guards what follows
  std::string unsaved_;  // lines
  std::uint64_t end_ = 0;
  std::chrono::steady_clock::time_point saved_ = std::chrono::steady_clock::now();
};

HUBCACHE_DECL verify_checkpoint::verify_checkpoint(std::string path) : path_(std::move(path)) {
  if (path_.empty()) return;
  std::error_code ec;
  const auto folder = std::filesystem::path(path_).parent_path();
  const auto in = os::folder::make_below(folder.parent_path().string(), folder.string(), ec, 0700);
  if (!ec) file_ = in.open_or_create(os::last_segment(path_), 0600, ec);
  if (file_) {
    const auto lock = os::try_lock(file_, path_, os::lock_mode::exclusive, ec);
    if (lock != os::lock_outcome::granted && lock != os::lock_outcome::unsupported) file_.close();
  }
  if (file_) load();
}

HUBCACHE_DECL void verify_checkpoint::load() {
  std::error_code ec;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto written = std::chrono::nanoseconds(os::status(file_, ec).identity.mtime_ns);
  const auto text = os::read_text(path_, std::size_t{256} << 20U, ec);
  if (ec || now - written > std::chrono::hours(7 * 24)) {
    os::resize(file_, 0, ec);
    return;
  }
  std::size_t at = 0;
  for (auto end = text.find('\n'); end != text.npos; end = text.find('\n', at)) {
    known_.insert(text.substr(at, end - at));
    at = end + 1;
  }
  end_ = at;  // a line that was cut off is written over
}

HUBCACHE_DECL std::string verify_checkpoint::line_of(const os::file_identity& identity, const digest& name) {
  return std::to_string(identity.device) + " " + std::to_string(identity.inode) + " " +
         std::to_string(identity.size) + " " + std::to_string(identity.mtime_ns) + " " +
         std::to_string(identity.ctime_ns) + " " + name.hex();
}

HUBCACHE_DECL void verify_checkpoint::add(const os::file_identity& identity, const digest& name) {
  if (!file_) return;
  const std::lock_guard hold(mutex_);
  unsaved_ += line_of(identity, name) + "\n";
  if (std::chrono::steady_clock::now() - saved_ >= std::chrono::seconds(2)) write();
}

HUBCACHE_DECL void verify_checkpoint::write() {
  std::error_code ec;
  if (file_ && !unsaved_.empty()) os::write_at(file_, as_byte_view(unsaved_), end_, ec);
  if (!ec) end_ += unsaved_.size();
  unsaved_.clear();
  saved_ = std::chrono::steady_clock::now();
}

HUBCACHE_DECL void verify_checkpoint::finish() {
  std::error_code ignored;
  if (file_) os::remove(path_, ignored);
  file_.close();
}

/// Counts bytes that went through hashers, and tells of them now and then.
class verify_meter {
 public:
  verify_meter(const std::function<void(std::uint64_t, std::uint64_t)>& tell, std::uint64_t total)
      : tell_(tell), total_(total) {}

  void add(std::uint64_t bytes) {
    const auto done = std::min(done_ += bytes, total_);
    const std::unique_lock telling(mutex_, std::try_to_lock);
    const auto now = std::chrono::steady_clock::now();
    if (!tell_ || !telling || (now - told_ < std::chrono::milliseconds(100) && done < total_)) return;
    told_ = now;
    tell_(done, total_);
  }

 private:
  const std::function<void(std::uint64_t, std::uint64_t)>& tell_;
  const std::uint64_t total_;
  std::atomic<std::uint64_t> done_ = 0;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point told_{};
};

/// A hash_policy whose hashers of one algorithm count what they get.
class metered_hashes {
 public:
  metered_hashes(const hash_set_ref& inner, digest_algorithm counted, verify_meter& meter)
      : inner_(inner), counted_(counted), meter_(meter) {}

  [[nodiscard]] any_hasher make(digest_algorithm algorithm, std::uint64_t size) const {
    auto made = inner_.make(algorithm, size);
    return algorithm == counted_ ? any_hasher(counting(std::move(made), meter_)) : std::move(made);
  }

 private:
  class counting {
   public:
    counting(any_hasher inner, verify_meter& meter) : inner_(std::move(inner)), meter_(&meter) {}
    void update(byte_view bytes) noexcept {
      inner_.update(bytes);
      meter_->add(bytes.size());
    }
    [[nodiscard]] digest finish() noexcept { return inner_.finish(); }

   private:
    any_hasher inner_;
    verify_meter* meter_;
  };

  const hash_set_ref& inner_;
  digest_algorithm counted_;
  verify_meter& meter_;
};

/// The names of one inode, hashed together.
struct inode_check {
  std::vector<std::size_t> files;  ///< Of verification::files.
  std::uint64_t size = 0;
  bool sha256 = false;
  bool git_sha1 = false;
};

/// What is pending, by inode, largest first; what `before` verified is settled.
HUBCACHE_DECL std::vector<inode_check> checks_of(verification& plan, const verify_checkpoint& before) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, inode_check> by_inode;
  for (std::size_t i = 0; i < plan.files.size(); ++i) {
    auto& file = plan.files[i];
    if (file.outcome != verdict::pending) continue;
    auto& check = by_inode[{file.identity.device, file.identity.inode}];
    check.files.push_back(i);
    check.size = file.identity.size;
    (file.expected->algorithm() == digest_algorithm::sha256 ? check.sha256 : check.git_sha1) = true;
  }
  std::vector<inode_check> result;
  for (auto& [inode, check] : by_inode) {
    plan.bytes += check.size;
    const bool done = std::all_of(check.files.begin(), check.files.end(), [&](std::size_t i) {
      return before.holds(plan.files[i].identity, *plan.files[i].expected);
    });
    if (done) {
      plan.resumed += check.size;
      for (const auto i : check.files) plan.files[i].outcome = verdict::ok;
    } else {
      result.push_back(std::move(check));
    }
  }
  std::sort(result.begin(), result.end(),
            [](const inode_check& a, const inode_check& b) { return a.size > b.size; });
  return result;
}

/// Both digests of `file`, or those that are asked for.
HUBCACHE_DECL both_digests hash_for(const inode_check& check, const os::descriptor& file, std::uint64_t size,
                                    const hash_set_ref& hashes, const std::stop_token& stop,
                                    std::error_code& ec) {
  both_digests found;
  if (check.sha256 && check.git_sha1) {
    found = hash_file_both(hashes, file, size, stop, ec).value_or(found);
  } else {
    const auto algorithm = check.sha256 ? digest_algorithm::sha256 : digest_algorithm::git_sha1;
    const auto one = hash_file(hashes, file, algorithm, size, stop, ec).value_or(digest{});
    (check.sha256 ? found.sha256 : found.git_sha1) = one;
  }
  return found;
}

HUBCACHE_DECL void settle(checked_file& file, verdict outcome, std::string detail) {
  file.outcome = outcome;
  file.detail = std::move(detail);
}

HUBCACHE_DECL void settle(checked_file& file, const both_digests& found, const os::file_identity& identity) {
  file.identity = identity;
  const bool sha256 = file.expected->algorithm() == digest_algorithm::sha256;
  const auto& name = sha256 ? found.sha256 : found.git_sha1;
  if (name == *file.expected) return settle(file, verdict::ok, {});
  file.found = name;
  settle(file, file.editable ? verdict::edited : verdict::corrupt, "it holds " + name.hex());
}

inline constexpr std::string_view was_removed = "it was removed";

/// Reads one inode and settles its names; they stay pending if `stop` was requested.
HUBCACHE_DECL void check_inode(const inode_check& check, std::vector<checked_file>& files,
                               const hash_set_ref& hashes, const std::stop_token& stop) {
  const auto settle_all = [&](verdict outcome, const std::string& detail) {
    for (const auto i : check.files) settle(files[i], outcome, detail);
  };
  std::error_code ec;
  const auto opened = os::open_read(files[check.files.front()].payload, ec);
  for (int attempt = 0; attempt < 2 && !ec; ++attempt) {
    const auto before = os::status(opened, ec).identity;
    if (ec) break;
    const auto found = hash_for(check, opened, before.size, hashes, stop, ec);
    if (ec == errc::cancelled) return;
    const bool cut_off = ec == errc::size_mismatch;
    if (ec && !cut_off) break;
    const auto after = os::status(opened, ec).identity;
    if (ec || cut_off || before != after) continue;
    for (const auto i : check.files) settle(files[i], found, after);
    return;
  }
  if (ec == std::errc::no_such_file_or_directory)
    return settle_all(verdict::missing, std::string(was_removed));
  if (ec) return settle_all(verdict::unreadable, ec.message());
  settle_all(verdict::changed, "it is being written to");
}

/// Whether an entry of a snapshot leads to `blob`, a path in the blobs/ of a repo.
HUBCACHE_DECL bool is_named(const std::string& blob) {
  namespace fs = std::filesystem;
  const fs::path path(blob);
  std::error_code ec;
  fs::recursive_directory_iterator at(path.parent_path().parent_path() / "snapshots", ec);
  for (; !ec && at != fs::recursive_directory_iterator(); at.increment(ec)) {
    std::error_code none;
    if (fs::read_symlink(at->path(), none).filename() == path.filename() && !none) return true;
  }
  return false;
}

/// What vanished during the check is looked at once more: it may be there again, or gone with all that named it.
HUBCACHE_DECL void look_again_for_removed(std::vector<checked_file>& files, const hash_set_ref& hashes,
                                          const std::stop_token& stop) {
  for (std::size_t i = 0; i < files.size() && !stop.stop_requested(); ++i) {
    auto& file = files[i];
    if (file.outcome != verdict::missing || file.detail != was_removed) continue;
    inode_check again;
    again.files.push_back(i);
    again.sha256 = file.expected->algorithm() == digest_algorithm::sha256;
    again.git_sha1 = !again.sha256;
    check_inode(again, files, hashes, stop);
    if (file.outcome == verdict::missing && file.commit.empty() && !is_named(file.path)) {
      settle(file, verdict::absent, "it was removed, and nothing names it any more");
    }
  }
}

/// The checks of a verification, dealt to threads: each has at most its share of the bytes that are left in hand, so
/// that all end at about the same time. Thread-safe.
class verify_work {
 public:
  verify_work(verification& plan, const std::vector<inode_check>& checks, const hash_set_ref& hashes,
              verify_checkpoint& checkpoint, verify_meter& meter, std::size_t threads,
              const std::stop_token& stop)
      : plan_(plan),
        checks_(checks),
        hashes_(hashes),
        checkpoint_(checkpoint),
        meter_(meter),
        stop_(stop),
        threads_(threads) {
    for (const auto& check : checks_) left_ += check.size;
  }

  /// Checks what is not yet taken, until nothing is left.
  void take_part() {
    feed mine(*this);
    hash_files(hashes_, mine, stop_);
  }

 private:
  class feed final : public file_feed {
   public:
    explicit feed(verify_work& all) : all_(all) {}

    std::optional<file_to_hash> next() override {
      while (const auto number = all_.take(bytes_)) {
        const auto& check = all_.checks_[*number];
        file_to_hash result;
        std::error_code ec;
        result.number = *number;
        result.algorithm = check.sha256 ? digest_algorithm::sha256 : digest_algorithm::git_sha1;
        if (!(check.sha256 && check.git_sha1)) {
          result.file = os::open_read(all_.plan_.files[check.files.front()].payload, ec);
          if (!ec) result.identity = os::status(result.file, ec).identity;
          if (!ec) return result;
        }
        all_.check_alone(check);
        leave(check);
      }
      return std::nullopt;
    }

    void advance(std::uint64_t bytes) override { all_.meter_.add(bytes); }

    void end(const file_to_hash& file, const std::optional<digest>& name,
             const std::error_code& ec) override {
      const auto& check = all_.checks_[file.number];
      if (ec != errc::cancelled) all_.settle(check, file, name);
      leave(check);
    }

   private:
    void leave(const inode_check& check) {
      bytes_ -= check.size;
      all_.leave(check);
    }

    verify_work& all_;
    std::uint64_t bytes_ = 0;  ///< In hand.
  };

  /// A check for who has `bytes` in hand, which it is added to.
  std::optional<std::size_t> take(std::uint64_t& bytes) {
    const std::lock_guard hold(mutex_);
    if (next_ == checks_.size() || stop_.stop_requested()) return std::nullopt;
    const auto size = checks_[next_].size;
    if (bytes != 0 && bytes + size > left_ / threads_) return std::nullopt;
    bytes += size;
    return next_++;
  }

  void leave(const inode_check& check) {
    const std::lock_guard hold(mutex_);
    left_ -= check.size;
  }

  void settle(const inode_check& check, const file_to_hash& file, const std::optional<digest>& name) {
    std::error_code ec;
    if (!name || os::status(file.file, ec).identity != file.identity || ec) return check_alone(check);
    both_digests found;
    (check.sha256 ? found.sha256 : found.git_sha1) = *name;
    for (const auto i : check.files) detail::settle(plan_.files[i], found, file.identity);
    record(check);
  }

  /// For both digests, and once more for what could not be read.
  void check_alone(const inode_check& check) {
    const auto counted = check.sha256 ? digest_algorithm::sha256 : digest_algorithm::git_sha1;
    check_inode(check, plan_.files, metered_hashes(hashes_, counted, meter_), stop_);
    record(check);
  }

  void record(const inode_check& check) {
    for (const auto i : check.files) {
      const auto& file = plan_.files[i];
      if (file.outcome == verdict::ok) checkpoint_.add(file.identity, *file.expected);
    }
  }

  verification& plan_;
  const std::vector<inode_check>& checks_;
  const hash_set_ref& hashes_;
  verify_checkpoint& checkpoint_;
  verify_meter& meter_;
  const std::stop_token& stop_;
  const std::size_t threads_;

  std::mutex mutex_;  // guards what follows
  std::size_t next_ = 0;
  std::uint64_t left_ = 0;  ///< Bytes of checks that have not ended.
};

}  // namespace detail

HUBCACHE_DECL verification verify(verification planned, const hash_set_ref& hashes, workers& pool,
                                  const verify_options& options, const std::stop_token& stop) {
  detail::verify_checkpoint checkpoint(options.checkpoint);
  const auto checks = detail::checks_of(planned, checkpoint);
  detail::verify_meter meter(options.progress, planned.bytes);
  meter.add(planned.resumed);
  // Embedders' pools do not say their size.
  const auto threads =
      pool.threads() != 0 ? pool.threads() : std::max(1U, std::thread::hardware_concurrency());
  detail::verify_work work(planned, checks, hashes, checkpoint, meter, threads, stop);
  for_each_index(
      pool, std::min<std::size_t>(threads, checks.size()), [&](std::size_t) { work.take_part(); }, stop);
  detail::look_again_for_removed(planned.files, hashes, stop);
  planned.complete = std::none_of(planned.files.begin(), planned.files.end(),
                                  [](const checked_file& file) { return file.outcome == verdict::pending; });
  if (planned.complete) checkpoint.finish();
  return planned;
}

HUBCACHE_DECL void remember(const verification& done, index_ref index) {
  std::vector<index_record> good;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::optional<digest>> bad;  // inode -> what it holds
  for (const auto& file : done.files) {
    if (file.outcome == verdict::ok) {
      good.push_back(verified_record(*file.expected, file.payload, file.identity, file.store));
    } else if (file.outcome == verdict::corrupt || file.outcome == verdict::wrong_size) {
      bad.emplace(std::pair(file.identity.device, file.identity.inode), file.found);
    }
  }
  index.insert(good);
  if (bad.empty()) return;
  std::vector<index_record> wrong;  // an index is not changed while it is visited
  index.each([&](const index_record& record) {
    const auto at = bad.find({record.where.identity.device, record.where.identity.inode});
    if (at != bad.end() && record.name != at->second) wrong.push_back(record);
    return true;
  });
  for (const auto& record : wrong) index.forget(record.name, record.where.path);
}

}  // namespace hubcache::inline v0_1
