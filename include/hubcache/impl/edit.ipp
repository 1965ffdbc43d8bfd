#pragma once

#include <hubcache/error.hpp>
#include <hubcache/os/folder.hpp>
#include <hubcache/repo.hpp>
#include <hubcache/store/edit.hpp>
#include <hubcache/store/local_layout.hpp>
#include <hubcache/store/readers.hpp>

#include <filesystem>

namespace hubcache::inline v0_1 {

namespace detail {

[[noreturn]] HUBCACHE_DECL void refuse_edit(errc reason, const char* why, const std::string& path) {
  throw error(reason, why, error_context{}.with_file(path));
}

/// A view that an entry lies in.
struct view_folder {
  std::string
      blobs;  ///< Where its links lead; empty for a local folder, whose older links lead to any cache.
  std::string scratch;  ///< Where temporary files belong.
};

/// The view that `folder`, a real path, is or lies in.
HUBCACHE_DECL std::optional<view_folder> view_around(const std::filesystem::path& folder) {
  for (auto at = folder; at.has_relative_path(); at = at.parent_path()) {
    view_folder view;
    if (at.parent_path().filename() == "snapshots" && is_commit(at.filename().string())) {
      view.blobs = view.scratch = at.parent_path().parent_path() / "blobs";
      return view;
    }
    const local_layout local(at.string());
    std::error_code ec;
    if (!os::status(local.downloads(), ec).directory) continue;
    view.scratch = local.downloads();
    const auto books = local.book_keeping();
    const bool inside = folder == books || folder.string().starts_with(books + "/");
    return inside ? std::nullopt : std::optional(std::move(view));
  }
  return std::nullopt;
}

/// The file that the symlink `entry` shows.
HUBCACHE_DECL std::string shown_by(const std::filesystem::path& entry, const view_folder& view) {
  std::error_code ec;
  const auto text = std::filesystem::read_symlink(entry, ec);
  const auto first = (entry.parent_path() / text).lexically_normal().parent_path();
  const bool to_blob = view.blobs.empty() ? first.filename() == "blobs" : first == view.blobs;
  if (ec || !to_blob)
    refuse_edit(errc::refused, "the entry does not lead to a blob of its cache", entry.string());
  auto payload = std::filesystem::canonical(entry, ec).string();
  if (ec) refuse_edit(errc::not_cached, "the entry's blob is missing", entry.string());
  return payload;
}

/// Whether an edit of `entry` reaches nothing else.
HUBCACHE_DECL bool is_private(const os::file_status& entry) {
  return entry.regular && entry.links == 1 && (entry.mode & 0200U) != 0 &&
         entry.owner == os::effective_user();
}

/// Makes a private file with the content of `source` beside `scratch`, and gives it the name `entry`.
HUBCACHE_DECL link_kind replace_by_own(const std::string& source, const std::string& entry,
                                       const std::string& scratch, const link_ref& links,
                                       std::error_code& ec) {
  opened_file have;
  have.path = source;
  have.file = os::open_read(source, ec);
  if (!ec) have.status = os::status(have.file, ec);
  if (ec) return {};
  const auto folder = [](const std::string& path) {
    return std::filesystem::path(path).parent_path().string();
  };
  const auto around = readers::of_folder(folder(entry), ec);
  const auto list = ec ? std::vector<os::access_entry>() : os::access_list(have.file, ec);
  const auto allowed = ec ? readers() : readers::of_folder(folder(source), ec).through(have.status, list);
  const auto inherited = ec ? std::vector<os::access_entry>() : os::inherited_access_list(scratch, ec);
  if (ec) return {};
  const auto mode = mode_for(os::default_file_mode() | 0600U, group_in(scratch), around, allowed, inherited);
  const auto temporary = scratch + "/" + os::random_hex(16) + ".incomplete";
  const auto report = links.link(have, {temporary, mode}, link_kind::reflink | link_kind::copy, ec);
  if (ec) return {};
  const auto made = os::open_read(temporary, ec);
  if (!ec) os::sync(made, ec);
  if (!ec) os::rename(temporary, entry, ec);
  std::error_code ignored;
  if (ec) os::remove(temporary, ignored);
  return report.used.value_or(link_kind::copy);
}

}  // namespace detail

HUBCACHE_DECL edited_entry make_private(const std::string& path, const link_ref& links) {
  namespace fs = std::filesystem;
  const fs::path given = os::absolute_path(path);
  std::error_code ec;
  const auto folder = fs::canonical(given.parent_path(), ec);
  const auto entry = folder / given.filename();
  const auto now = ec ? os::file_status() : os::status(entry.string(), ec);
  if (ec) throw_disk_error(ec, "edit the entry", given.string());
  const auto view = detail::view_around(folder);
  if (!view && folder.filename() == "blobs") {
    detail::refuse_edit(errc::refused,
                        "this is a blob, which other files show; name the file under snapshots/",
                        given.string());
  }
  if (!view || !(now.regular || now.symlink)) {
    detail::refuse_edit(errc::invalid_argument,
                        "this is no file of a snapshot, nor of a folder that was downloaded into",
                        given.string());
  }
  edited_entry result;
  result.path = given.string();
  if (detail::is_private(now)) return result;
  result.source = now.symlink ? detail::shown_by(entry, *view) : entry.string();
  result.link = detail::replace_by_own(result.source, entry.string(), view->scratch, links, ec);
  if (ec) throw_disk_error(ec, "make a private copy of the entry", result.path);
  return result;
}

}  // namespace hubcache::inline v0_1
