#pragma once
/// @file
/// Files by descriptor. Every call reports through `ec` (cleared on success) and never follows a symlink as the
/// last part of a path unless it says so. All are blocking; distinct files are safe from distinct threads.

#include <hubcache/config.hpp>
#include <hubcache/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1::os {

/// Owns an open file descriptor.
class descriptor {
 public:
  descriptor() noexcept = default;
  /// Takes `fd`, which it closes.
  explicit descriptor(int fd) noexcept : fd_(fd) {}
  /// Takes the descriptor of `other`, which has none then.
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  /// Closes its own first.
  descriptor& operator=(descriptor&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~descriptor() { close(); }

  /// The number; -1 if there is none.
  [[nodiscard]] int get() const noexcept { return fd_; }
  /// Whether there is one.
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
  /// Closes now; errors of close() are not reported (data errors are caught by sync()).
  HUBCACHE_DECL void close() noexcept;

 private:
  int fd_ = -1;
};

/// Has `fd` closed in what exec() starts, as every descriptor made here is: for sockets that others opened.
HUBCACHE_DECL void close_on_exec(int fd) noexcept;

/// What tells one state of a file from another: stored with a verified digest, compared before it is believed.
struct file_identity {
  std::uint64_t device = 0;   ///< Number of the file system.
  std::uint64_t inode = 0;    ///< Number of the file in it.
  std::uint64_t size = 0;     ///< Bytes.
  std::int64_t mtime_ns = 0;  ///< Since 1970.
  std::int64_t ctime_ns = 0;  ///< Since 1970.

  friend bool operator==(const file_identity&, const file_identity&) noexcept = default;
};

/// Whether both are one file whose bytes nobody wrote to in between. Unlike ==, says nothing of ctime: links and
/// renames change it.
[[nodiscard]] inline bool same_bytes_state(const file_identity& a, const file_identity& b) noexcept {
  return a.device == b.device && a.inode == b.inode && a.size == b.size && a.mtime_ns == b.mtime_ns;
}

/// A file's identity with what links need to know besides.
struct file_status {
  file_identity identity;   ///< Which state of which file.
  std::uint32_t mode = 0;   ///< Permission bits.
  std::uint32_t owner = 0;  ///< uid
  std::uint32_t group = 0;  ///< gid
  std::uint64_t links = 0;  ///< Names of the inode.
  std::uint64_t allocated = 0;   ///< Bytes on disk, as st_blocks counts them.
  std::int64_t accessed_ns = 0;  ///< Last read, since 1970, as far as the mount records it.
  bool regular = false;          ///< A regular file.
  bool directory = false;        ///< A folder.
  bool symlink = false;          ///< A symbolic link.

  friend bool operator==(const file_status&, const file_status&) = default;
};

/// Of an open file.
[[nodiscard]] HUBCACHE_DECL file_status status(const descriptor& file, std::error_code& ec) noexcept;
/// Of a name; a symlink itself unless `follow`.
[[nodiscard]] HUBCACHE_DECL file_status status(const std::string& path, std::error_code& ec,
                                               bool follow = false) noexcept;

/// Opens an existing regular file for reading. A symlink, fifo, device or folder is refused
/// (std::errc::too_many_symbolic_link_levels or invalid_argument).
[[nodiscard]] HUBCACHE_DECL descriptor open_read(const std::string& path, std::error_code& ec) noexcept;
/// The same for reading and writing.
[[nodiscard]] HUBCACHE_DECL descriptor open_write(const std::string& path, std::error_code& ec) noexcept;
/// Opens for reading and writing, created with `mode` less the umask if missing; regular files only.
[[nodiscard]] HUBCACHE_DECL descriptor open_or_create(const std::string& path, std::uint32_t mode,
                                                      std::error_code& ec) noexcept;
/// Creates a file that must not exist yet, for reading and writing.
[[nodiscard]] HUBCACHE_DECL descriptor create_new(const std::string& path, std::uint32_t mode,
                                                  std::error_code& ec) noexcept;

/// Reads up to `into.size()` bytes at `offset`; returns fewer only at the end of the file.
[[nodiscard]] HUBCACHE_DECL std::size_t read_at(const descriptor& file, std::span<std::byte> into,
                                                std::uint64_t offset, std::error_code& ec) noexcept;
/// Whether the first `size` bytes of both are there and equal. Reads both.
[[nodiscard]] HUBCACHE_DECL bool same_bytes(const descriptor& a, const descriptor& b, std::uint64_t size,
                                            std::error_code& ec);
/// Writes all of `bytes` at `offset`.
HUBCACHE_DECL void write_at(const descriptor& file, byte_view bytes, std::uint64_t offset,
                            std::error_code& ec) noexcept;
/// Sets the length.
HUBCACHE_DECL void resize(const descriptor& file, std::uint64_t size, std::error_code& ec) noexcept;
/// Reserves disk blocks for the first `size` bytes without changing the length. Where the file system cannot,
/// succeeds and does nothing; reports only a lack of space or quota.
HUBCACHE_DECL void reserve(const descriptor& file, std::uint64_t size, std::error_code& ec) noexcept;
/// Sets the permission bits of a file that this process made.
HUBCACHE_DECL void set_mode(const descriptor& file, std::uint32_t mode, std::error_code& ec) noexcept;
/// Begins to write content to the device without waiting, so that many files are synced at the cost of one.
HUBCACHE_DECL void start_sync(const descriptor& file) noexcept;
/// Flushes content (and the length) to the device.
HUBCACHE_DECL void sync(const descriptor& file, std::error_code& ec) noexcept;
/// Flushes the names in `folder`.
HUBCACHE_DECL void sync_directory(const std::string& folder, std::error_code& ec) noexcept;

/// The whole text of a regular file of at most `limit` bytes (else std::errc::file_too_large).
[[nodiscard]] HUBCACHE_DECL std::string read_text(const std::string& path, std::size_t limit,
                                                  std::error_code& ec);
/// What is on the device once a text is replaced.
enum class text_sync : unsigned char {
  none,     ///< After a crash of the machine the text may be old, new or damaged.
  content,  ///< It is old or new.
  name,     ///< It is new.
};
/// Gives `path` the content `text`, atomically: temporary neighbour, then rename. Readers see old or new.
HUBCACHE_DECL void replace_text(const std::string& path, std::string_view text, std::uint32_t mode,
                                std::error_code& ec, text_sync synced = text_sync::none);

/// Sets the times of a file to now; creates it, empty and with mode 0600, if it is missing.
HUBCACHE_DECL void touch(const std::string& path, std::error_code& ec) noexcept;

/// Creates `path` and its missing parents with `mode` less the umask. An existing folder is success.
HUBCACHE_DECL void make_directories(const std::string& path, std::error_code& ec, std::uint32_t mode = 0777);
/// Renames over whatever file has the name `to`.
HUBCACHE_DECL void rename(const std::string& from, const std::string& to, std::error_code& ec) noexcept;
/// Removes a file or symlink; a missing one is success.
HUBCACHE_DECL void remove(const std::string& path, std::error_code& ec) noexcept;
/// The names in a folder, without "." and "..", unsorted.
[[nodiscard]] HUBCACHE_DECL std::vector<std::string> names_in(const std::string& folder, std::error_code& ec);

/// Free bytes for this user on the file system of `path` (its nearest existing parent).
[[nodiscard]] HUBCACHE_DECL std::uint64_t free_bytes(const std::string& path, std::error_code& ec);
/// Makes the file system of `path` finish what it began, so that free_bytes() counts what was removed.
HUBCACHE_DECL void sync_file_system(const std::string& path, std::error_code& ec) noexcept;
/// Whether `path` (its nearest existing parent) lies on a file system shared with other hosts.
[[nodiscard]] HUBCACHE_DECL bool is_network_file_system(const std::string& path);
/// Whether `path` lies on a file system that shows the kernel's state (proc, sysfs, ...) instead of stored data.
[[nodiscard]] HUBCACHE_DECL bool is_kernel_file_system(const std::string& path);
/// The mode new files get here: 0666 less the umask.
[[nodiscard]] HUBCACHE_DECL std::uint32_t default_file_mode() noexcept;
/// Whose files are one's own, as file_status::owner names them.
[[nodiscard]] HUBCACHE_DECL std::uint32_t effective_user() noexcept;
/// The group of the files that this process makes, unless their folder gives them its own.
[[nodiscard]] HUBCACHE_DECL std::uint32_t effective_group() noexcept;
/// Whether this process could open what `path` leads to for reading, by permissions alone.
[[nodiscard]] HUBCACHE_DECL bool is_readable(const std::string& path) noexcept;
/// The same; `known`, its status, tells of a file of one's own, of others the system is asked.
[[nodiscard]] HUBCACHE_DECL bool is_readable(const std::string& path, const file_status& known) noexcept;
/// `path` made absolute against the working folder, "." and ".." resolved lexically; symlinks stay.
[[nodiscard]] HUBCACHE_DECL std::string absolute_path(const std::string& path);

/// `digits` random lower-case hex digits (at most 32), unpredictable for other processes.
[[nodiscard]] HUBCACHE_DECL std::string random_hex(std::size_t digits);

}  // namespace hubcache::inline v0_1::os

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/os_file.ipp>
#endif
