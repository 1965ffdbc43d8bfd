#pragma once

#include <hubcache/impl/scan.ipp>
#include <hubcache/repo.hpp>
#include <hubcache/store/llama_layout.hpp>
#include <hubcache/store/local_layout.hpp>

#include <array>
#include <set>

namespace hubcache::inline v0_1 {

namespace detail {

using scan_entries = std::vector<os::folder_entry>;

/// Calls `claim(name)` for each regular file among `entries`.
template <class Claim>
void for_each_file(const scan_entries& entries, Claim claim) {
  for (const auto& entry : entries) {
    if (entry.kind == os::folder_entry::type::file) claim(entry.name);
  }
}

HUBCACHE_DECL void scan_local_dir(store_visit& visit, const os::folder& root) {
  constexpr std::string_view suffix = ".metadata";
  const local_layout layout(visit.of.path);
  const auto read = [&](const os::folder&, const std::string& path, const scan_entries& entries) {
    const auto folder = path.substr(std::min(path.size(), layout.downloads().size() + 1));
    std::error_code ec;
    const auto files = store_visit::open_below(os::folder::open(visit.of.path, ec), folder, ec);
    if (ec) return;
    for_each_file(entries, [&](const std::string& entry) {
      if (!entry.ends_with(suffix)) return;
      const auto name = entry.substr(0, entry.size() - suffix.size());
      const auto file = folder.empty() ? name : folder + "/" + name;
      const auto known = is_safe_path(file) ? read_metadata(layout, visit.of.path, file) : std::nullopt;
      if (!known && !os::is_readable(path + "/" + entry)) {
        visit.failed(path + "/" + entry, std::make_error_code(std::errc::permission_denied), path);
      }
      const auto what = known ? digest::parse(known->etag) : std::nullopt;
      if (what) visit.claim_file(*what, files, visit.of.path + (folder.empty() ? "" : "/" + folder), name);
    });
  };
  std::error_code ec;
  const auto book_keeping = store_visit::open_below(root.child(".cache", ec), "huggingface", ec);
  if (ec) return visit.problem(layout.book_keeping(), ec);
  visit.walk(book_keeping, "download", layout.downloads(), 32, read);
}

HUBCACHE_DECL void scan_ollama(store_visit& visit, const os::folder& root) {
  constexpr std::string_view prefix = "sha256-";
  const auto read = [&](const os::folder& at, const std::string& path, const scan_entries& entries) {
    for_each_file(entries, [&](const std::string& name) {
      const auto hex = std::string_view(name).substr(std::min(name.size(), prefix.size()));
      const auto what = name.starts_with(prefix) && hex.size() == 64 ? digest::parse(hex) : std::nullopt;
      if (what) visit.claim_file(*what, at, path, name);
    });
  };
  visit.walk(root, "blobs", visit.of.path + "/blobs", 0, read);
}

HUBCACHE_DECL void scan_git_lfs(store_visit& visit, const os::folder& root) {
  const auto read = [&](const os::folder& at, const std::string& path, const scan_entries& entries) {
    for_each_file(entries, [&](const std::string& name) {
      const auto what = name.size() == 64 ? digest::parse(name) : std::nullopt;
      if (what) visit.claim_file(*what, at, path, name);
    });
  };
  // A work tree, its .git, or the lfs folder itself.
  for (const std::string above : {".git/lfs", "lfs", ""}) {
    std::error_code ec;
    const auto lfs = store_visit::open_below(root.child(".", ec), above, ec);
    const auto objects = ec ? os::file_status{} : lfs.status("objects", ec);
    if (ec || !objects.directory) continue;
    const auto path = visit.of.path + (above.empty() ? "" : "/" + above) + "/objects";
    return visit.walk(lfs, "objects", path, 2, read);
  }
}

HUBCACHE_DECL void scan_llama_cpp(store_visit& visit, const os::folder& root) {
  const auto read = [&](const os::folder& at, const std::string& path, const scan_entries& entries) {
    const auto text_of = [&](const std::string& name) {
      std::error_code ec;
      auto text = os::read_text(path + "/" + name, std::size_t{1} << 20U, ec);
      if (ec) visit.failed(path + "/" + name, ec, path);
      return text;
    };
    std::set<std::string> named;
    for_each_file(entries, [&](const std::string& name) {
      if (!name.starts_with("manifest=")) return;
      for (const auto& file : parse_llama_manifest(name, text_of(name))) {
        std::error_code ec;
        if (at.status(file.name, ec).identity.size != file.what.size || ec) continue;
        visit.claim_file(file.what.name, at, path, file.name);
        named.insert(file.name);
      }
    });
    for_each_file(entries, [&](const std::string& name) {
      const bool etag = name.ends_with(".etag");
      if (!etag && (!name.ends_with(".json") || name.starts_with("manifest="))) return;
      const auto file = name.substr(0, name.size() - 5);
      std::error_code ec;
      if (named.contains(file) || !at.status(file, ec).regular) return;
      const auto text = text_of(name);
      const auto what = etag ? parse_llama_etag(text) : parse_llama_metadata(text);
      if (what) visit.claim_file(*what, at, path, file);
    });
  };
  visit.walk(root, ".", visit.of.path, 0, read);
}

}  // namespace detail

}  // namespace hubcache::inline v0_1
