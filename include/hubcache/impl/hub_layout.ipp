#pragma once

#include <hubcache/hub/parse.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/store/hub_layout.hpp>

#include <algorithm>
#include <filesystem>

namespace hubcache::inline v0_1 {

namespace detail {

inline constexpr std::string_view cachedir_tag =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This file is a cache directory tag created by huggingface_hub.\n"
    "# For information about cache directory tags, see:\n"
    "#\thttps://bford.info/cachedir/\n";

/// Absent: written; anything else there is left alone, and failures do not matter.
HUBCACHE_DECL void write_cachedir_tag(const std::string& folder) {
  const auto tag = folder + "/CACHEDIR.TAG";
  std::error_code ec;
  const auto file = os::create_new(tag, 0666, ec);
  if (!ec) os::write_at(file, as_byte_view(cachedir_tag), 0, ec);
}

}  // namespace detail

HUBCACHE_DECL std::string hub_layout::entry_target(std::string_view path, const digest& d) {
  std::string target = "../../";
  for (auto rest = path; rest.find('/') != rest.npos; rest.remove_prefix(rest.find('/') + 1)) target += "../";
  return target.append("blobs/").append(d.hex());
}

HUBCACHE_DECL void make_repo_folders(const hub_layout& layout, std::error_code& ec) {
  os::make_directories(layout.cache_dir(), ec);
  if (ec) return;
  detail::write_cachedir_tag(layout.cache_dir());
  os::make_directories(layout.blobs_dir(), ec);
  // A repo without snapshots/ counts as corrupt in other clients' scans, so it is there from the start.
  if (!ec) os::make_directories(layout.snapshots_dir(), ec);
}

HUBCACHE_DECL std::optional<std::string> read_ref(const hub_layout& layout, std::string_view revision) {
  std::error_code ec;
  auto text = os::read_text(layout.ref(revision), 4096, ec);
  if (ec) return std::nullopt;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  if (!is_commit(text)) return std::nullopt;
  return text;
}

HUBCACHE_DECL void write_ref(const hub_layout& layout, std::string_view revision, std::string_view commit,
                             std::error_code& ec) {
  const auto path = layout.ref(revision);
  if (os::read_text(path, 4096, ec) == commit) return;
  os::make_directories(std::filesystem::path(path).parent_path().string(), ec);
  if (!ec) os::replace_text(path, commit, 0666, ec);
}

HUBCACHE_DECL std::optional<listing> read_tree(const std::string& path, std::string_view commit) {
  std::error_code ec;
  const auto text = os::read_text(path, std::size_t{256} << 20U, ec);
  if (ec) return std::nullopt;
  return parse_tree_file(text, std::string(commit));
}

HUBCACHE_DECL void write_tree(const std::string& path, const listing& files, std::error_code& ec) {
  os::make_directories(std::filesystem::path(path).parent_path().string(), ec);
  if (!ec) os::replace_text(path, format_tree_file(files), 0666, ec);
}

HUBCACHE_DECL std::optional<listing> read_snapshot(const hub_layout& layout, std::string_view commit) {
  namespace fs = std::filesystem;
  const fs::path root = layout.snapshot(commit);
  std::error_code ec;
  fs::recursive_directory_iterator at(root, ec);
  if (ec) return std::nullopt;
  listing result;
  result.commit = commit;
  for (; at != fs::recursive_directory_iterator(); at.increment(ec)) {
    if (at->symlink_status(ec).type() == fs::file_type::directory) continue;
    const auto target = fs::read_symlink(at->path(), ec);
    const auto name = digest::parse(target.filename().string());
    if (ec || !name) return std::nullopt;  // a plain file: nothing says what it should hold
    file_entry entry;
    entry.path = at->path().lexically_relative(root).generic_string();
    entry.size = os::status(at->path().string(), ec, true).identity.size;
    entry.lfs = name->algorithm() == digest_algorithm::sha256;
    if (entry.lfs) {
      entry.sha256 = *name;
    } else {
      entry.blob_id = name->hex();
    }
    if (is_safe_path(entry.path)) result.files.push_back(std::move(entry));
  }
  if (ec) return std::nullopt;  // a folder could not be read
  std::sort(result.files.begin(), result.files.end(),
            [](const file_entry& a, const file_entry& b) { return a.path < b.path; });
  return result;
}

}  // namespace hubcache::inline v0_1
