#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sched.h>
#include <string>
#include <string_view>
#include <support/temp_folder.hpp>
#include <sys/mount.h>
#include <unistd.h>

namespace test {

inline bool runs(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

/// Moves this process into a mount namespace of its own, once.
inline bool has_private_mounts() {
  static const bool done = ::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0 &&
                           ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  return done;
}

/// A file system of its own, unmounted at the end of the test. It is mounted in a private mount namespace of this
/// thread and those it starts: nothing else sees it, and it is gone when the process ends, however it ends.
/// Needs root; says so where it cannot run.
class mounted {
 public:
  /// A file system in an image of `size` (as truncate understands it), made by `mkfs <options> <image>`.
  static std::unique_ptr<mounted> image(const std::string& mkfs, const std::string& size) {
    std::unique_ptr<mounted> result(new mounted);
    const auto file = result->files_ / "image";
    if (has_private_mounts() && runs("truncate -s " + size + " " + file) && runs(mkfs + " " + file) &&
        runs("mount -o loop " + file + " " + result->path())) {
      return result;
    }
    MESSAGE("skipped: needs root, loop devices and ", mkfs.substr(0, mkfs.find(' ')));
    return nullptr;
  }
  static std::unique_ptr<mounted> tmpfs(const std::string& size) { return special("tmpfs", "size=" + size); }
  static std::unique_ptr<mounted> overlay(const std::string& lower, const std::string& upper,
                                          const std::string& work) {
    return special("overlay", "lowerdir=" + lower + ",upperdir=" + upper + ",workdir=" + work);
  }

  mounted(const mounted&) = delete;
  mounted& operator=(const mounted&) = delete;
  ~mounted() { ::umount2(at_.c_str(), MNT_DETACH); }

  [[nodiscard]] const std::string& path() const { return at_; }
  [[nodiscard]] std::string operator/(std::string_view name) const { return at_ + "/" + std::string(name); }
  /// Makes a folder.
  [[nodiscard]] std::string folder(std::string_view name) const {
    std::filesystem::create_directories(*this / name);
    return *this / name;
  }

 private:
  mounted() : at_(files_ / "mounted") { std::filesystem::create_directory(at_); }

  static std::unique_ptr<mounted> special(const char* type, const std::string& options) {
    std::unique_ptr<mounted> result(new mounted);
    if (has_private_mounts() && ::mount("none", result->path().c_str(), type, 0, options.c_str()) == 0)
      return result;
    MESSAGE("skipped: needs root and ", std::string(type));
    return nullptr;
  }

  test::temp_folder files_;
  std::string at_;
};

}  // namespace test
