#pragma once
/// @file
/// A read-only mapping of a file.

#include <hubcache/os/file.hpp>

#include <cstddef>
#include <system_error>
#include <utility>

namespace hubcache::inline v0_1::os {

/// How a mapping will be read.
enum class read_order : unsigned char {
  none,     ///< Here and there: the kernel does not read ahead.
  forward,  ///< In runs: it does.
};

/// Maps the first `size` bytes of an open file for reading. Access beyond the file's present end raises SIGBUS:
/// map only files that nobody shortens.
class mapped_file {
 public:
  mapped_file() noexcept = default;
  /// Maps the first `size` bytes.
  [[nodiscard]] HUBCACHE_DECL static mapped_file map(const descriptor& file, std::size_t size,
                                                     std::error_code& ec,
                                                     read_order order = read_order::none) noexcept;

  /// Valid as long as this object, or what it is moved to.
  [[nodiscard]] byte_view bytes() const noexcept { return {data_, size_}; }

  /// Takes the mapping of `other`, which has none then.
  mapped_file(mapped_file&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  /// Ends its own mapping first.
  mapped_file& operator=(mapped_file&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  HUBCACHE_DECL ~mapped_file();

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace hubcache::inline v0_1::os

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/os_mapped_file.ipp>
#endif
