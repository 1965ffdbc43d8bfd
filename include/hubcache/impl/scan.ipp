#pragma once

#include <hubcache/os/folder.hpp>
#include <hubcache/store/find_stores.hpp>
#include <hubcache/store/scan.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>
#include <tuple>

namespace hubcache::inline v0_1 {

namespace detail {

using scanned_folders = std::map<std::string, std::int64_t>;

/// The first key of `folders` behind all that lie below `path`; '0' follows '/'.
HUBCACHE_DECL scanned_folders::const_iterator end_below(const scanned_folders& folders,
                                                        const std::string& path) {
  return folders.lower_bound(path + "0");
}

/// One store that is being scanned: what its adapter knows and reports.
class store_visit {
 public:
  store_visit(const store& s, const scanned_folders& remembered, const index_ref& index,
              const std::stop_token& stop, store_scan& result)
      : of(s), remembered_(remembered), index_(index), stop_(stop), result_(result) {}

  const store& of;

  [[nodiscard]] bool stopped() const { return stop_.stop_requested(); }

  void problem(const std::string& path, std::string text) {
    result_.problems.emplace_back(path, std::move(text), of.origin);
  }
  /// What vanished while it was looked at is none.
  void problem(const std::string& path, const std::error_code& ec) {
    if (ec == std::errc::no_such_file_or_directory) return;
    problem(path, ec == std::errc::too_many_symbolic_link_levels || ec == std::errc::not_a_directory
                      ? "it is no folder, or a symlink, which is not followed"
                      : ec.message());
  }

  /// Opens `relative` in `from`, unless `ec` is set already; no symlink is followed.
  [[nodiscard]] static os::folder open_below(os::folder from, std::string_view relative,
                                             std::error_code& ec) {
    while (!ec && !relative.empty()) {
      const auto name = relative.substr(0, relative.find('/'));
      relative.remove_prefix(std::min(name.size() + 1, relative.size()));
      from = from.child(std::string(name), ec);
    }
    return from;
  }

  /// Whether the folder `path` has to be read; remembers its mtime for the next time.
  [[nodiscard]] bool must_read(const std::string& path, std::int64_t mtime_ns) {
    const auto known = remembered_.find(path);
    const bool same = known != remembered_.end() && known->second == mtime_ns && mtime_ns != 0;
    // Timestamps are coarse: a folder changed just now may change again within the same tick.
    result_.folders[path] = same || mtime_ns < settled_before_ ? mtime_ns : 0;
    return !same;
  }
  /// A problem for which the folder `in` has to be read again, whether it changes or not.
  void failed(const std::string& path, const std::error_code& ec, const std::string& in) {
    problem(path, ec);
    if (ec != std::errc::no_such_file_or_directory) result_.folders[in] = 0;
  }

  /// Calls `read(folder, path, entries)` for the folder `name` of `from`, which is `path`, and for those below it to
  /// `depth`, if they changed. A folder that did not has the subfolders that are remembered of it.
  template <class Read>
  void walk(const os::folder& from, const std::string& name, const std::string& path, int depth, Read& read) {
    std::error_code ec;
    const auto status = from.status(name, ec);
    if (ec || status.symlink)
      return problem(path, ec ? ec : std::make_error_code(std::errc::not_a_directory));
    if (!status.directory || stopped()) return;
    const bool changed = must_read(path, status.identity.mtime_ns);
    auto subfolders = changed || depth == 0 ? std::vector<std::string>{} : remembered_in(path);
    if (!changed && subfolders.empty()) return;
    const auto at = from.child(name, ec);
    const auto entries = changed && !ec ? at.entries(ec) : std::vector<os::folder_entry>{};
    if (ec) return failed(path, ec, path);
    if (changed) read(at, path, entries);
    for (const auto& entry : entries) {
      if (entry.kind == os::folder_entry::type::folder && depth > 0) subfolders.push_back(entry.name);
    }
    for (const auto& sub : subfolders) walk(at, sub, path + "/" + sub, depth - 1, read);
  }

  /// Reports that `path` holds `name`, unless the index knows.
  void claim(const digest& name, std::string path, const os::file_identity& identity, mutability editable) {
    place where;
    where.path = std::move(path);
    where.identity = identity;
    where.store = editable;
    for (const auto& known : index_.find(name)) {
      if (known.path != where.path) continue;
      if (known.identity == where.identity) return;
      where.fingerprint = known.fingerprint;  // the bytes may still be the same
    }
    result_.claims.emplace_back(name, std::move(where));
  }
  /// Likewise, of the file `name` of `from` if it is a regular one.
  void claim_file(const digest& what, const os::folder& from, const std::string& path,
                  const std::string& name) {
    std::error_code ec;
    const auto file = from.status(name, ec);
    if (!ec && file.regular) claim(what, path + "/" + name, file.identity, mutability_of(of.kind));
  }

 private:
  [[nodiscard]] std::vector<std::string> remembered_in(const std::string& path) const {
    std::vector<std::string> names;
    const auto end = end_below(remembered_, path);
    for (auto at = remembered_.lower_bound(path + "/"); at != end; ++at) {
      if (at->first.find('/', path.size() + 1) == std::string::npos) {
        names.push_back(at->first.substr(path.size() + 1));
      }
    }
    return names;
  }

  const scanned_folders& remembered_;
  const index_ref& index_;
  const std::stop_token& stop_;
  store_scan& result_;
  const std::int64_t settled_before_ =
      std::chrono::duration_cast<std::chrono::nanoseconds>(
          (std::chrono::system_clock::now() - std::chrono::seconds(2)).time_since_epoch())
          .count();
};

// The adapters: `root` is the open store.
HUBCACHE_DECL void scan_hub_cache(store_visit& visit, const os::folder& root);
HUBCACHE_DECL void scan_local_dir(store_visit& visit, const os::folder& root);
HUBCACHE_DECL void scan_ollama(store_visit& visit, const os::folder& root);
HUBCACHE_DECL void scan_git_lfs(store_visit& visit, const os::folder& root);
HUBCACHE_DECL void scan_llama_cpp(store_visit& visit, const os::folder& root);

HUBCACHE_DECL void scan_store(store_visit& visit) {
  std::error_code ec;
  const auto root = os::folder::open(visit.of.path, ec);
  if (ec) return visit.problem(visit.of.path, ec);
  switch (visit.of.kind) {
    case store_kind::hub_cache:
      return scan_hub_cache(visit, root);
    case store_kind::local_dir:
      return scan_local_dir(visit, root);
    case store_kind::ollama:
      return scan_ollama(visit, root);
    case store_kind::git_lfs:
      return scan_git_lfs(visit, root);
    case store_kind::llama_cpp:
      return scan_llama_cpp(visit, root);
    case store_kind::comfy_ui:
    case store_kind::folder:
      return;
  }
}

/// From lines "<mtime> <path>\n"; others are skipped.
HUBCACHE_DECL scanned_folders parse_scanned(std::string_view text) {
  scanned_folders result;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    std::int64_t mtime = 0;
    const auto [end, failure] = std::from_chars(line.data(), line.data() + line.size(), mtime);
    const auto digits = static_cast<std::size_t>(end - line.data());
    if (failure == std::errc{} && digits + 1 < line.size() && line[digits] == ' ') {
      result.insert_or_assign(result.end(), std::string(line.substr(digits + 1)), mtime);
    }
  }
  return result;
}

HUBCACHE_DECL std::string format_scanned(const scanned_folders& folders) {
  std::string text;
  for (const auto& [path, mtime] : folders) {
    if (path.find('\n') == path.npos)
      text.append(std::to_string(mtime)).append(" ").append(path).append("\n");
  }
  return text;
}

HUBCACHE_DECL scanned_folders read_scanned(const std::string& state_dir) {
  std::error_code ec;
  return parse_scanned(os::read_text(state_dir + "/scanned", std::size_t{64} << 20U, ec));
}

/// Folders of `remembered` that lie in none of `stores`: other runs ask for those.
HUBCACHE_DECL scanned_folders outside_of(const std::vector<store>& stores, scanned_folders remembered) {
  for (const auto& each : stores) {
    remembered.erase(each.path);
    remembered.erase(remembered.lower_bound(each.path + "/"), end_below(remembered, each.path));
  }
  return remembered;
}

}  // namespace detail

HUBCACHE_DECL store_scan scan_stores(const std::string& cache_dir, const std::vector<store>& stores,
                                     const std::string& state_dir, index_ref index,
                                     const std::stop_token& stop) {
  const auto all = all_stores(cache_dir, stores);
  // A lost index is rebuilt: without records, what was scanned before counts for nothing.
  auto remembered = index.size() > 0 ? detail::read_scanned(state_dir) : detail::scanned_folders{};
  store_scan result;
  for (const auto& each : all) {
    detail::store_visit visit(each, remembered, index, stop, result);
    detail::scan_store(visit);
  }
  if (stop.stop_requested()) {
    result.folders = std::move(remembered);  // what lies below the folders read now may not have been
  } else {
    result.folders.merge(detail::outside_of(all, std::move(remembered)));
  }
  std::sort(result.claims.begin(), result.claims.end(), [](const index_record& a, const index_record& b) {
    return std::tie(a.name, a.where.path) < std::tie(b.name, b.where.path);
  });
  return result;
}

HUBCACHE_DECL void remember_scan(const store_scan& scan, const std::string& state_dir, index_ref index) {
  if (!scan.claims.empty() && index.insert(scan.claims) < scan.claims.size()) return;
  if (scan.folders.empty() || scan.folders == detail::read_scanned(state_dir)) return;
  auto folders = scan.folders;
  std::error_code ec;
  std::erase_if(folders, [&ec](const auto& folder) { return !os::status(folder.first, ec).directory; });
  os::make_directories(state_dir, ec, 0700);
  os::replace_text(state_dir + "/scanned", detail::format_scanned(folders), 0600, ec);
}

}  // namespace hubcache::inline v0_1
