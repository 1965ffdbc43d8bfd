#pragma once

#include <hubcache/hub/parse.hpp>
#include <hubcache/os/folder.hpp>
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

/// Absent: written, or absent again if that fails; anything else there is left alone.
HUBCACHE_DECL void write_absent(const std::string& path, std::string_view text, std::error_code& ec) {
  const auto file = os::create_new(path, 0666, ec);
  if (ec) return;
  os::write_at(file, as_byte_view(text), 0, ec);
  std::error_code ignored;
  if (ec) os::remove(path, ignored);
}

/// For other tools: failures do not matter.
HUBCACHE_DECL void write_cachedir_tag(const std::string& folder) {
  std::error_code ignored;
  write_absent(folder + "/CACHEDIR.TAG", cachedir_tag, ignored);
}

/// Gives the file `path` the content `text`, which is written to `temporary` first. Both lie below `base`; their folders
/// are made as needed, and no symlink below `base` is followed.
HUBCACHE_DECL void replace_below(const std::string& base, const std::string& path, std::string_view text,
                                 const std::string& temporary, std::error_code& ec,
                                 os::text_sync synced = os::text_sync::none, std::uint32_t mode = 0666) {
  const auto folder = os::folder::make_below(base, os::parent_path(path), ec);
  const auto scratch = ec ? os::folder() : os::folder::make_below(base, os::parent_path(temporary), ec);
  const auto name = os::last_segment(temporary);
  const auto file = ec ? os::descriptor() : scratch.create_new(name, mode, ec);
  if (ec) return;
  os::write_at(file, as_byte_view(text), 0, ec);
  if (!ec && synced != os::text_sync::none) os::sync(file, ec);
  if (!ec) scratch.move(name, folder, os::last_segment(path), ec);
  std::error_code ignored;
  if (ec) return scratch.remove(name, ignored);
  if (synced == os::text_sync::name) os::sync_directory(os::parent_path(path), ec);
}

/// Refuses a repo's folder that is a symlink made by somebody who has no say in where this user writes.
HUBCACHE_DECL void check_repo_folder(const hub_layout& layout, std::error_code& ec) {
  const auto cache = os::status(layout.cache_dir(), ec, true);
  const auto repo = ec ? os::file_status() : os::status(layout.repo_dir(), ec);
  if (ec == std::errc::no_such_file_or_directory) ec.clear();
  if (!ec && repo.symlink && !os::is_trusted_link(repo, cache)) {
    ec = std::make_error_code(std::errc::too_many_symbolic_link_levels);
  }
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
  detail::check_repo_folder(layout, ec);
  if (!ec) os::folder::make_below(layout.repo_dir(), layout.blobs_dir(), ec);
  // A repo without snapshots/ counts as corrupt in other clients' scans, so it is there from the start.
  if (!ec) os::folder::make_below(layout.repo_dir(), layout.snapshots_dir(), ec);
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
                             std::error_code& ec, fsync_mode mode) {
  const auto path = layout.ref(revision);
  if (os::read_text(path, 4096, ec) == commit) return;
  detail::check_repo_folder(layout, ec);
  if (ec) return;
  // Other clients' scans take every file below refs/ for a ref; what lies in blobs/ with such a name, any of them prunes.
  const auto temporary = layout.blobs_dir() + "/ref." + os::random_hex(8) + ".incomplete";
  const auto synced = mode == fsync_mode::none    ? os::text_sync::none
                      : mode == fsync_mode::batch ? os::text_sync::content
                                                  : os::text_sync::name;
  detail::replace_below(layout.repo_dir(), path, commit, temporary, ec, synced);
}

HUBCACHE_DECL std::optional<listing> read_tree(const std::string& path, std::string_view commit) {
  std::error_code ec;
  const auto text = os::read_text(path, std::size_t{256} << 20U, ec);
  if (ec) return std::nullopt;
  return parse_tree_file(text, std::string(commit));
}

HUBCACHE_DECL void write_tree(const std::string& path, const listing& files, std::error_code& ec,
                              const std::string& scratch) {
  const auto folder = os::parent_path(path);
  const auto temporary = (scratch.empty() ? folder : scratch) + "/tree." + os::random_hex(8) + ".incomplete";
  detail::replace_below(os::parent_path(folder), path, format_tree_file(files), temporary, ec);
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
