#pragma once

#include <hubcache/error.hpp>
#include <hubcache/impl/dedupe_plan.ipp>
#include <hubcache/link/link_failure.hpp>
#include <hubcache/link/link_strategy.hpp>
#include <hubcache/os/sharing.hpp>
#include <hubcache/store/content_lock.hpp>
#include <hubcache/store/ledger.hpp>
#include <hubcache/store/publish.hpp>
#include <hubcache/upkeep/dedupe.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// Carries out steps, one after another.
class dedupe_run {
 public:
  dedupe_run(const std::string& state_dir, index_ref index,
             const std::function<void(std::uint64_t, std::uint64_t)>& progress, std::uint64_t total,
             const std::stop_token& stop)
      : state_dir_(state_dir), index_(index), progress_(progress), total_(total), stop_(stop) {}

  HUBCACHE_DECL void run(const dedupe_group& group, dedupe_step& step);

 private:
  static constexpr std::uint64_t chunk = std::uint64_t{16} << 20U;

  HUBCACHE_DECL void open(const dedupe_file& file, opened_file& into, std::error_code& ec) const;
  HUBCACHE_DECL void share(const opened_file& kept, const opened_file& other, dedupe_step& step,
                           std::error_code& ec);
  HUBCACHE_DECL void link(const dedupe_group& group, const opened_file& kept, const opened_file& other,
                          dedupe_step& step, std::error_code& ec);
  HUBCACHE_DECL void link_name(const content& what, const opened_file& kept, const opened_file& other,
                               const dedupe_name& name, std::error_code& ec);
  [[nodiscard]] HUBCACHE_DECL bool equal(const opened_file& a, const opened_file& b, std::error_code& ec);
  [[nodiscard]] HUBCACHE_DECL bool is_verified(const digest& name, const opened_file& a,
                                               const opened_file& b) const;
  HUBCACHE_DECL void record(const content& what, const dedupe_file& file, const os::file_identity& compared,
                            trust state);
  void advance(std::uint64_t bytes) {
    done_ += bytes;
    if (progress_) progress_(std::min(done_, total_), total_);
  }

  const std::string& state_dir_;
  index_ref index_;
  const std::function<void(std::uint64_t, std::uint64_t)>& progress_;
  const std::uint64_t total_;
  std::uint64_t done_ = 0;
  const std::stop_token& stop_;
};

HUBCACHE_DECL void dedupe_run::open(const dedupe_file& file, opened_file& into, std::error_code& ec) const {
  into.path = file.names.front().path;
  into.file = os::open_read(into.path, ec);
  if (!ec) into.status = os::status(into.file, ec);
  if (!ec && !os::same_bytes_state(into.status.identity, file.status.identity))
    ec = std::make_error_code(std::errc::resource_unavailable_try_again);
}

HUBCACHE_DECL void dedupe_run::share(const opened_file& kept, const opened_file& other, dedupe_step& step,
                                     std::error_code& ec) {
  const auto size = kept.status.identity.size;
  for (std::uint64_t at = 0; at < size && !ec; at += chunk) {
    const auto length = std::min(chunk, size - at);
    if (stop_.stop_requested()) {
      ec = errc::cancelled;
    } else if (os::share_blocks(kept.file, other.file, at, length, ec) == os::share_outcome::differs) {
      ec = errc::digest_mismatch;
    } else if (!ec) {
      advance(length);
    }
  }
  step.done = !ec;
}

HUBCACHE_DECL bool dedupe_run::equal(const opened_file& a, const opened_file& b, std::error_code& ec) {
  constexpr std::uint64_t block = std::uint64_t{1} << 20U;
  const auto size = a.status.identity.size;
  const auto buffers = std::make_unique_for_overwrite<std::byte[]>(2 * block);
  for (std::uint64_t at = 0; at < size; at += block) {
    if (stop_.stop_requested()) {
      ec = errc::cancelled;
      return false;
    }
    const auto length = static_cast<std::size_t>(std::min(block, size - at));
    const std::span of_a(buffers.get(), length);
    const std::span of_b(buffers.get() + block, length);
    const auto got_a = os::read_at(a.file, of_a, at, ec);
    const auto got_b = ec ? 0 : os::read_at(b.file, of_b, at, ec);
    if (ec || got_a != length || got_b != length || !std::equal(of_a.begin(), of_a.end(), of_b.begin()))
      return false;
    advance(length);
  }
  return true;
}

/// Gives one name of `other` to the inode of `kept`.
HUBCACHE_DECL void dedupe_run::link_name(const content& what, const opened_file& kept,
                                         const opened_file& other, const dedupe_name& name,
                                         std::error_code& ec) {
  std::error_code unleased;
  std::string hub_lock;
  std::optional<os::file_lock> lease;
  if (!name.cache_dir.empty()) {
    hub_lock = name.cache_dir + "/.locks/" + name.repo_folder + "/" + what.name.hex() + ".lock";
    lease = ledger(state_dir_).try_lease(name.cache_dir, name.repo_folder, os::lock_mode::shared, unleased);
  }
  const auto lock = content_lock::try_lock(state_dir_, what.name, hub_lock, ec);
  const bool busy = (!lock && !ec) || (!hub_lock.empty() && !lease && !unleased);
  if (busy) ec = std::make_error_code(std::errc::device_or_resource_busy);
  if (ec) return;

  // From here on the path counts no more: whatever takes its place, the folder stays the one that is looked into.
  const auto folder = os::folder::open(os::parent_path(name.path), ec);
  const auto own = os::last_segment(name.path);
  const auto temporary = own + "." + os::random_hex(8) + ".incomplete";
  if (!ec) folder.link_opened(kept.file, temporary, ec);
  if (ec) return;
  const auto made = folder.status(temporary, ec).identity;
  const auto now_kept = ec ? os::file_identity{} : os::status(kept.file, ec).identity;
  const auto now_other = ec ? os::file_identity{} : os::status(other.file, ec).identity;
  const auto named = ec ? os::file_identity{} : folder.status(own, ec).identity;
  // An overlay may have copied the file for the link; the others may have been written to since they were compared.
  if (!ec &&
      (!os::same_bytes_state(made, kept.status.identity) ||
       !os::same_bytes_state(now_kept, kept.status.identity) ||
       !os::same_bytes_state(now_other, other.status.identity) || !os::same_bytes_state(named, now_other))) {
    ec = std::make_error_code(std::errc::resource_unavailable_try_again);
  }
  if (!ec) folder.move(temporary, folder, own, ec);
  std::error_code ignored;
  if (ec) folder.remove(temporary, ignored);
}

HUBCACHE_DECL bool dedupe_run::is_verified(const digest& name, const opened_file& a,
                                           const opened_file& b) const {
  const auto places = index_.find(name);
  return std::any_of(places.begin(), places.end(), [&](const place& p) {
    return p.state == trust::verified && (p.identity == a.status.identity || p.identity == b.status.identity);
  });
}

/// Records those names of `file` that lead to the inode whose bytes were compared, as it was then.
HUBCACHE_DECL void dedupe_run::record(const content& what, const dedupe_file& file,
                                      const os::file_identity& compared, trust state) {
  std::vector<index_record> records;
  for (const auto& name : file.names) {
    std::error_code ec;
    const auto now = os::status(name.path, ec).identity;
    if (ec || !os::same_bytes_state(now, compared)) continue;
    records.push_back(verified_record(what.name, name.path, now, mutability::immutable_store));
    records.back().where.state = state;
  }
  index_.insert(records);
}

HUBCACHE_DECL void dedupe_run::link(const dedupe_group& group, const opened_file& kept,
                                    const opened_file& other, dedupe_step& step, std::error_code& ec) {
  if (auto refusal = hard_link_refusal(group.kept, step.file); !refusal.empty()) {
    step.problem = std::move(refusal);
    return;
  }
  const bool alike = os::same_attributes(kept.file, other.file, ec);
  if (!alike || ec) {
    if (!ec) step.problem = "its extended attributes are not those of " + kept.path;
    return;
  }
  const bool same = equal(kept, other, ec);
  if (!same && !ec) ec = errc::digest_mismatch;
  // The bytes that go may be on the device for long, those that stay must be there, too.
  if (!ec) os::sync(kept.file, ec);
  if (ec) return;
  const bool verified = is_verified(group.what.name, kept, other);
  for (const auto& name : step.file.names) {
    if (!ec) link_name(group.what, kept, other, name, ec);
  }
  // Every name, as the link changed the ctime of all. What changed beside us is not believed any more.
  const auto state = verified && !ec ? trust::verified : trust::claimed;
  record(group.what, group.kept, kept.status.identity, state);
  record(group.what, step.file, kept.status.identity, state);
  step.how = link_kind::hard_link;
  step.done = !ec;
}

HUBCACHE_DECL void dedupe_run::run(const dedupe_group& group, dedupe_step& step) {
  opened_file kept, other;
  std::error_code ec;
  open(group.kept, kept, ec);
  if (!ec) open(step.file, other, ec);
  if (!ec && step.how == link_kind::reflink) {
    share(kept, other, step, ec);
    const auto failure = classify(ec);
    const bool elsehow = failure == link_failure::capability || failure == link_failure::this_file;
    if (ec && ec.category() != hubcache_category() && elsehow &&
        hard_link_refusal(group.kept, step.file).empty()) {
      link(group, kept, other, step, ec);
    }
  } else if (!ec) {
    link(group, kept, other, step, ec);
  }
  if (!ec) return;
  if (ec == errc::digest_mismatch) {
    step.problem = "it does not hold the same bytes as " + kept.path;
  } else if (ec == errc::cancelled) {
    step.problem = "interrupted";
  } else if (ec == std::errc::resource_unavailable_try_again) {
    step.problem = "it changed meanwhile";
  } else if (ec == std::errc::device_or_resource_busy) {
    step.problem = "another process works on it";
  } else {
    step.problem = ec.message();
  }
}

/// Free bytes of every file system of `plan`, all that was begun there finished.
HUBCACHE_DECL std::uint64_t settled_free_bytes(const dedupe_plan& plan) {
  std::map<os::extent_space, std::string> folders;
  for (const auto& group : plan.groups) {
    const auto& path = group.kept.names.front().path;
    folders.emplace(group.file_system, path.substr(0, path.rfind('/')));
  }
  std::uint64_t sum = 0;
  for (const auto& [file_system, folder] : folders) {
    std::error_code ec;
    os::sync_file_system(folder, ec);
    sum += os::free_bytes(folder, ec);
  }
  return sum;
}

}  // namespace detail

HUBCACHE_DECL dedupe_plan dedupe(dedupe_plan planned, const std::string& state_dir, index_ref index,
                                 const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                                 const std::stop_token& stop) {
  std::uint64_t total = 0;
  for (const auto& group : planned.groups) {
    for (const auto& step : group.steps) total += step.how ? group.what.size : 0;
  }
  const auto before = detail::settled_free_bytes(planned);
  detail::dedupe_run run(state_dir, index, progress, total, stop);
  for (auto& group : planned.groups) {
    for (auto& step : group.steps) {
      if (step.how && !stop.stop_requested()) run.run(group, step);
    }
  }
  planned.complete = !stop.stop_requested();
  const auto after = detail::settled_free_bytes(planned);
  planned.freed = after > before ? after - before : 0;
  return planned;
}

}  // namespace hubcache::inline v0_1
