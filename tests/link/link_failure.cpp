#include <hubcache/error.hpp>
#include <hubcache/link/link_failure.hpp>

#include <doctest/doctest.h>

#include <cerrno>

using hubcache::link_failure;

TEST_CASE("Each error of a link attempt has its class") {
  const auto all_are = [](link_failure expected, std::initializer_list<int> codes) {
    for (const int code : codes) {
      CAPTURE(code);
      CHECK(hubcache::classify({code, std::system_category()}) == expected);
      CHECK(hubcache::classify({code, std::generic_category()}) == expected);
    }
  };
  all_are(link_failure::capability, {EOPNOTSUPP, ENOTSUP, ENOTTY, ENOSYS, EXDEV});
  all_are(link_failure::this_file, {EINVAL, EMLINK, ERANGE, EPERM, EACCES, ETXTBSY, EAGAIN, EBUSY});
  all_are(link_failure::space, {ENOSPC, EDQUOT});
  all_are(link_failure::stale, {ENOENT, ESTALE, ENOTDIR, ELOOP});
  all_are(link_failure::exists, {EEXIST});
  all_are(link_failure::hard, {EIO, EROFS, ENAMETOOLONG, EBADF, EFAULT});
}

TEST_CASE("An unknown error is no reason to give up the other kinds") {
  CHECK(hubcache::classify({ENOMEM, std::system_category()}) == link_failure::this_file);
  CHECK(hubcache::classify({99999, std::system_category()}) == link_failure::this_file);
}

TEST_CASE("Errors of hubcache's own are classed by their meaning, never by their number") {
  CHECK(hubcache::classify(hubcache::errc::refused) == link_failure::this_file);
  CHECK(hubcache::classify(hubcache::errc::disk_full) == link_failure::space);
  for (int value = 1; value <= static_cast<int>(hubcache::errc::internal); ++value) {
    const std::error_code ec(value, hubcache::hubcache_category());
    if (ec.default_error_condition().category() == ec.category()) {
      CHECK(hubcache::classify(ec) == link_failure::this_file);
    }
  }
}
