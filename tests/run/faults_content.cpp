// What a server can do wrong while it sends content, each fault once or for some time (it passes, at the cost of no
// byte that had come) and for ever (the run ends soon, with the right name for it, and nothing half done on disk).
#include <hubcache/transport/https.hpp>

#include <asio/io_context.hpp>
#include <doctest/doctest.h>

#include <array>
#include <ctime>
#include <optional>
#include <string>
#include <support/faulty.hpp>
#include <utility>
#include <vector>

using embedded::fault;
using embedded::fault_action;
using embedded::listener;
using hubcache::errc;
using test::faulty_hub;

namespace {

using std::chrono::milliseconds;
constexpr auto always = fault::always;
constexpr std::uint64_t kibibyte = 1024;
constexpr std::uint64_t mebibyte = kibibyte * kibibyte;

/// A fault of answers with content.
struct trouble {
  std::string name;
  fault_action action;
  std::optional<errc> forever;  ///< How a run ends that meets it always; none: it succeeds.
  std::uint64_t times = 1;      ///< How often it comes before it passes.
};

embedded::fields header(const std::string& name, const std::string& value) {
  embedded::fields one;
  one.add(name, value);
  return one;
}

/// Connections that break, in every part of an answer.
std::vector<trouble> breaks() {
  const auto in_chunks = embedded::chunked(16 * kibibyte);
  return {
      {"before the answer", embedded::close_without_answer(), errc::connection_lost, 3},
      {"before the answer, by reset", embedded::close_without_answer(true), errc::connection_lost, 3},
      {"in the status line", embedded::drop_after_bytes(7), errc::connection_lost, 3},
      {"in the head", embedded::drop_after_bytes(70), errc::connection_lost, 3},
      {"in the head, by reset", embedded::drop_after_bytes(70, true), errc::connection_lost},
      {"behind the head", embedded::drop_after_body(0), errc::connection_lost, 3},
      {"in the body", embedded::drop_after_body(100'000), {}, 2},
      {"in the body, by reset", embedded::drop_after_body(100'000, true), {}, 2},
      {"between two chunks", both(in_chunks, embedded::drop_after_body(96 * kibibyte)), {}},
      {"in the size of a chunk", embedded::bad_chunk("40", 64 * kibibyte), {}},
      {"in the bytes of a chunk", embedded::bad_chunk("10000\r\n", 64 * kibibyte), {}},
      {"in a body without a length",
       both(embedded::drop_header("Content-Length"), embedded::drop_after_body(100'000)),
       {}},
  };
}

/// Answers that say that the server cannot.
std::vector<trouble> refusals() {
  std::vector<trouble> all;
  for (const int code : {500, 502, 503, 504, 408}) {
    all.push_back({std::to_string(code), embedded::status(code), errc::server_failed, 3});
  }
  all.push_back({"429", embedded::status(429), errc::rate_limited, 3});
  all.push_back({"429 that asks for no wait", embedded::status(429, header("Retry-After", "0")),
                 errc::rate_limited, 3});
  all.push_back({"503 until a date that is past",
                 embedded::status(503, header("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")),
                 errc::server_failed, 3});
  all.push_back(
      {"416", embedded::status(416, header("Content-Range", "bytes */10")), errc::size_mismatch, 2});
  return all;
}

/// Answers that contradict themselves, the request or the listing, or break HTTP.
std::vector<trouble> contradictions() {
  using namespace embedded;
  return {
      {"ten bytes too few announced", wrong_content_length(-10), errc::size_mismatch, 2},
      {"ten bytes too many announced", wrong_content_length(10), errc::size_mismatch, 2},
      {"a length that overflows", announced_length("99999999999999999999999"), errc::bad_response, 2},
      {"a negative length", announced_length("-1"), errc::bad_response},
      {"two lengths", set_header("Content-Length", "12"), errc::bad_response},
      {"gzip", set_header("Content-Encoding", "gzip"), errc::size_mismatch, 2},
      {"no content", status(204), errc::size_mismatch},
      {"a status line of another protocol", garbage_status_line(), errc::bad_response, 2},
      {"a head of 500 KB", header_bomb(500), errc::bad_response, 2},
      {"20000 fields", header_bomb(20'000, 1), errc::bad_response},
      {"a field without end", header_bomb(1, 1'000'000), errc::bad_response},
      {"17 interim answers", interim(std::vector<int>(17, 100)), errc::bad_response},
      {"a size of a chunk that is no number", bad_chunk("zz\r\n", 64 * kibibyte), {}},
      {"a size of a chunk that overflows", bad_chunk("fffffffffffffffff\r\n", 64 * kibibyte), {}},
      {"a negative size of a chunk", bad_chunk("-5\r\n", 64 * kibibyte), {}},
  };
}

/// Answers that are unusual, and right.
std::vector<trouble> oddities() {
  using namespace embedded;
  return {
      {"chunks with trailers", chunked(), {}},
      {"chunks of one byte less than a buffer", chunked(64 * kibibyte - 1, ""), {}},
      {"no length", drop_header("Content-Length"), {}},
      {"interim answers", interim({100, 103, 100}), {}},
      {"bytes after the body", extra_bytes(20), {}},
  };
}

/// A small file from the CDN, one from the Hub itself, and one so big that it comes in ranges.
enum class kind { small, regular, big };

/// acme/one with one file. Made once: its bytes and their hashes are shared.
const embedded::repo_model& repo_of(kind what) {
  static const auto made = [](const embedded::repo_file& only) {
    embedded::repo_model repo("acme/one");
    embedded::file_map files;
    files["file"] = only;
    repo.commit(std::move(files));
    return repo;
  };
  const auto bytes = [](std::uint64_t size) {
    return embedded::file_content::of(embedded::file_content::generated(5, size).text());
  };
  static const std::array repos{made(embedded::lfs(bytes(300'000))), made({bytes(300'000), false}),
                                made(embedded::lfs(bytes(3 * mebibyte)))};
  return repos.at(static_cast<std::size_t>(what));
}

fault struck(kind what, const trouble& by) {
  fault result(by.action);
  if (what == kind::regular) {
    result.on("/api/resolve-cache/");
  } else {
    result.on(listener::cdn);
  }
  // Of a big file the second exchange is hit, when the way is known and bytes have come.
  return result.after(what == kind::big ? 1 : 0);
}

/// `by` passes after some times: everything arrives, and what had arrived is not asked for again.
void check_passing(kind what, const trouble& by) {
  CAPTURE(by.name);
  CAPTURE(static_cast<int>(what));
  faulty_hub s(repo_of(what));
  const auto hit = s.hub.inject(struck(what, by).repeated(by.times));
  const auto got = s.here.snapshot("acme/one");
  CHECK(s.complete(got));
  CHECK(hit.fired() == by.times);
  CHECK(got.totals.bytes_wire == s.size());
  CHECK(s.only_whole_blobs());
  // One request to the Hub and one to the CDN for each time it was hit, and for each range of a big file.
  CHECK(s.hub.log().count() <= 2 + 2 * (by.times + 1) + s.size() / (2 * mebibyte) + 1);
}

/// `by` stays: the run ends by itself, says what it was and of what, and the next one goes on from there.
void check_staying(kind what, const trouble& by) {
  CAPTURE(by.name);
  CAPTURE(static_cast<int>(what));
  faulty_hub s(repo_of(what));
  const auto hit = s.hub.inject(struck(what, by).repeated(always));
  const auto failure = s.here.failure("acme/one");
  CHECK(failure.has_value() == by.forever.has_value());
  if (!by.forever) CHECK(s.only_whole_blobs());
  if (!by.forever) return;
  REQUIRE(failure);
  CHECK(failure->reason() == *by.forever);
  CHECK(failure->context().file == "file");
  CHECK(!failure->context().url.empty());
  // A connection that was kept alive and is found dead is no attempt.
  CHECK(hit.fired() <= 2U * static_cast<unsigned>(s.here.config.attempts));
  CHECK(hit.fired() >= 3);
  CHECK(s.nothing_named());
  s.hub.clear_faults();
  const auto got = s.here.snapshot("acme/one");
  CHECK(s.complete(got));
  // Bytes of big files stay for the next run.
  if (what == kind::big) CHECK(got.totals.bytes_wire + s.resumed() == s.size());
  if (what == kind::big) CHECK(s.resumed() > 0);
  CHECK(s.only_whole_blobs());
}

void check_all(const std::vector<trouble>& troubles) {
  for (const auto& by : troubles) {
    for (const auto what : {kind::small, kind::regular, kind::big}) {
      check_passing(what, by);
      check_staying(what, by);
    }
  }
}

/// A big file of which several ranges are in flight, on connections of limited speed.
struct parallel_scene : faulty_hub {
  parallel_scene() : faulty_hub(served()) { hub.set_bytes_per_second(40'000'000); }
  static const embedded::repo_model& served() {
    static const auto made = embedded::one_file(16 * mebibyte);
    return made;
  }
};

}  // namespace

TEST_CASE("a connection that breaks anywhere in an answer costs no byte that had come") {
  check_all(breaks());
}

TEST_CASE("a server that cannot is asked again some times, then named") { check_all(refusals()); }

TEST_CASE("an answer that contradicts itself is refused before its bytes, asked for again, then named") {
  check_all(contradictions());
}

TEST_CASE("unusual answers are read") {
  for (const auto& by : oddities()) {
    for (const auto what : {kind::small, kind::regular, kind::big}) {
      check_passing(what, by);
      check_staying(what, by);
    }
  }
}

TEST_CASE("a range that is answered with other ranges, parts or all is not mixed in") {
  const std::vector<trouble> troubles{
      {"another first byte", embedded::wrong_content_range("bytes 0-9/3145728"), errc::size_mismatch, 2},
      {"another total", embedded::wrong_content_range("bytes 2097152-3145727/3145729"), errc::size_mismatch},
      {"an unknown total", embedded::wrong_content_range("bytes 2097152-3145727/*"), errc::size_mismatch},
      {"no range", embedded::wrong_content_range("nonsense"), errc::size_mismatch, 2},
      {"multipart/byteranges", embedded::multipart_ranges(), errc::size_mismatch, 2},
  };
  for (const auto& by : troubles) {
    check_passing(kind::big, by);
    check_staying(kind::big, by);
  }
}

TEST_CASE("200 to a range in the middle of a big file starts it again, once, and mixes nothing") {
  faulty_hub s(repo_of(kind::big));
  const auto ignored = s.hub.inject(fault(embedded::ignore_range()).on(listener::cdn).after(1));
  const auto got = s.here.snapshot("acme/one");
  CHECK(s.complete(got));
  CHECK(ignored.fired() == 1);
  CHECK(got.totals.bytes_wire <= 2 * s.size());
  CHECK(s.only_whole_blobs());
}

TEST_CASE("a server that ignores ranges and never sends a big file whole is given up") {
  faulty_hub s(repo_of(kind::big));
  const auto never_whole = both(embedded::ignore_range(), embedded::drop_after_body(300'000));
  s.hub.inject(fault(never_whole).on(listener::cdn).repeated(always));
  s.hub.inject(fault(embedded::drop_after_body(300'000)).on(listener::cdn).repeated(always));
  const auto failure = s.here.failure("acme/one");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::connection_lost);
  CHECK(s.hub.log().content_gets() <= 2U * static_cast<unsigned>(s.here.config.attempts));
  CHECK(s.nothing_named());
}

TEST_CASE("a fault of one exchange among many costs the others nothing") {
  using namespace embedded;
  const std::vector<fault_action> actions{
      close_without_answer(),
      drop_after_bytes(30),
      drop_after_body(500'000),
      drop_after_body(500'000, true),
      status(503),
      status(429),
      expired_signature(),
      expired_signature(401),
      status(416),
      garbage_status_line(),
      wrong_content_length(-10),
      multipart_ranges(),
      bad_chunk("zz\r\n", 100'000),
      stall_in_body(300'000, milliseconds(3000)),
  };
  for (std::size_t i = 0; i < actions.size(); ++i) {
    CAPTURE(i);
    parallel_scene s;
    s.here.config.download_timeout = milliseconds(300);
    const auto hit = s.hub.inject(fault(actions[i]).on(listener::cdn).after(2).repeated(2));
    const auto got = s.here.snapshot("acme/one");
    CHECK(s.complete(got));
    CHECK(hit.fired() == 2);
    CHECK(got.totals.bytes_wire == s.size());
    CHECK(s.only_whole_blobs());
  }
}

TEST_CASE("a CDN that fails for good in the middle of many exchanges is given up after as many attempts") {
  for (const auto& action : {embedded::status(500), embedded::close_without_answer(),
                             embedded::expired_signature(), embedded::drop_after_body(0)}) {
    parallel_scene s;
    const auto hit = s.hub.inject(fault(action).on(listener::cdn).after(3).repeated(always));
    const auto failure = s.here.failure("acme/one");
    REQUIRE(failure);
    CAPTURE(std::string(failure->what()));
    CHECK((failure->reason() == errc::server_failed || failure->reason() == errc::connection_lost));
    // Four were in flight, which counts once; after that one at a time asks. Each may find a dead connection first.
    CHECK(hit.fired() <= 2U * (4U + static_cast<unsigned>(s.here.config.attempts)));
    s.hub.clear_faults();
    const auto got = s.here.snapshot("acme/one");
    CHECK(s.complete(got));
    CHECK(s.resumed() >= 3 * mebibyte);
    CHECK(got.totals.bytes_wire + s.resumed() == s.size());
  }
}

TEST_CASE("bytes of another content in one answer cost one more transfer, and are never published") {
  const auto changed = both(embedded::other_bytes(), embedded::set_header("ETag", "\"changed\""));
  for (const auto what : {kind::small, kind::big}) {
    faulty_hub s(repo_of(what));
    // It breaks in the middle; what follows comes from a content that has changed meanwhile.
    s.hub.inject(fault(embedded::drop_after_body(100'000)).on(listener::cdn));
    const auto hit = s.hub.inject(fault(changed).on(listener::cdn));
    const auto got = s.here.snapshot("acme/one");
    CHECK(s.complete(got));
    CHECK(hit.fired() == 1);
    CHECK(got.totals.bytes_wire == 2 * s.size());
    CHECK(s.only_whole_blobs());
  }
}

TEST_CASE("content that never is what the listing says is given up, by name of the host that sent it") {
  for (const auto what : {kind::small, kind::regular, kind::big}) {
    CAPTURE(static_cast<int>(what));
    faulty_hub s(repo_of(what));
    s.here.config.token = hubcache::secret("hf_reader");
    s.hub.inject(struck(what, {"", embedded::flip_byte(100'000), {}}).after(0).repeated(always));
    const auto failure = s.here.failure("acme/one");
    REQUIRE(failure);
    CHECK(failure->reason() == errc::digest_mismatch);
    CHECK(failure->context().url.starts_with(what == kind::regular ? s.hub.endpoint() : s.hub.cdn()));
    const std::string text = failure->what();
    CHECK(text.find(failure->context().url) != std::string::npos);
    CHECK(text.find("Signature") == std::string::npos);
    CHECK(text.find("hf_reader") == std::string::npos);
    CHECK(s.hub.log().content_bytes_sent() == 3 * s.size());
    CHECK(s.nothing_named());
  }
}

TEST_CASE("a stalled server is given up after three times the timeout, and costs nothing if it comes back") {
  for (const auto what : {kind::small, kind::big}) {
    for (const auto& action :
         {embedded::stall_before_head(milliseconds(3000)), embedded::stall_in_body(0, milliseconds(3000))}) {
      faulty_hub s(repo_of(what));
      s.here.config.download_timeout = milliseconds(60);
      const auto hit = s.hub.inject(struck(what, {"", action, {}}).after(0).repeated(2));
      const auto got = s.here.snapshot("acme/one");
      CHECK(s.complete(got));
      CHECK(hit.fired() == 2);
      CHECK(got.totals.bytes_wire == s.size());

      faulty_hub t(repo_of(what));
      t.here.config.download_timeout = milliseconds(60);
      const auto stays = t.hub.inject(struck(what, {"", action, {}}).after(0).repeated(always));
      CHECK(t.here.failure("acme/one")->reason() == errc::timed_out);
      CHECK(stays.fired() == 3);
      CHECK(t.nothing_named());
    }
  }
}

TEST_CASE("a server that drips slower than the minimum rate is left, and another answer goes on from there") {
  faulty_hub s(repo_of(kind::big));
  s.here.config.minimum_rate = 1'000'000;
  const auto drips = s.hub.inject(fault(embedded::drip(20'000)).on(listener::cdn).after(1).repeated(2));
  asio::io_context context{1};
  hubcache::workers pool(2);
  hubcache::transport_options options;
  options.rate_window = milliseconds(100);
  hubcache::https_transport network(context.get_executor(), options);
  hubcache::cache cache(context.get_executor(), pool, s.here.config, network);
  hubcache::snapshot got;
  auto ended = [&](const std::exception_ptr& failure, hubcache::snapshot done) {
    CHECK(!failure);
    got = std::move(done);
  };
  cache.async_snapshot("acme/one", hubcache::snapshot_options(), ended);
  context.run();
  CHECK(s.complete(got));
  CHECK(drips.fired() == 2);
  CHECK(got.totals.bytes_wire == s.size());
}

TEST_CASE("a wait that the server asks for, in seconds or until a date, is kept by every exchange") {
  const auto date = [](std::time_t at) {
    std::tm parts{};
    ::gmtime_r(&at, &parts);
    char text[40];
    const auto length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return std::string(text, length);
  };
  const std::vector<std::pair<kind, bool>> cases{
      {kind::small, false}, {kind::regular, false}, {kind::big, false}, {kind::small, true}};
  for (const auto& [what, by_date] : cases) {
    faulty_hub s(repo_of(what));
    const auto wait = by_date ? date(std::time(nullptr) + 3) : "1";
    const trouble limited{"", embedded::status(429, header("Retry-After", wait)), errc::rate_limited};
    const auto asked = s.hub.inject(struck(what, limited).after(0));
    CHECK(s.complete(s.here.snapshot("acme/one")));
    CHECK(asked.fired() == 1);
    const auto retried = s.here.news.all<hubcache::events::retried>();
    REQUIRE(retried.size() == 1);
    CHECK(retried.front().reason == "rate_limited");
    CHECK(retried.front().seconds >= 1);
    CHECK(retried.front().seconds <= 3);
    // Nobody asked meanwhile: the Hub told the way twice.
    CHECK(s.hub.log().count([](const auto& r) { return r.path.find("/resolve/") != r.path.npos; }) == 2);
  }
}

TEST_CASE("signed URLs that expire in the middle of a big file are signed anew, at no loss") {
  faulty_hub s(parallel_scene::served());
  s.hub.set_signed_url_life(milliseconds(60));
  s.hub.set_bytes_per_second(40'000'000);
  hubcache::snapshot_options two;
  two.max_transfers = 2;
  const auto got = s.here.snapshot("acme/one", two);
  CHECK(s.complete(got));
  CHECK(got.totals.bytes_wire == s.size());
  CHECK(s.hub.log().count([](const auto& r) { return r.path.find("/resolve/") != r.path.npos; }) >= 2);
  CHECK(s.only_whole_blobs());
}

TEST_CASE("signed URLs that are never valid are given up") {
  for (const auto what : {kind::small, kind::big}) {
    faulty_hub s(repo_of(what));
    const auto refused =
        s.hub.inject(fault(embedded::expired_signature()).on(listener::cdn).repeated(always));
    const auto failure = s.here.failure("acme/one");
    REQUIRE(failure);
    CHECK(failure->reason() == errc::connection_lost);
    CHECK(failure->context().http_status == 403);
    CHECK(refused.fired() == static_cast<std::uint64_t>(s.here.config.attempts));
    CHECK(s.nothing_named());
  }
}
