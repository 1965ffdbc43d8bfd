#pragma once
/// @file
/// Weight files mapped for reading.

#include <hubcache/format/weights.hpp>
#include <hubcache/os/lock.hpp>
#include <hubcache/os/mapped_file.hpp>
#include <hubcache/settings.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// A file of a snapshot, mapped. While it lives, no hubcache removes from the repo (it holds the repo's lease): what other
/// clients delete stays readable too, as an open file does. Bytes of a blob are never changed in place by hubcache; who
/// shortens one by hand ends the readers with SIGBUS. Move-only, and of no use once moved from; any thread reads.
class mapped_weights {
 public:
  mapped_weights() noexcept = default;

  /// All bytes of the file. Valid as long as this object, or what it is moved to.
  [[nodiscard]] byte_view bytes() const noexcept { return file_.bytes(); }
  /// The bytes before the tensors; empty if the file is of no format known here.
  [[nodiscard]] byte_view header() const noexcept { return bytes().first(header_size_); }
  /// In the order of their bytes.
  [[nodiscard]] std::span<const tensor_info> tensors() const noexcept { return tensors_; }
  /// The tensor `name`, or nullptr. O(log tensors).
  [[nodiscard]] HUBCACHE_DECL const tensor_info* find(std::string_view name) const noexcept;
  /// Its bytes. @pre `one` is one of tensors()
  [[nodiscard]] byte_view bytes_of(const tensor_info& one) const noexcept {
    return bytes().subspan(one.offset, one.size);
  }

  /// Maps the file at `path`, which may be an entry of a snapshot, a blob, or any other file: what is in no Hub cache of
  /// `config` has no lease. safetensors and GGUF are known by their names' suffix. Blocking: one open, the header.
  /// @throws error a disk error; errc::malformed_file: the header is not what the format demands; errc::refused: somebody
  ///         is removing from the repo now
  [[nodiscard]] HUBCACHE_DECL static mapped_weights map(const std::string& path, const settings& config);

 private:
  std::optional<os::file_lock> lease_;  ///< Outlives the mapping.
  os::mapped_file file_;
  std::uint64_t header_size_ = 0;
  std::vector<tensor_info> tensors_;
  std::vector<std::uint32_t> by_name_;  ///< Positions in tensors_, sorted by name.
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/mapped_weights.ipp>
#endif
