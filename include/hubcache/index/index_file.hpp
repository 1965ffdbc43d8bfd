#pragma once
/// @file
/// A file of mapped_index: whose it has to be, and how it is read.

#include <hubcache/os/mapped_file.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>

namespace hubcache::inline v0_1 {

/// How an index reads its files.
enum class index_access : unsigned char {
  /// By system calls: whatever happens to a file or its disk, a look-up finds something or does not.
  copied,
  /// Through mappings: a look-up takes 2 to 3 us less. Where a file is shortened by others, or its disk fails, it
  /// raises SIGBUS; where other hosts write, it may see that late. For who makes millions of look-ups in a folder of
  /// his own.
  mapped,
};

namespace detail {

inline constexpr std::uint64_t byte_order_mark = 0x0102030405060708;  // in the head of each file

/// An open file of an index. Any thread may read while one writes.
class index_file {
 public:
  index_file() noexcept = default;

  /// A new file, which must not exist, readable and writable by this user only.
  [[nodiscard]] HUBCACHE_DECL static index_file create(const std::string& path, std::error_code& ec);
  /// An existing one. One that is not this user's, or writable by others, is refused
  /// (std::errc::invalid_argument); one that may not be written is opened for reading.
  [[nodiscard]] HUBCACHE_DECL static index_file open(const std::string& path, index_access access,
                                                     std::error_code& ec);

  /// Reads a few bytes anywhere. @return How many; fewer at the end of the file or if it cannot be read.
  [[nodiscard]] HUBCACHE_DECL std::size_t read(std::uint64_t offset,
                                               std::span<std::byte> into) const noexcept;
  /// The same for passes over the whole file: lets the kernel read ahead, and keeps nothing mapped.
  [[nodiscard]] HUBCACHE_DECL std::size_t read_on(std::uint64_t offset,
                                                  std::span<std::byte> into) const noexcept;
  HUBCACHE_DECL void write(byte_view bytes, std::uint64_t offset, std::error_code& ec) const noexcept;

  [[nodiscard]] HUBCACHE_DECL std::uint64_t size(std::error_code& ec) const noexcept;
  /// Whether no folder names it any more.
  [[nodiscard]] HUBCACHE_DECL bool nameless() const noexcept;

 private:
  os::descriptor file_;
  os::mapped_file view_;  // of the bytes it had when it was opened; empty if copied
};

}  // namespace detail

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/index_file.ipp>
#endif
