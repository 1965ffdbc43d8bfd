#include <hubcache/error.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

using namespace hubcache;

TEST_CASE("an error's text says what failed, where and what to do") {
  error_context where;
  where.repo = "o/n";
  where.url = "https://h/x";
  where.http_status = 404;
  where.request_id = "r1";
  const error e(errc::file_not_found, "Entry not found", where);
  CHECK(std::string(e.what()) ==
        "file not found: Entry not found (repo o/n, URL https://h/x, HTTP 404, request id r1). "
        "Check the name: case counts.");
  CHECK(e.reason() == errc::file_not_found);
  CHECK(e.detail() == "Entry not found");
  CHECK(e.code() == std::errc::no_such_file_or_directory);
}

TEST_CASE("an error without detail and context is still a sentence") {
  CHECK(std::string(error(errc::server_failed, "").what()) == "server error. Try again later.");
  CHECK(std::string(error(errc::server_failed, "down.").what()) == "server error: down. Try again later.");
}

TEST_CASE("every errc has a name, a message and an advice of its own") {
  std::set<std::string_view> names;
  for (int value = 1; value <= static_cast<int>(errc::internal); ++value) {
    const auto code = static_cast<errc>(value);
    CAPTURE(value);
    CHECK(names.insert(to_string(code)).second);
    CHECK_FALSE(make_error_code(code).message().empty());
    CHECK_FALSE(advice(code).empty());
  }
}

TEST_CASE("no advice names an option of some command") {
  for (int value = 1; value <= static_cast<int>(errc::internal); ++value) {
    CAPTURE(value);
    CHECK(advice(static_cast<errc>(value)).find("--") == std::string_view::npos);
  }
}

TEST_CASE("an unknown value of the category reads as internal") {
  CHECK(to_string(static_cast<errc>(9999)) == "internal");
}

TEST_CASE("within() fills in only what is missing") {
  const error inner(errc::timed_out, "slow", error_context{}.with_url("https://a/"));
  error_context more;
  more.url = "https://b/";
  more.repo = "o/n";
  more.http_status = 500;
  const error outer = inner.within(more);
  CHECK(outer.context().url == "https://a/");
  CHECK(outer.context().repo == "o/n");
  CHECK(outer.context().http_status == 500);
  CHECK(outer.detail() == "slow");
  CHECK(std::string(outer.what()).find("repo o/n") != std::string::npos);
  CHECK(inner.context().repo.empty());
}

TEST_CASE("system errors of files map to what their user can do") {
  const auto system = [](int value) { return std::error_code(value, std::system_category()); };
  CHECK(disk_errc(system(ENOSPC)) == errc::disk_full);
  CHECK(disk_errc(system(EDQUOT)) == errc::disk_full);
  CHECK(disk_errc(system(EACCES)) == errc::permission_denied);
  CHECK(disk_errc(system(EPERM)) == errc::permission_denied);
  CHECK(disk_errc(system(EIO)) == errc::disk_failed);
  CHECK(disk_errc(system(EROFS)) == errc::disk_failed);
  CHECK(disk_errc(make_error_code(errc::refused)) == errc::refused);
}

TEST_CASE("a failed file operation names the file and the operation") {
  try {
    throw_disk_error(std::error_code(ENOSPC, std::system_category()), "write", "/x/y");
  } catch (const error& e) {
    CHECK(e.reason() == errc::disk_full);
    CHECK(e.context().file == "/x/y");
    CHECK(e.detail().starts_with("cannot write: "));
  }
}

TEST_CASE("error_of reads any exception") {
  CHECK(error_of(nullptr) == nullptr);
  CHECK(error_of(std::make_exception_ptr(error(errc::gated, "g")))->reason() == errc::gated);
  const auto foreign = error_of(std::make_exception_ptr(std::runtime_error("boom")));
  CHECK(foreign->reason() == errc::internal);
  CHECK(foreign->detail() == "boom");
  CHECK(error_of(std::make_exception_ptr(1))->reason() == errc::internal);
}

TEST_CASE("an error is copied without a throw, and keeps its text when it is moved from") {
  CHECK(std::is_nothrow_copy_constructible_v<error>);
  CHECK(std::is_nothrow_copy_assignable_v<error>);
  error from(errc::gated, "g");
  const error to(std::move(from));
  CHECK(std::string(from.what()) == to.what());  // NOLINT(bugprone-use-after-move): what is tested
}

TEST_CASE("errors are compared by code, with ours and with those of the system") {
  const error e(errc::cancelled, "");
  CHECK(e.code() == errc::cancelled);
  CHECK(e.code() != errc::timed_out);
  CHECK(e.code() == std::errc::operation_canceled);
  CHECK(error(errc::disk_full, "").code() == std::errc::no_space_on_device);
}
