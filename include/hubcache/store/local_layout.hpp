#pragma once
/// @file
/// A local folder that holds a repo's files themselves, as huggingface_hub's local_dir.

#include <hubcache/digest.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace hubcache::inline v0_1 {

/// Paths below a local folder. Pure.
class local_layout {
 public:
  /// @param folder absolute.
  explicit local_layout(std::string folder) : folder_(std::move(folder)) {}

  /// @{

  /// Absolute path of the part of that name.
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
  [[nodiscard]] std::string book_keeping() const { return folder_ + "/.cache/huggingface"; }
  [[nodiscard]] std::string downloads() const { return book_keeping() + "/download"; }
  [[nodiscard]] std::string metadata(std::string_view path) const {
    return downloads() + "/" + std::string(path) + ".metadata";
  }
  [[nodiscard]] std::string partial(const digest& d) const {
    return downloads() + "/" + d.hex() + ".68756263.incomplete";
  }
  [[nodiscard]] std::string tree(std::string_view commit) const {
    return book_keeping() + "/trees/" + std::string(commit) + ".json";
  }
  /// @}

 private:
  std::string folder_;
};

/// What is recorded of one file of a local folder.
struct local_metadata {
  local_metadata() = default;
  std::string commit;  ///< Of the snapshot that the file came with; 40 hex.
  std::string etag;    ///< Digest of the content, in hex.

  friend bool operator==(const local_metadata&, const local_metadata&) = default;
};
static_assert(!std::is_aggregate_v<local_metadata>);

/// Creates the book-keeping folders, CACHEDIR.TAG and the .gitignore that hides them; sweeps out records that killed
/// processes left half written. As write_metadata(), follows no
/// symlink below the local folder.
HUBCACHE_DECL void make_local_folders(const local_layout& layout, std::error_code& ec);

/// The record of `path`, valid only if a regular file has that name and was not modified after the record,
/// which must not be of the future.
[[nodiscard]] HUBCACHE_DECL std::optional<local_metadata> read_metadata(const local_layout& layout,
                                                                        const std::string& folder,
                                                                        std::string_view path);
/// Records a file that was just published there.
HUBCACHE_DECL void write_metadata(const local_layout& layout, std::string_view path,
                                  const local_metadata& data, std::error_code& ec);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/local_layout.ipp>
#endif
