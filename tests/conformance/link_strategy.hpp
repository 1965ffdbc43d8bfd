#pragma once
/// @file
/// What every model of `link_strategy` must do. Call it in a test case of your own, with the kinds of links it makes:
///
///   TEST_CASE("my_links keep the contract of link_strategy") {
///     test::check_link_strategy(my_links(), hubcache::link_kind::reflink);
///   }
///
/// Needs doctest and this folder's parent on the include path, which the CMake target hubcache::conformance brings.
/// It returns whether the file systems could make such a link at all; name two folders to try others than that of
/// temporary files. Where they cannot, only that failure is checked: do not take it for a pass.

#include <hubcache/link/link_failure.hpp>
#include <hubcache/link/link_strategy.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <string>
#include <support/patterned.hpp>
#include <support/temp_folder.hpp>
#include <system_error>
#include <thread>
#include <vector>

namespace test {

/// Opens `path` as a caller of a strategy does.
inline hubcache::opened_file open_source(const std::string& path) {
  hubcache::opened_file source;
  std::error_code ec;
  source.path = path;
  source.file = hubcache::os::open_read(path, ec);
  REQUIRE(!ec);
  source.status = hubcache::os::status(source.file, ec);
  REQUIRE(!ec);
  return source;
}

/// Content that every kind may link: not tiny.
inline std::string linkable_bytes() { return patterned(200'000); }

inline std::size_t names_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

inline bool exists(const std::string& path) {
  std::error_code ec;
  (void)hubcache::os::status(path, ec);
  return !ec;
}

/// Checks a strategy for `kinds` against its contract, linking from folder to folder.
template <hubcache::link_strategy L>
class link_conformance {
 public:
  link_conformance(const L& model, hubcache::link_kinds kinds, const std::filesystem::path& from,
                   const std::filesystem::path& to)
      : model_(model), kinds_(kinds), from_(from), to_(to) {}

  /// Whether the file systems can do it at all; if not, the strategy must have failed without a trace.
  bool works() {
    const auto source = make_source("probe");
    std::error_code ec;
    const auto report = link(source, "probed", ec);
    CHECK(report.used.has_value() == !ec);
    CHECK(exists(to_ / "probed") == !ec);
    CHECK(names_in(to_.path()) == (ec ? 0U : 1U));
    if (ec) CHECK(hubcache::classify(ec) == hubcache::link_failure::capability);
    return !ec;
  }

  void gives_the_content_and_leaves_the_source_alone() {
    const auto source = make_source("source");
    std::error_code ec = std::make_error_code(std::errc::io_error);
    const auto report = link(source, "linked", ec);
    REQUIRE(!ec);
    REQUIRE(report.used);
    CHECK(kinds_.contains(*report.used));
    CHECK(read_file(to_ / "linked") == bytes_);
    const auto after = hubcache::os::status(source.file, ec);
    CHECK(after.mode == source.status.mode);
    CHECK(after.identity.size == source.status.identity.size);
    CHECK(after.identity.mtime_ns == source.status.identity.mtime_ns);
    CHECK(read_file(source.path) == bytes_);
    CHECK(std::filesystem::is_symlink(to_ / "linked") == (report.used == hubcache::link_kind::symlink));
  }

  void never_touches_an_existing_name() {
    const auto source = make_source("source");
    to_.write("taken", "mine");
    std::filesystem::create_symlink(to_ / "nowhere", to_ / "dangling");
    const auto before = names_in(to_.path());
    for (const auto* name : {"taken", "dangling"}) {
      std::error_code ec;
      CHECK(!link(source, name, ec).used);
      CHECK(ec == std::errc::file_exists);
    }
    CHECK(read_file(to_ / "taken") == "mine");
    CHECK(std::filesystem::is_symlink(to_ / "dangling"));
    CHECK(!exists(to_ / "nowhere"));
    CHECK(names_in(to_.path()) == before);
  }

  void fails_without_a_trace() {
    auto source = make_source("source");
    const auto before = names_in(to_.path());
    std::error_code ec;
    CHECK(!model_.link(source, {to_ / "refused", 0644}, {}, ec).used);
    CHECK(ec == std::errc::operation_not_supported);
    CHECK(!link(source, "missing/folder", ec).used);
    CHECK(ec);
    source.status.identity.mtime_ns -= 1;  // as if it had been written since
    CHECK(!link(source, "changed", ec).used);
    CHECK(hubcache::classify(ec) == hubcache::link_failure::stale);
    CHECK(names_in(to_.path()) == before);
  }

  void keeps_a_private_source_private() {
    auto source = make_source("private");
    std::filesystem::permissions(source.path, std::filesystem::perms(0600));
    source = open_source(source.path);
    std::error_code ec;
    (void)link(source, "still-private", ec);
    REQUIRE(!ec);
    CHECK((hubcache::os::status(to_ / "still-private", ec, true).mode & 0077U) == 0);
  }

  void gives_one_name_once() {
    const auto source = make_source("source");
    constexpr int threads = 4;
    std::atomic<int> made = 0, taken = 0;
    const auto race = [&] {
      std::error_code ec;
      (void)link(source, "raced", ec);
      made += !ec;
      taken += ec == std::errc::file_exists;
    };
    std::vector<std::thread> racing;
    for (int i = 0; i < threads; ++i) racing.emplace_back(race);
    for (auto& t : racing) t.join();
    CHECK(made == 1);
    CHECK(taken == threads - 1);
    CHECK(read_file(to_ / "raced") == bytes_);
  }

 private:
  hubcache::opened_file make_source(std::string_view name) const {
    return open_source(from_.write(name, bytes_));
  }
  hubcache::link_report link(const hubcache::opened_file& source, std::string_view name,
                             std::error_code& ec) const {
    return model_.link(source, {to_ / name, 0644}, kinds_, ec);
  }

  const L& model_;
  hubcache::link_kinds kinds_;
  temp_folder from_;
  temp_folder to_;
  std::string bytes_ = linkable_bytes();
};

/// The whole contract of `link_strategy`, between folders in `from` and `to`.
/// @return Whether these file systems can make the link; if not, only that failure was checked.
template <hubcache::link_strategy L>
bool check_link_strategy(const L& model, hubcache::link_kinds kinds, const std::filesystem::path& from,
                         const std::filesystem::path& to) {
  link_conformance<L> contract(model, kinds, from, to);
  if (!contract.works()) return false;
  contract.gives_the_content_and_leaves_the_source_alone();
  contract.never_touches_an_existing_name();
  contract.fails_without_a_trace();
  contract.keeps_a_private_source_private();
  contract.gives_one_name_once();
  return true;
}

/// The same, in the folder for temporary files.
template <hubcache::link_strategy L>
bool check_link_strategy(const L& model, hubcache::link_kinds kinds) {
  const auto folder = std::filesystem::temp_directory_path();
  return check_link_strategy(model, kinds, folder, folder);
}

}  // namespace test
