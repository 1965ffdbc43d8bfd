#pragma once

#include <hubcache/error.hpp>
#include <hubcache/format/gguf.hpp>
#include <hubcache/format/safetensors.hpp>
#include <hubcache/impl/ledger.ipp>
#include <hubcache/os/folder.hpp>
#include <hubcache/store/hub_layout.hpp>
#include <hubcache/store/ledger.hpp>
#include <hubcache/store/mapped_weights.hpp>

#include <algorithm>
#include <filesystem>
#include <numeric>

namespace hubcache::inline v0_1 {

namespace detail {

/// A repo's folder in a Hub cache.
struct cached_folder {
  cached_folder() = default;
  std::string cache_dir;
  std::string name;
};

/// The repo's folder that `path` lies in, by its name, if `cache_dir` is its cache.
HUBCACHE_DECL std::optional<cached_folder> repo_folder_of(const std::string& path,
                                                          const std::string& cache_dir) {
  if (!is_below(path, cache_dir)) return std::nullopt;
  const auto rest = std::string_view(path).substr(cache_dir.size() + 1);
  const auto name = rest.substr(0, rest.find('/'));
  if (name.size() == rest.size() || !is_repo_folder(name)) return std::nullopt;
  cached_folder result;
  result.cache_dir = cache_dir;
  result.name = name;
  return result;
}

/// The same, by its name, by where that lies, or by where what it leads to lies, in any Hub cache of `config`.
HUBCACHE_DECL std::optional<cached_folder> repo_folder_of(const std::string& path, const settings& config) {
  std::vector<std::string> caches{config.cache_dir};
  for (const auto& one : config.stores) {
    if (one.kind == store_kind::hub_cache) caches.push_back(one.path);
  }
  const std::filesystem::path named(path);
  std::error_code missing;
  const auto real_parent = std::filesystem::canonical(named.parent_path(), missing);
  const auto real = std::filesystem::canonical(named, missing).string();
  for (const auto& at : {path, (real_parent / named.filename()).string(), real}) {
    for (const auto& cache : caches) {
      auto found = repo_folder_of(at, cache);
      if (!found) found = repo_folder_of(at, real_path(cache));
      if (found) return found;
    }
  }
  return std::nullopt;
}

/// Where the tensors of a file begin, and what they are.
struct mapped_header {
  mapped_header() = default;
  std::uint64_t size = 0;
  std::vector<tensor_info> tensors;
};

template <class Header>
mapped_header take_header(header_reading<Header> read, const std::string& path) {
  if (!read.header) {
    // All of the file was there to be read.
    throw error(errc::malformed_file,
                read.problem.empty() ? "the file is too short for its header" : read.problem,
                error_context{}.with_file(path));
  }
  mapped_header result;
  result.size = read.header->data_offset;
  result.tensors = std::move(read.header->tensors);
  return result;
}

}  // namespace detail

HUBCACHE_DECL const tensor_info* mapped_weights::find(std::string_view name) const noexcept {
  const auto at = std::lower_bound(
      by_name_.begin(), by_name_.end(), name,
      [this](std::uint32_t position, std::string_view n) { return tensors_[position].name < n; });
  return at != by_name_.end() && tensors_[*at].name == name ? &tensors_[*at] : nullptr;
}

HUBCACHE_DECL mapped_weights mapped_weights::map(const std::string& path, const settings& config) {
  const auto named = os::absolute_path(path);
  mapped_weights result;
  std::error_code ec;
  if (const auto in = detail::repo_folder_of(named, config)) {
    result.lease_ = ledger(config.state_dir).wait_for_lease(in->cache_dir, in->name, ec);
    // Where none can be taken (a read-only home) there is none.
    if (!result.lease_ && !ec) {
      throw error(errc::refused, "another process is removing from the repo that it belongs to",
                  error_context{}.with_file(path));
    }
  }
  const auto real = std::filesystem::canonical(named, ec).string();
  const auto file = ec ? os::descriptor() : os::open_read(real, ec);
  const auto size = ec ? 0 : os::status(file, ec).identity.size;
  if (!ec)
    result.file_ = os::mapped_file::map(file, static_cast<std::size_t>(size), ec, os::read_order::forward);
  if (ec) throw_disk_error(ec, "map", path);

  detail::mapped_header header;
  if (named.ends_with(".safetensors"))
    header = detail::take_header(read_safetensors(result.bytes(), size), path);
  if (named.ends_with(".gguf")) header = detail::take_header(read_gguf(result.bytes(), size), path);
  result.header_size_ = std::min(header.size, size);  // before no tensors the padding may lack
  result.tensors_ = std::move(header.tensors);
  result.by_name_.resize(result.tensors_.size());
  std::iota(result.by_name_.begin(), result.by_name_.end(), std::uint32_t{0});
  std::sort(result.by_name_.begin(), result.by_name_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return result.tensors_[a].name < result.tensors_[b].name;
  });
  return result;
}

}  // namespace hubcache::inline v0_1
