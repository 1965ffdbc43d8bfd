#include <hubcache/os/file.hpp>
#include <hubcache/os/mapped_file.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <support/temp_folder.hpp>
#include <sys/stat.h>
#include <system_error>
#include <vector>

namespace fs = std::filesystem;
namespace os = hubcache::os;
using test::read_file;
using test::temp_folder;

namespace {

std::size_t names_in(const temp_folder& folder) {
  std::error_code ec;
  return os::names_in(folder.path().string(), ec).size();
}

}  // namespace

TEST_CASE("A file is opened for reading only if the name is that of a regular file") {
  const temp_folder folder;
  const auto file = folder.write("file", "text");
  fs::create_symlink("file", folder / "link");
  fs::create_directory(folder / "folder");
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  std::error_code ec = std::make_error_code(std::errc::io_error);
  CHECK(static_cast<bool>(os::open_read(file, ec)));
  CHECK(!ec);
  CHECK_FALSE(static_cast<bool>(os::open_read(folder / "link", ec)));
  CHECK(ec == std::errc::too_many_symbolic_link_levels);
  CHECK_FALSE(static_cast<bool>(os::open_read(folder / "folder", ec)));
  CHECK(ec == std::errc::invalid_argument);
  CHECK_FALSE(static_cast<bool>(os::open_read(folder / "fifo", ec)));
  CHECK(ec == std::errc::invalid_argument);
  CHECK_FALSE(static_cast<bool>(os::open_read(folder / "none", ec)));
  CHECK(ec == std::errc::no_such_file_or_directory);
}

TEST_CASE("A file is never created through a dangling symlink") {
  const temp_folder folder;
  fs::create_symlink("elsewhere", folder / "link");
  std::error_code ec;
  CHECK_FALSE(static_cast<bool>(os::open_or_create(folder / "link", 0644, ec)));
  CHECK(ec);
  CHECK_FALSE(static_cast<bool>(os::create_new(folder / "link", 0644, ec)));
  CHECK(ec == std::errc::file_exists);
  CHECK(names_in(folder) == 1);
}

TEST_CASE("create_new() leaves a file that exists alone; open_or_create() keeps its bytes") {
  const temp_folder folder;
  const auto path = folder.write("file", "text");
  std::error_code ec;
  CHECK_FALSE(static_cast<bool>(os::create_new(path, 0644, ec)));
  CHECK(ec == std::errc::file_exists);
  CHECK(static_cast<bool>(os::open_or_create(path, 0644, ec)));
  CHECK(read_file(path) == "text");
}

TEST_CASE("A descriptor that was moved from is empty, and closes nothing") {
  const temp_folder folder;
  std::error_code ec;
  auto first = os::create_new(folder / "file", 0644, ec);
  os::descriptor second(std::move(first));
  CHECK_FALSE(static_cast<bool>(first));
  first = std::move(second);
  (void)os::status(first, ec);
  CHECK(!ec);
  first.close();
  (void)os::status(first, ec);
  CHECK(ec == std::errc::bad_file_descriptor);
}

TEST_CASE("Bytes are written and read at an offset; a read is short only at the end") {
  const temp_folder folder;
  std::error_code ec;
  const auto file = os::create_new(folder / "file", 0644, ec);
  os::write_at(file, hubcache::as_byte_view("world"), 6, ec);
  os::write_at(file, hubcache::as_byte_view("hello "), 0, ec);
  CHECK(!ec);
  CHECK(read_file(folder / "file") == "hello world");
  std::string text(20, '?');
  CHECK(os::read_at(file, std::as_writable_bytes(std::span(text)), 4, ec) == 7);
  CHECK(!ec);
  CHECK(text.substr(0, 8) == "o world?");
  os::resize(file, 5, ec);
  CHECK(read_file(folder / "file") == "hello");
}

TEST_CASE("Reserving space does not change a file's length") {
  const temp_folder folder;
  std::error_code ec;
  const auto file = os::create_new(folder / "file", 0644, ec);
  os::reserve(file, 1 << 20, ec);
  CHECK(!ec);
  CHECK(os::status(file, ec).identity.size == 0);
}

TEST_CASE("The status of a name is that of a symlink itself, unless told to follow") {
  const temp_folder folder;
  folder.write("file", "text");
  fs::create_symlink("file", folder / "link");
  std::error_code ec;
  CHECK(os::status(folder / "link", ec).symlink);
  const auto followed = os::status(folder / "link", ec, true);
  CHECK(followed.regular);
  CHECK(followed.identity == os::status(folder / "file", ec).identity);
  CHECK(os::status(folder.path().string(), ec).directory);
}

TEST_CASE("A file's identity survives reads, and changes with its length, time or inode") {
  const temp_folder folder;
  const auto path = folder.write("file", "text");
  std::error_code ec;
  const auto before = os::status(path, ec).identity;
  CHECK(read_file(path) == "text");
  CHECK(os::status(path, ec).identity == before);
  fs::last_write_time(path, fs::last_write_time(path) - std::chrono::nanoseconds(1000));
  const auto touched = os::status(path, ec).identity;
  CHECK_FALSE(touched == before);
  CHECK(touched.inode == before.inode);
  folder.write("file", "longer text");
  CHECK_FALSE(os::status(path, ec).identity == touched);
}

TEST_CASE("read_text() returns the whole file, and refuses one over the limit") {
  const temp_folder folder;
  const auto path = folder.write("file", "12345");
  std::error_code ec;
  CHECK(os::read_text(path, 5, ec) == "12345");
  CHECK(!ec);
  CHECK(os::read_text(path, 4, ec).empty());
  CHECK(ec == std::errc::file_too_large);
}

TEST_CASE("replace_text() replaces a file at once and leaves nothing else behind") {
  const temp_folder folder;
  const auto path = folder.write("file", "old");
  std::error_code ec;
  const auto held = os::open_read(path, ec);  // so that its inode is not used again
  os::replace_text(path, "new", 0600, ec);
  CHECK(!ec);
  CHECK(read_file(path) == "new");
  CHECK(os::status(path, ec).identity.inode != os::status(held, ec).identity.inode);
  CHECK(os::status(path, ec).mode == 0600);
  CHECK(names_in(folder) == 1);
}

TEST_CASE("replace_text() replaces a symlink, not what it points at") {
  const temp_folder folder;
  const auto target = folder.write("target", "keep");
  fs::create_symlink("target", folder / "link");
  std::error_code ec;
  os::replace_text(folder / "link", "new", 0644, ec);
  CHECK(!ec);
  CHECK(read_file(target) == "keep");
  CHECK(os::status(folder / "link", ec).regular);
}

TEST_CASE("replace_text() that fails leaves no temporary file") {
  const temp_folder folder;
  fs::create_directory(folder / "folder");
  std::error_code ec;
  os::replace_text(folder / "folder", "new", 0644, ec);
  CHECK(ec == std::errc::is_a_directory);
  CHECK(names_in(folder) == 1);
}

TEST_CASE("make_directories() creates all that is missing, and is content with what is there") {
  const temp_folder folder;
  std::error_code ec;
  os::make_directories(folder / "a/b/c", ec, 0700);
  CHECK(!ec);
  CHECK(os::status(folder / "a", ec).mode == 0700);
  os::make_directories(folder / "a/b/c", ec);
  CHECK(!ec);
  os::make_directories(folder / "a/b/d/", ec);
  CHECK(!ec);
  fs::create_directory_symlink("a", folder / "link");
  os::make_directories(folder / "link/b/e", ec);
  CHECK(!ec);
  CHECK(fs::is_directory(folder / "a/b/e"));
}

TEST_CASE("make_directories() reports a file in the way") {
  const temp_folder folder;
  folder.write("file", "");
  std::error_code ec;
  os::make_directories(folder / "file", ec);
  CHECK(ec == std::errc::not_a_directory);
  os::make_directories(folder / "file/below", ec);
  CHECK(ec == std::errc::not_a_directory);
}

TEST_CASE("Removing a missing file is success; a folder is no file") {
  const temp_folder folder;
  fs::create_directory(folder / "folder");
  std::error_code ec;
  os::remove(folder / "none", ec);
  CHECK(!ec);
  os::remove(folder / "folder", ec);
  CHECK(ec);
}

TEST_CASE("names_in() lists files, folders and hidden names, and reports a missing folder") {
  const temp_folder folder;
  folder.write("b", "");
  folder.write(".a", "");
  fs::create_directory(folder / "c");
  std::error_code ec;
  auto names = os::names_in(folder.path().string(), ec);
  CHECK(!ec);
  std::sort(names.begin(), names.end());
  CHECK(names == std::vector<std::string>{".a", "b", "c"});
  CHECK(os::names_in(folder / "none", ec).empty());
  CHECK(ec == std::errc::no_such_file_or_directory);
}

TEST_CASE("Free space is known for folders that do not exist yet") {
  const temp_folder folder;
  std::error_code ec;
  CHECK(os::free_bytes(folder / "not/yet/there", ec) > 0);
  CHECK(!ec);
}

TEST_CASE("The default mode is the one a new file gets") {
  const temp_folder folder;
  std::error_code ec;
  const auto before = ::umask(0027);
  const auto mode = os::default_file_mode();
  const auto file = os::create_new(folder / "file", 0666, ec);
  ::umask(before);
  CHECK(mode == 0640);
  CHECK(os::status(file, ec).mode == mode);
  CHECK(os::status(file, ec).owner == os::effective_user());
}

TEST_CASE("Paths become absolute and normal, without a slash at their end") {
  CHECK(os::absolute_path("/a/./b/../c//") == "/a/c");
  CHECK(os::absolute_path("/") == "/");
  CHECK(os::absolute_path("x") == (fs::current_path() / "x").string());
}

TEST_CASE("Random names have the length asked for, are lower-case hex and do not repeat") {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) CHECK(seen.insert(os::random_hex(8)).second);
  CHECK(seen.begin()->size() == 8);
  CHECK(os::random_hex(100).size() == 32);
  CHECK(os::random_hex(32).find_first_not_of("0123456789abcdef") == std::string::npos);
}

TEST_CASE("A mapping shows a file's bytes, also after a move; an empty one maps nothing") {
  const temp_folder folder;
  std::error_code ec;
  const auto file = os::open_read(folder.write("file", "mapped"), ec);
  auto first = os::mapped_file::map(file, 6, ec);
  CHECK(!ec);
  const os::mapped_file mapped(std::move(first));
  CHECK(first.bytes().empty());
  const auto want = hubcache::as_byte_view("mapped");
  CHECK(std::equal(mapped.bytes().begin(), mapped.bytes().end(), want.begin(), want.end()));
  CHECK(os::mapped_file::map(file, 0, ec).bytes().empty());
  CHECK(!ec);
  (void)os::mapped_file::map(os::descriptor(), 1, ec);
  CHECK(ec);
}

TEST_CASE("touch() creates an empty file or dates an old one; a symlink is not followed") {
  const temp_folder folder;
  std::error_code ec;
  os::touch(folder / "new", ec);
  CHECK(!ec);
  CHECK(os::status(folder / "new", ec).identity.size == 0);
  const auto old = folder.write("old", "bytes");
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(48));
  fs::create_symlink(old, folder / "link");
  const auto before = os::status(old, ec).identity.mtime_ns;
  os::touch(folder / "link", ec);
  CHECK(os::status(old, ec).identity.mtime_ns == before);
  os::touch(old, ec);
  CHECK(os::status(old, ec).identity.mtime_ns > before);
  CHECK(read_file(old) == "bytes");
  os::touch(folder / "missing/file", ec);
  CHECK(ec == std::errc::no_such_file_or_directory);
}

TEST_CASE("The kernel's own file systems are told from those that hold data") {
  CHECK(os::is_kernel_file_system("/proc/self"));
  CHECK(os::is_kernel_file_system("/sys"));
  CHECK_FALSE(os::is_kernel_file_system("/"));
  CHECK_FALSE(os::is_kernel_file_system(test::temp_folder().path()));
}
