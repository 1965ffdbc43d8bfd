#pragma once

#include <hubcache/error.hpp>
#include <hubcache/impl/assembly_manifest.ipp>
#include <hubcache/impl/hub_layout.ipp>
#include <hubcache/os/folder.hpp>
#include <hubcache/os/lock.hpp>
#include <hubcache/store/assembly.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace hubcache::inline v0_1::detail {

/// An assembled directory on disk: reads and writes below it, and follows no symlink there.
class assembled_folder {
 public:
  /// @param path absolute
  explicit assembled_folder(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string path_of(std::string_view file) const { return path_ + "/" + std::string(file); }
  [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(root_); }

  /// @param file empty: the directory itself
  [[noreturn]] void refuse(const std::string& file, std::string why) const {
    throw error(errc::refused, std::move(why),
                error_context{}.with_file(file.empty() ? path_ : path_of(file)));
  }

  /// Opens it to look. @return whether it is there
  bool open() {
    std::error_code ec;
    root_ = os::folder::open(path_, ec);
    if (ec == std::errc::no_such_file_or_directory) return false;
    if (ec) throw_disk_error(ec, "open the directory", path_);
    return true;
  }

  /// Opens it for this process alone, and removes what a killed run left. @return whether it is there
  bool enter() {
    if (!open()) return false;
    std::error_code ec;
    const auto name = std::string(assembly_scratch) + ".lock";
    lock_ = os::file_lock::try_lock(root_, path_of(name), os::lock_mode::exclusive, ec);
    if (!lock_ && !ec) refuse({}, "another process fills this directory now");
    if (!lock_) return true;  // a read-only directory can still be as it is wanted
    lock_->remove_on_release();
    for (const auto& entry : root_.entries(ec)) {
      const std::string_view left = entry.name;
      if (left.starts_with(assembly_scratch) && left.ends_with(".incomplete")) root_.remove(entry.name, ec);
    }
    return true;
  }

  /// Makes it, and enters.
  void make() {
    std::error_code ec;
    os::make_directories(path_, ec);
    if (ec) throw_disk_error(ec, "create the directory", path_);
    if (!enter() || !read_manifest().empty()) refuse({}, "another process fills this directory now");
  }

  /// The files of the manifest; none if the directory is empty.
  /// @throws error errc::refused if it has files and no manifest; errc::malformed_file
  [[nodiscard]] std::vector<manifest_file> read_manifest() {
    const auto path = path_of(assembly_manifest);
    std::error_code ec;
    manifest_ = os::read_text(path, std::size_t{256} << 20U, ec);
    if (ec == std::errc::no_such_file_or_directory) {
      require_empty();
      return {};
    }
    if (ec) throw_disk_error(ec, "read the manifest", path);
    try {
      return parse_assembly_manifest(manifest_);
    } catch (const error& e) {
      throw e.within(error_context{}.with_file(path));
    }
  }

  /// Writes it, unless it is there already.
  void write_manifest(const std::vector<manifest_file>& files, fsync_mode mode) {
    auto text = format_assembly_manifest(files);
    if (text == manifest_) return;
    replace(std::string(assembly_manifest), text,
            mode == fsync_mode::none ? os::text_sync::none : os::text_sync::name);
    manifest_ = std::move(text);
  }

  /// The status of the name `file` itself; none if there is no such name.
  /// @throws error errc::refused if a folder on the way is none
  [[nodiscard]] std::optional<os::file_status> look_at(const std::string& file) const {
    std::error_code ec;
    const auto folder = folder_of(file, ec);
    const auto found = ec ? os::file_status() : folder.status(os::last_segment(file), ec);
    if (!ec) return found;
    if (ec == std::errc::no_such_file_or_directory) return std::nullopt;
    if (ec == std::errc::not_a_directory || ec == std::errc::too_many_symbolic_link_levels) {
      refuse(file, "one of its folders is a file or a symlink; move that away, or choose another directory");
    }
    throw_disk_error(ec, "look at", path_of(file));
  }

  /// Whether there is nothing in the folder `path` but such files, and folders of them.
  template <class Known>
  [[nodiscard]] bool has_only(const std::string& path, const Known& known) const {
    std::error_code ec;
    const auto around = folder_of(path, ec);
    const auto folder = ec ? os::folder() : around.child(os::last_segment(path), ec);
    const auto entries = ec ? std::vector<os::folder_entry>() : folder.entries(ec);
    if (ec) throw_disk_error(ec, "list the folder", path_of(path));
    return !entries.empty() &&
           std::all_of(entries.begin(), entries.end(), [&](const os::folder_entry& entry) {
             const auto below = path + "/" + entry.name;
             return entry.kind == os::folder_entry::type::folder ? has_only(below, known) : known(below);
           });
  }

  [[nodiscard]] std::string read_link(const std::string& file) const {
    std::error_code ec;
    const auto folder = folder_of(file, ec);
    auto text = ec ? std::string() : folder.read_link(os::last_segment(file), ec);
    if (ec) throw_disk_error(ec, "read the link", path_of(file));
    return text;
  }

  /// Removes `file`, and the folders that are empty then.
  void remove(const std::string& file) const {
    std::error_code ec;
    const auto folder = folder_of(file, ec);
    if (!ec) folder.remove(os::last_segment(file), ec);
    if (ec) throw_disk_error(ec, "remove", path_of(file));
    for (auto at = file.rfind('/'); at != file.npos && !ec; at = file.rfind('/', at - 1)) {
      const auto emptied = file.substr(0, at);
      const auto around = folder_of(emptied, ec);
      if (!ec) around.remove_folder(os::last_segment(emptied), ec);  // fails if others have files in it
    }
  }

  /// The mode of the texts and the manifest, less the umask.
  void set_mode(std::uint32_t mode) noexcept { mode_ = mode; }

  void write(const std::string& file, std::string_view text, fsync_mode mode) const {
    replace(file, text, mode == fsync_mode::none ? os::text_sync::none : os::text_sync::content);
  }

  /// Makes `file` a symlink with the text `target`.
  void point(const std::string& file, const std::string& target) const {
    const auto temporary = temporary_name();
    std::error_code ec, ignored;
    root_.replace_symlink(target, temporary, ec);
    const auto folder = ec ? os::folder() : root_.parent_of(file, ec);
    if (!ec) root_.move(temporary, folder, os::last_segment(file), ec);
    if (!ec) return;
    root_.remove(temporary, ignored);
    throw_disk_error(ec, "link the file", path_of(file));
  }

 private:
  void require_empty() const {
    std::error_code ec;
    const auto entries = root_.entries(ec);
    if (ec) throw_disk_error(ec, "list the directory", path_);
    const bool empty = std::all_of(entries.begin(), entries.end(), [](const os::folder_entry& entry) {
      return entry.name.starts_with(assembly_scratch);
    });
    if (!empty) {
      refuse({}, "it has files, and no " + std::string(assembly_manifest) +
                     " says that hubcache put them there; choose an empty or a new directory");
    }
  }

  /// The folder that holds the last name of `file`; makes none.
  [[nodiscard]] os::folder folder_of(std::string_view file, std::error_code& ec) const {
    auto at = root_.child(".", ec);
    for (auto slash = file.find('/'); slash != file.npos && !ec; slash = file.find('/')) {
      at = at.child(std::string(file.substr(0, slash)), ec);
      file.remove_prefix(slash + 1);
    }
    return at;
  }

  [[nodiscard]] static std::string temporary_name() {
    return std::string(assembly_scratch) + "." + os::random_hex(8) + ".incomplete";
  }

  void replace(const std::string& file, std::string_view text, os::text_sync synced) const {
    std::error_code ec;
    replace_below(path_, path_of(file), text, path_of(temporary_name()), ec, synced, mode_);
    if (ec) throw_disk_error(ec, "write the file", path_of(file));
  }

  std::string path_;
  os::folder root_;
  std::optional<os::file_lock> lock_;
  std::uint32_t mode_ = 0666;
  std::string manifest_;  // as it is on disk
};

}  // namespace hubcache::inline v0_1::detail
