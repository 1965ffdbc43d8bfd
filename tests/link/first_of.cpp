#include <hubcache/link/first_of.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <conformance/link_strategy.hpp>
#include <memory>

using hubcache::link_kind;
using hubcache::link_kinds;

namespace {

/// Fails with a chosen error, or claims success.
template <link_kind Kind>
struct scripted {
  static constexpr link_kind kind = Kind;

  struct script {
    int error = 0;
    int calls = 0;
  };
  std::shared_ptr<script> plan = std::make_shared<script>();

  hubcache::link_report link(const hubcache::opened_file&, const hubcache::link_target&, link_kinds kinds,
                             std::error_code& ec) const {
    CHECK(kinds == link_kinds(Kind));
    ++plan->calls;
    ec.assign(plan->error, std::system_category());
    return ec ? hubcache::link_report{} : hubcache::link_report(Kind);
  }
};

/// The default ladder, scripted.
struct ladder {
  scripted<link_kind::reflink> clones;
  scripted<link_kind::hard_link> hard_links;
  scripted<link_kind::symlink> symlinks;
  scripted<link_kind::copy> copies;
  hubcache::first_of<decltype(clones), decltype(hard_links), decltype(symlinks), decltype(copies)> strategy{
      clones, hard_links, symlinks, copies};

  hubcache::link_report link(link_kinds kinds = hubcache::auto_link_kinds, std::uint64_t from_device = 1) {
    hubcache::opened_file have;
    have.status.identity.device = from_device;
    return strategy.link(have, {"/proc/none", 0644}, kinds, ec);
  }

  std::error_code ec;
};

constexpr int capabilities[] = {EOPNOTSUPP, ENOTTY, ENOSYS, EXDEV};
constexpr int faults_of_a_file[] = {EINVAL, EMLINK, ERANGE, EPERM, EACCES, ETXTBSY, EAGAIN, EBUSY, ENOMEM};
constexpr int ends[] = {EEXIST, ENOENT, ESTALE, ENOTDIR, ELOOP, EIO, EROFS, ENAMETOOLONG, EBADF, EFAULT};

}  // namespace

TEST_CASE("The default ladder keeps the contract of link_strategy") {
  const hubcache::default_link strategy;
  CHECK(test::check_link_strategy(strategy, hubcache::auto_link_kinds));
  CHECK(test::check_link_strategy(strategy, link_kind::copy));
  CHECK(test::check_link_strategy(strategy, link_kind::symlink));
}

TEST_CASE("The first kind that works is used, and nothing after it is tried") {
  ladder l;
  const auto report = l.link();
  CHECK(!l.ec);
  CHECK(report.used == link_kind::reflink);
  CHECK(report.refusals.empty());
  CHECK(l.hard_links.plan->calls == 0);
}

TEST_CASE("Kinds that are not allowed are neither tried nor reported") {
  ladder l;
  l.hard_links.plan->error = EPERM;
  const auto report = l.link(link_kind::hard_link | link_kind::copy);
  CHECK(report.used == link_kind::copy);
  REQUIRE(report.refusals.size() == 1);
  CHECK(report.refusals[0].kind == link_kind::hard_link);
  CHECK(l.clones.plan->calls == 0);
  CHECK(l.symlinks.plan->calls == 0);

  CHECK(!l.link({}).used);
  CHECK(l.ec == std::errc::operation_not_supported);
}

TEST_CASE("What two devices cannot do is tried once, and reported ever after") {
  for (const int error : capabilities) {
    CAPTURE(error);
    ladder l;
    l.clones.plan->error = error;
    for (int i = 0; i < 3; ++i) {
      const auto report = l.link();
      CHECK(report.used == link_kind::hard_link);
      REQUIRE(report.refusals.size() == 1);
      CHECK(report.refusals[0].kind == link_kind::reflink);
      CHECK(report.refusals[0].reason.value() == error);
    }
    CHECK(l.clones.plan->calls == 1);
    CHECK(l.link(hubcache::auto_link_kinds, 2).used == link_kind::hard_link);
    CHECK(l.clones.plan->calls == 2);  // other devices are asked anew
  }
}

TEST_CASE("What is wrong with one file is not held against the next") {
  for (const int error : faults_of_a_file) {
    CAPTURE(error);
    ladder l;
    l.clones.plan->error = error;
    CHECK(l.link().used == link_kind::hard_link);
    l.clones.plan->error = 0;
    CHECK(l.link().used == link_kind::reflink);
  }
}

TEST_CASE("A taken name, a changed source and a broken disk end the search at every rung") {
  for (const int error : ends) {
    CAPTURE(error);
    ladder l;
    l.clones.plan->error = error;
    CHECK(!l.link().used);
    CHECK(l.ec.value() == error);
    CHECK(l.hard_links.plan->calls == 0);

    l.clones.plan->error = EPERM;
    l.hard_links.plan->error = error;
    const auto report = l.link();
    CHECK(!report.used);
    CHECK(l.ec.value() == error);
    CHECK(report.refusals.size() == 2);
    CHECK(l.copies.plan->calls == 0);
  }
}

TEST_CASE("Without space for a clone a hard link is tried, never a copy") {
  for (const int error : {ENOSPC, EDQUOT}) {
    ladder l;
    l.clones.plan->error = error;
    CHECK(l.link().used == link_kind::hard_link);
    l.hard_links.plan->error = EXDEV;
    CHECK(!l.link().used);
    CHECK(l.ec.value() == error);  // the lack of space is what the user can mend
    CHECK(l.copies.plan->calls == 0);
    l.hard_links.plan->error = EEXIST;
    CHECK(!l.link(hubcache::auto_link_kinds, 2).used);
    CHECK(l.ec == std::errc::file_exists);
  }
}

TEST_CASE("If every rung fails, the last refusal is the error") {
  ladder l;
  l.clones.plan->error = EOPNOTSUPP;
  l.hard_links.plan->error = EPERM;
  l.copies.plan->error = EACCES;
  const auto report = l.link();
  CHECK(!report.used);
  CHECK(report.refusals.size() == 3);
  CHECK(l.ec == std::errc::permission_denied);
}

TEST_CASE("A cross-device refusal within one device is a bind mount's, and not remembered") {
  const test::temp_folder folder;
  const auto source = test::open_source(folder.write("source", "bytes"));
  const scripted<link_kind::hard_link> hard_links;
  hard_links.plan->error = EXDEV;
  const hubcache::first_of<scripted<link_kind::hard_link>> strategy(hard_links);
  std::error_code ec;
  for (int i = 0; i < 2; ++i) (void)strategy.link(source, {folder / "want", 0644}, link_kind::hard_link, ec);
  CHECK(hard_links.plan->calls == 2);
}

TEST_CASE("Many threads may use one ladder") {
  const test::temp_folder folder;
  const auto bytes = test::linkable_bytes();
  const auto source = test::open_source(folder.write("source", bytes));
  const hubcache::default_link strategy;
  std::vector<std::thread> linking;
  for (int t = 0; t < 4; ++t) {
    linking.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        std::error_code ec;
        const auto name = "linked-" + std::to_string(t) + "-" + std::to_string(i);
        (void)strategy.link(source, {folder / name, 0644}, hubcache::auto_link_kinds, ec);
      }
    });
  }
  for (auto& t : linking) t.join();
  CHECK(test::names_in(folder.path()) == 81);
  CHECK(test::read_file(folder / "linked-3-19") == bytes);
}
