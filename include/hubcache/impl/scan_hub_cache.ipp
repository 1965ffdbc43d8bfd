#pragma once

#include <hubcache/impl/scan.ipp>
#include <hubcache/repo.hpp>
#include <hubcache/store/hub_layout.hpp>

#include <filesystem>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// A regular file of a snapshot, where symlinks to blobs are usual.
struct plain_file {
  std::string path;  ///< In the repo.
  os::file_identity identity;
};

/// One Hub cache.
class hub_cache_scan {
 public:
  hub_cache_scan(store_visit& visit, const os::folder& root) : visit_(visit), root_(root) {
    std::error_code ec;
    real_root_ = std::filesystem::canonical(visit.of.path, ec).string();
    auto shared = root.child("blobs", ec);
    if (!ec && shared.status(".huggingface-shared-blobs", ec).regular) shared_ = std::move(shared);
  }

  void run() {
    std::error_code ec;
    const auto entries = root_.entries(ec);
    if (ec) visit_.problem(visit_.of.path, ec);
    for (const auto& entry : entries) {
      if (visit_.stopped()) return;
      if (is_repo_folder(entry.name)) look_at(entry);
    }
  }

 private:
  using type = os::folder_entry::type;

  void look_at(const os::folder_entry& repo) {
    const auto path = visit_.of.path + "/" + repo.name;
    const bool moved = repo.kind == type::symlink;
    if (moved && visit_.of.origin != store_origin::own) {
      return visit_.problem(path, "it is a symlink, which is not followed");
    }
    std::error_code ec;
    const auto blobs = root_.status(repo.name + "/blobs", ec);
    if (ec && ec != std::errc::not_a_directory) return visit_.problem(path + "/blobs", ec);
    if (ec || (!blobs.directory && !blobs.symlink)) return;
    if (!visit_.must_read(path + "/blobs", blobs.identity.mtime_ns)) return;
    const auto opened = moved ? os::folder::open(path, ec) : root_.child(repo.name, ec);
    if (!ec) read_blobs(opened, path + "/blobs", ec);
    if (ec) return visit_.failed(path + "/blobs", ec, path + "/blobs");
    read_trees(opened, path);
  }

  void read_blobs(const os::folder& repo, const std::string& path, std::error_code& ec) {
    const auto blobs = repo.child("blobs", ec);
    const auto entries = ec ? std::vector<os::folder_entry>{} : blobs.entries(ec);
    for (const auto& entry : entries) {
      const auto name = digest::parse(entry.name);
      if (!name) continue;
      if (entry.kind == type::file) visit_.claim_file(*name, blobs, path, entry.name);
      if (entry.kind == type::symlink) claim_target(*name, path + "/" + entry.name);
    }
  }

  /// Claims the file that the blob `link` leads to, if that lies in this cache.
  void claim_target(const digest& name, const std::string& link) {
    std::error_code ec;
    const auto target = std::filesystem::canonical(link, ec).string();
    if (ec || !target.starts_with(real_root_ + "/")) return;
    const auto path = visit_.of.path + target.substr(real_root_.size());
    const auto file = os::status(path, ec);
    if (!ec && file.regular) visit_.claim(name, path, file.identity, mutability_of(visit_.of.kind));
  }

  /// What only trees/<commit>.json names: plain files of snapshots, and payloads of the shared store whose blob is gone.
  void read_trees(const os::folder& repo, const std::string& path) {
    std::error_code ec;
    const auto trees = repo.child("trees", ec);
    const auto entries = ec ? std::vector<os::folder_entry>{} : trees.entries(ec);
    if (ec) visit_.failed(path + "/trees", ec, path + "/blobs");
    for (const auto& entry : entries) {
      const auto commit = entry.name.substr(0, 40);
      if (entry.kind != type::file || !is_commit(commit) || entry.name.substr(40) != ".json") continue;
      const auto snapshot = path + "/snapshots/" + commit;
      std::vector<plain_file> files;
      const auto opened = store_visit::open_below(repo.child("snapshots", ec), commit, ec);
      if (!ec) add_plain_files(opened, "", 32, files, ec);
      if (ec) visit_.failed(snapshot, ec, path + "/blobs");
      if (files.empty() && !shared_) continue;
      const auto tree = path + "/trees/" + entry.name;
      // Other tools' files: the largest real ones have some 20 MB.
      const auto size = trees.status(entry.name, ec).identity.size;
      const auto of = size > std::uint64_t{64} << 20U ? std::nullopt : read_tree(tree, commit);
      if (!of) {
        visit_.problem(tree, "it is no readable listing of a commit");
        continue;
      }
      claim_plain(*of, files, snapshot);
      if (shared_) claim_payloads(*of);
    }
  }

  /// Goes on after an error and leaves the last one in `ec`.
  static void add_plain_files(const os::folder& at, const std::string& prefix, int depth,
                              std::vector<plain_file>& found, std::error_code& ec) {
    std::error_code failure;
    const auto entries = at.entries(failure);
    if (failure) ec = failure;
    for (const auto& entry : entries) {
      const auto path = prefix + entry.name;
      if (entry.kind == type::file) found.push_back({path, at.status(entry.name, failure).identity});
      if (entry.kind != type::folder || depth == 0) continue;
      const auto below = at.child(entry.name, failure);
      if (failure) {
        ec = failure;
      } else {
        add_plain_files(below, path + "/", depth - 1, found, ec);
      }
    }
  }

  void claim_plain(const listing& of, const std::vector<plain_file>& files, const std::string& snapshot) {
    for (const auto& file : files) {
      const auto* const entry = of.find(file.path);
      const auto name = entry == nullptr ? std::nullopt : entry->name();
      if (!name || entry->size != file.identity.size) continue;
      // Unlike a blob this is a file by its own name, which people open and edit.
      visit_.claim(*name, snapshot + "/" + file.path, file.identity, mutability::mutable_store);
    }
  }

  void claim_payloads(const listing& of) {
    for (const auto& entry : of.files) {
      if (entry.xet_hash.empty() || !entry.sha256) continue;
      const auto prefix = entry.xet_hash.substr(0, 2);
      std::error_code ec;
      const auto payloads = shared_.child(prefix, ec);
      if (ec || payloads.status(entry.xet_hash, ec).identity.size != entry.size) continue;
      visit_.claim_file(*entry.sha256, payloads, visit_.of.path + "/blobs/" + prefix, entry.xet_hash);
    }
  }

  store_visit& visit_;
  const os::folder& root_;
  std::string real_root_;
  os::folder shared_;  ///< huggingface_hub's shared store, if the cache has one.
};

HUBCACHE_DECL void scan_hub_cache(store_visit& visit, const os::folder& root) {
  hub_cache_scan(visit, root).run();
}

}  // namespace detail

}  // namespace hubcache::inline v0_1
