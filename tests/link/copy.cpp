#include <hubcache/error.hpp>
#include <hubcache/link/copy.hpp>

#include <doctest/doctest.h>

#include <conformance/link_strategy.hpp>
#include <stop_token>

using hubcache::link_kind;

TEST_CASE("A copy keeps the contract of link_strategy") {
  CHECK(test::check_link_strategy(hubcache::copy{}, link_kind::copy));
}

TEST_CASE("A copy to another device keeps the contract of link_strategy") {
  const std::filesystem::path shared_memory = "/dev/shm";
  std::error_code ec;
  const auto from = hubcache::os::status(std::filesystem::temp_directory_path().string(), ec, true);
  const auto to = hubcache::os::status(shared_memory.string(), ec, true);
  if (ec || from.identity.device == to.identity.device) {
    MESSAGE("skipped: ", shared_memory.string(), " is no other device here");
    return;
  }
  CHECK(test::check_link_strategy(hubcache::copy{}, link_kind::copy, std::filesystem::temp_directory_path(),
                                  shared_memory));
}

TEST_CASE("Files of every size around the block of the buffer are copied whole") {
  const test::temp_folder folder, elsewhere("/dev/shm");
  constexpr std::size_t block = 1U << 20U;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, block, block + 1, 2 * block}) {
    const auto name = std::to_string(size);
    const auto bytes = test::patterned(size);
    const auto source = test::open_source(folder.write(name, bytes));
    std::error_code ec;
    CHECK(hubcache::copy{}.link(source, {elsewhere / name, 0644}, link_kind::copy, ec).used ==
          link_kind::copy);
    CHECK(test::read_file(elsewhere / name) == bytes);
  }
}

TEST_CASE("A copy has its own inode and the mode asked for") {
  const test::temp_folder folder;
  const auto source = test::open_source(folder.write("source", "bytes"));
  std::error_code ec;
  (void)hubcache::copy{}.link(source, {folder / "copied", 0444}, link_kind::copy, ec);
  const auto made = hubcache::os::status(folder / "copied", ec);
  CHECK(made.identity.inode != source.status.identity.inode);
  CHECK(made.mode == 0444);
}

TEST_CASE("A source that was cut short is not copied") {
  for (const auto* parent : {"/tmp", "/dev/shm"}) {  // by the kernel, and by the buffer
    const test::temp_folder folder("/tmp"), to(parent);
    const auto source = test::open_source(folder.write("source", test::linkable_bytes()));
    std::filesystem::resize_file(source.path, 1000);
    std::error_code ec;
    CHECK(!hubcache::copy{}.link(source, {to / "copied", 0644}, link_kind::copy, ec).used);
    CHECK(hubcache::classify(ec) == hubcache::link_failure::stale);
    CHECK(test::names_in(to.path()) == 0);
  }
}

TEST_CASE("Holes stay holes, at the start, in the middle and at the end, and the length is right") {
  for (const auto* parent : {"/tmp", "/dev/shm"}) {  // by the kernel, and by the buffer
    const test::temp_folder folder("/tmp"), to(parent);
    constexpr std::uint64_t gap = 8U << 20U;
    const auto island = test::linkable_bytes();
    const auto path = folder.write("source", "");
    std::error_code ec;
    {
      const auto file = hubcache::os::open_write(path, ec);
      for (const auto at : {gap, 2 * gap})
        hubcache::os::write_at(file, hubcache::as_byte_view(island), at, ec);
      hubcache::os::resize(file, 3 * gap + 1, ec);
    }
    const auto source = test::open_source(path);
    if (source.status.allocated >= gap) {
      MESSAGE("skipped: /tmp knows no holes");
      return;
    }
    CHECK(hubcache::copy{}.link(source, {to / "copied", 0644}, link_kind::copy, ec).used == link_kind::copy);
    const auto made = hubcache::os::status(to / "copied", ec);
    CHECK(made.identity.size == 3 * gap + 1);
    CHECK(made.allocated < gap);
    CHECK(test::read_file(to / "copied") == test::read_file(path));
  }
}

TEST_CASE("A file that is one hole is copied as one") {
  const test::temp_folder folder;
  const auto path = folder.write("source", "");
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40U);
  std::error_code ec;
  CHECK(hubcache::copy{}.link(test::open_source(path), {folder / "copied", 0644}, link_kind::copy, ec).used);
  CHECK(std::filesystem::file_size(folder / "copied") == std::uintmax_t{1} << 40U);
}

TEST_CASE("A copy that is stopped at any time is whole or not there at all") {
  const auto bytes = test::patterned(24'000'000);
  for (const auto* parent : {"/tmp", "/dev/shm"}) {  // by the kernel, and by the buffer
    const test::temp_folder folder("/tmp"), to(parent);
    const auto source = test::open_source(folder.write("source", bytes));
    for (int delay = 0; delay < 12; ++delay) {
      std::stop_source stop;
      hubcache::link_target want(to / "copied", 0644);
      want.stop = stop.get_token();
      std::thread other;
      if (delay == 0) stop.request_stop();
      if (delay > 0) {
        other = std::thread([&] {
          std::this_thread::sleep_for(std::chrono::microseconds(500 * delay));
          stop.request_stop();
        });
      }
      std::error_code ec;
      const bool copied = hubcache::copy{}.link(source, want, link_kind::copy, ec).used.has_value();
      if (delay > 0) other.join();
      CHECK((delay > 0 || !copied));
      if (!copied) CHECK(ec == hubcache::errc::cancelled);
      CHECK((copied ? test::read_file(want.path) == bytes : test::names_in(to.path()) == 0));
      std::filesystem::remove(want.path);
    }
  }
}
