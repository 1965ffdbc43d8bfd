#pragma once

#include <hubcache/error.hpp>
#include <hubcache/index/memory_index.hpp>
#include <hubcache/link/first_of.hpp>
#include <hubcache/store/assembly.hpp>

#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <store/contents.hpp>
#include <string>
#include <support/hub_cache.hpp>
#include <support/patterned.hpp>
#include <support/temp_folder.hpp>
#include <sys/stat.h>
#include <utility>
#include <vector>

namespace test {

/// Content of `size` bytes, unlike that of any other `first`.
inline std::string weights_of(char first, std::size_t size = 100'000) {
  auto bytes = patterned(size);
  bytes.front() = first;
  return bytes;
}

/// A cache with a pipeline and a VAE of another repo, and a directory that shall show both as one.
class assembly_scene {
 public:
  explicit assembly_scene(const std::string& root) : root_(root), cache(root + "/hub") {
    config.cache_dir = cache.path();
    config.state_dir = root + "/state";
    add(pipe, 'a', {{"unet/config.json", "{\"unet\": 1}"}, {"unet/model.bin", weights_of('u')}});
    add(vae, 'b', {{"config.json", "{\"vae\": 1}"}, {"model.bin", weights_of('v')}});
    add(vae, 'c', {{"config.json", "{\"vae\": 2}"}, {"model.bin", weights_of('w')}});
    what.dir = root + "/shown";
    what.files = {file("unet/config.json", pipe, 'a', "unet/config.json", "{\"unet\": 1}"),
                  file("unet/model.bin", pipe, 'a', "unet/model.bin", weights_of('u')),
                  file("vae/config.json", vae, 'b', "config.json", "{\"vae\": 1}"),
                  file("vae/model.bin", vae, 'b', "model.bin", weights_of('v'))};
    what.texts = {{"model_index.json", "{\"vae\": []}"}};
  }

  /// Adds a snapshot as hubcache makes it: of read-only blobs.
  void add(const hubcache::repo& which, char commit, const std::map<std::string, std::string>& files) const {
    cache.add(which, commit_of(commit), files);
    for (const auto& [path, bytes] : files) {
      std::filesystem::permissions(cache.blob(which, bytes), std::filesystem::perms(0444));
    }
  }
  [[nodiscard]] hubcache::assembly_file file(const std::string& path, const hubcache::repo& which,
                                             char commit, const std::string& source,
                                             const std::string& bytes) const {
    hubcache::assembly_file result;
    result.path = path;
    result.file = entry(which, commit, source);
    result.what = content_of(bytes);
    result.sha256 = result.what.name;
    result.repo = which;
    result.commit = commit_of(commit);
    result.source = source;
    return result;
  }
  [[nodiscard]] std::string entry(const hubcache::repo& which, char commit, const std::string& source) const {
    return cache.layout(which).snapshot(commit_of(commit)) + "/" + source;
  }
  /// Takes the VAE of its second commit.
  void use_other_vae() {
    what.files[2] = file("vae/config.json", vae, 'c', "config.json", "{\"vae\": 2}");
    what.files[3] = file("vae/model.bin", vae, 'c', "model.bin", weights_of('w'));
  }

  hubcache::assembly_report run(const hubcache::link_ref& by, const std::stop_token& stop = {}) {
    return assemble(what, config, by, hashes, index, stop);
  }
  hubcache::assembly_report run() { return run(links); }
  /// The error that the run ends with; none if it succeeds.
  std::optional<hubcache::error> failure(const std::stop_token& stop = {}) {
    try {
      run(links, stop);
    } catch (const hubcache::error& e) {
      return e;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::string shown(const std::string& path) const { return what.dir + "/" + path; }
  /// All below the directory but the manifest: the bytes that are read there, by path.
  [[nodiscard]] std::map<std::string, std::string> tree() const {
    std::map<std::string, std::string> result;
    std::error_code ec;
    for (const auto& at : std::filesystem::recursive_directory_iterator(what.dir, ec)) {
      const auto path = at.path().lexically_relative(what.dir).string();
      if (!at.is_directory() && path != hubcache::assembly_manifest) result[path] = read_file(at.path());
    }
    return result;
  }
  /// What it shall show.
  [[nodiscard]] std::map<std::string, std::string> wanted() const {
    std::map<std::string, std::string> result;
    for (const auto& one : what.files) result[one.path] = read_file(one.file);
    for (const auto& one : what.texts) result[one.path] = one.text;
    return result;
  }
  /// What can be told of everything below the directory without reading it.
  [[nodiscard]] std::map<std::string, std::string> state() const {
    std::map<std::string, std::string> result;
    std::error_code ec;
    for (const auto& at : std::filesystem::recursive_directory_iterator(what.dir, ec)) {
      struct stat s {};
      ::lstat(at.path().c_str(), &s);
      result[at.path().string()] = std::to_string(s.st_ino) + " " + std::to_string(s.st_mode) + " " +
                                   std::to_string(s.st_mtim.tv_sec) + "." + std::to_string(s.st_mtim.tv_nsec);
    }
    return result;
  }
  [[nodiscard]] std::vector<hubcache::manifest_file> manifest() const {
    return hubcache::parse_assembly_manifest(read_file(shown(std::string(hubcache::assembly_manifest))));
  }

  const hubcache::repo pipe{"acme/pipe"};
  const hubcache::repo vae{"acme/vae"};

 private:
  std::string root_;

 public:
  hub_cache cache;
  hubcache::settings config;
  hubcache::assembly what;
  hubcache::memory_index index;
  hubcache::default_link links;
};

}  // namespace test
