#include "report.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace hubcache;

namespace {

snapshot_file make_file(std::string path, std::string_view hex, std::uint64_t size, file_action action) {
  snapshot_file file;
  file.path = std::move(path);
  file.what = content(*digest::parse(hex), size);
  file.action = action;
  return file;
}

const std::string sha1_hex(40, 'a');
const std::string sha256_hex(64, 'b');

snapshot make_snapshot() {
  snapshot result;
  result.path = "/c/models--o--n/snapshots/x";
  result.repo = repo("o/n", repo_type::dataset);
  result.revision = "main";
  result.commit = std::string(40, '1');
  result.files.push_back(make_file("a \"b\".json", sha1_hex, 5, file_action::present));
  result.files.push_back(make_file("w.bin", sha256_hex, 3000, file_action::linked));
  result.files.back().link = link_kind::hard_link;
  result.files.back().source = "/other/w";
  result.files.back().refused.emplace_back(link_kind::reflink, "Operation \"not\" supported");
  result.files.push_back(make_file("new.bin", std::string(64, 'c'), 7, file_action::fetched));
  result.totals.bytes_total = 3012;
  result.totals.bytes_present = 5;
  result.totals.bytes_linked = 3000;
  result.totals.bytes_fetched = 7;
  result.totals.bytes_wire = 9;
  result.totals.requests = 4;
  result.totals.disk_delta = 4096;
  result.totals.seconds = 1.25;
  return result;
}

}  // namespace

TEST_CASE("a snapshot's JSON holds the promised keys, values and nulls") {
  CHECK(
      command::json_of(make_snapshot(), "/c/models--o--n/snapshots/x/w.bin") ==
      R"({"path": "/c/models--o--n/snapshots/x/w.bin", "repo_id": "o/n", "repo_type": "dataset", )"
      R"("revision": "main", "commit": "1111111111111111111111111111111111111111", "files": [)"
      R"({"path": "a \"b\".json", "size": 5, "digest": ")" +
          sha1_hex + R"(", "action": "present", "link": null, "source": null, "refused": null}, )" +
          R"({"path": "w.bin", "size": 3000, "digest": ")" + sha256_hex +
          R"(", "action": "linked", "link": "hardlink", "source": "/other/w", "refused": )" +
          R"([{"kind": "reflink", "reason": "Operation \"not\" supported"}]}, )" +
          R"({"path": "new.bin", "size": 7, "digest": ")" + std::string(64, 'c') +
          R"(", "action": "fetched", "link": null, "source": null, "refused": null}], )"
          R"("bytes_total": 3012, "bytes_present": 5, "bytes_linked": 3000, "bytes_fetched": 7, "bytes_wire": 9, )"
          R"("requests": 4, "disk_delta": 4096, "seconds": 1.250, "dry_run": false})");
}

TEST_CASE("a snapshot without files is an empty list in JSON") {
  snapshot empty;
  empty.dry_run = true;
  const auto text = command::json_of(empty, "/p");
  CHECK(text.find(R"("files": [], )") != text.npos);
  CHECK(text.ends_with(R"("dry_run": true})"));
}

TEST_CASE("an error's JSON holds its context") {
  error_context where;
  where.repo = "o/n";
  where.file = "f\n";
  where.http_status = 401;
  where.request_id = "r-1";
  const error failure(errc::gated, "no entry", where);
  CHECK(command::json_of(failure) ==
        R"({"error": {"code": "gated", "message": "gated repo: no entry (repo o/n, file f\n, HTTP 401, )"
        R"(request id r-1). )" +
            std::string(advice(errc::gated)) +
            R"(", "repo": "o/n", "file": "f\n", "http_status": 401, "request_id": "r-1"}})");
}

TEST_CASE("what does not apply to an error is null in its JSON") {
  CHECK(command::json_of(error(errc::cancelled, "")) ==
        R"({"error": {"code": "cancelled", "message": "cancelled. Run again to go on where it stopped.", )"
        R"("repo": null, "file": null, "http_status": null, "request_id": null}})");
}

TEST_CASE("the summary tells totals and the kinds of link that were made") {
  auto result = make_snapshot();
  CHECK(command::summary_of(result) == "datasets/o/n at 111111111111: 3 files, " + to_string(result.totals) +
                                           "; linked by hardlink (1); 4.1K more on disk");
  result.files.resize(1);
  CHECK(command::summary_of(result) ==
        "datasets/o/n at 111111111111: 1 file, " + to_string(result.totals) + "; 4.1K more on disk");
  result.files.push_back(make_file("r", sha256_hex, 1, file_action::linked));
  result.files.back().link = link_kind::reflink;
  result.files.push_back(make_file("c", sha256_hex, 1, file_action::linked));
  result.files.back().link = link_kind::copy;
  CHECK(command::summary_of(result).find("; linked by reflink (1), copy (1);") != std::string::npos);
}

TEST_CASE("a dry run's preview counts downloads and links and lists every file") {
  CHECK(command::preview_of(make_snapshot()) ==
        "[dry-run] Will download 1 file (out of 3) totalling 7.0.\n"
        "[dry-run] Will link 1 file (out of 3) totalling 3.0K.\n"
        "\n"
        "FILE       SIZE ACTION\n"
        "---------- ---- --------\n"
        "a \"b\".json  5.0 present\n"
        "w.bin      3.0K link\n"
        "new.bin     7.0 download\n");
}

TEST_CASE("a hostile file name cannot reach the terminal through the preview") {
  snapshot result;
  result.files.push_back(make_file("a\x1b[2Jb", sha1_hex, 1, file_action::fetched));
  CHECK(command::preview_of(result).find('\x1b') == std::string::npos);
}

TEST_CASE("every reason for a worse kind of link is told once, with the number of files") {
  auto result = make_snapshot();
  for (const auto* path : {"/a/one", "/a/two"}) {
    result.files.push_back(make_file("c", sha256_hex, 1 << 20, file_action::linked));
    result.files.back().link = link_kind::copy;
    result.files.back().source = path;
    result.files.back().refused = {{link_kind::reflink, "Operation not supported"},
                                   {link_kind::hard_link, "Invalid cross-device link"}};
  }
  result.files.push_back(make_file("d", sha256_hex, 1 << 20, file_action::linked));
  result.files.back().link = link_kind::hard_link;
  result.files.back().source = "/other/one";
  result.files.back().refused = {{link_kind::reflink, "Operation \"not\" supported"}};
  CHECK(command::refusals_of(result) ==
        std::vector<std::string>{
            "copied, not hard-linked: Invalid cross-device link (2 files, from /a)",
            "copied, not reflinked: Operation not supported (2 files, from /a)",
            "hard-linked, not reflinked: Operation \"not\" supported (1 file, from /other)"});
  result.files.resize(1);
  CHECK(command::refusals_of(result).empty());
}

TEST_CASE("that a small file was copied is no news") {
  auto result = make_snapshot();
  result.files.push_back(make_file("c", sha256_hex, 100, file_action::linked));
  result.files.back().link = link_kind::copy;
  result.files.back().refused = {{link_kind::reflink, "Operation not supported"}};
  CHECK(command::refusals_of(result).empty());
}

namespace {

bundle_file file_of(const snapshot& part, std::size_t number, std::size_t file, std::string role = "") {
  bundle_file one;
  one.part = number;
  one.role = std::move(role);
  one.file = part.files.at(file);
  if (one.file.what.name.algorithm() == digest_algorithm::sha256) one.sha256 = one.file.what.name;
  return one;
}

/// The snapshot above, the second file of which plays a role.
bundle make_bundle() {
  bundle result;
  result.parts.push_back(make_snapshot());
  result.totals = result.parts[0].totals;
  for (std::size_t i = 0; i < 3; ++i) {
    result.files.push_back(file_of(result.parts[0], 0, i, i == 1 ? "component:unet" : ""));
  }
  return result;
}

bundle make_bundle_of_two() {
  auto result = make_bundle();
  snapshot second;
  second.path = "/c/models--v--ae/snapshots/y";
  second.repo = repo("v/ae");
  second.revision = "main";
  second.commit = std::string(40, '2');
  second.files.push_back(make_file("vae.bin", sha256_hex, 3000, file_action::linked));
  second.files.back().link = link_kind::hard_link;
  second.files.back().source = "/other/w";
  second.totals.bytes_total = second.totals.bytes_linked = 3000;
  result.files.push_back(file_of(second, 1, 0, "component:vae"));
  result.parts.push_back(second);
  result.totals.bytes_total += 3000;
  result.totals.bytes_linked += 3000;
  result.totals.seconds = 2;
  return result;
}

/// `text` without what the JSON of a bundle adds to each file.
std::string without_roles(std::string text) {
  for (auto at = text.find(", \"role\": "); at != text.npos; at = text.find(", \"role\": ", at)) {
    text.erase(at, text.find('}', at) - at);
  }
  return text;
}

std::size_t occurrences(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("the JSON of one repo's bundle is that of its snapshot, with role and sha256 of each file") {
  const auto text = command::json_of(make_bundle(), "/p");
  CHECK(without_roles(text) == command::json_of(make_snapshot(), "/p"));
  CHECK(text.find(R"("refused": null, "role": null, "sha256": null})") != text.npos);
  CHECK(text.find(R"(], "role": "component:unet", "sha256": ")" + sha256_hex + "\"}") != text.npos);
  CHECK(occurrences(text, "\"role\"") == 3);
}

TEST_CASE("the JSON of several repos has an object for each, and the sums beside them") {
  const auto all = make_bundle_of_two();
  const auto text = command::json_of(all, "/out");
  CHECK(text.starts_with(
      R"({"path": "/out", "repos": [{"path": "/c/models--o--n/snapshots/x", "repo_id": "o/n", )"));
  CHECK(text.find(R"({"path": "/c/models--v--ae/snapshots/y", "repo_id": "v/ae", )") != text.npos);
  CHECK(text.ends_with(
      R"(], "bytes_total": 6012, "bytes_present": 5, "bytes_linked": 6000, "bytes_fetched": 7, )"
      R"("bytes_wire": 9, "requests": 4, "disk_delta": 4096, "seconds": 2.000, "dry_run": false})"));
  CHECK(occurrences(text, "\"files\"") == 2);
  CHECK(occurrences(text, "\"component:vae\"") == 1);
  const auto second = text.find("\"v/ae\"");
  CHECK(text.find("\"vae.bin\"") > second);
  CHECK(text.find("\"new.bin\"") < second);
}

TEST_CASE("a command adds members of its own to the JSON of a bundle") {
  auto out = command::object_of(make_bundle(), "/p");
  out.raw("components", "{}");
  CHECK(std::move(out).close().ends_with(R"("dry_run": false, "components": {}})"));
}

TEST_CASE("the summary of one repo's bundle is that of its snapshot; of several it counts them") {
  CHECK(command::summary_of(make_bundle()) == command::summary_of(make_snapshot()));
  const auto two = make_bundle_of_two();
  CHECK(command::summary_of(two) ==
        "2 repos: 4 files, " + to_string(two.totals) + "; linked by hardlink (2); 4.1K more on disk");
}

TEST_CASE("the preview of a bundle has the roles, and the repos if there are several") {
  auto one = make_bundle();
  CHECK(command::preview_of(one) ==
        "[dry-run] Will download 1 file (out of 3) totalling 7.0.\n"
        "[dry-run] Will link 1 file (out of 3) totalling 3.0K.\n"
        "\n"
        "FILE       SIZE ACTION   ROLE\n"
        "---------- ---- -------- --------------\n"
        "a \"b\".json  5.0 present\n"
        "w.bin      3.0K link     component:unet\n"
        "new.bin     7.0 download\n");
  CHECK(command::preview_of(make_bundle_of_two()) ==
        "[dry-run] Will download 1 file (out of 4) totalling 7.0.\n"
        "[dry-run] Will link 2 files (out of 4) totalling 6.0K.\n"
        "\n"
        "REPO         FILE       SIZE ACTION   ROLE\n"
        "------------ ---------- ---- -------- --------------\n"
        "datasets/o/n a \"b\".json  5.0 present\n"
        "datasets/o/n w.bin      3.0K link     component:unet\n"
        "datasets/o/n new.bin     7.0 download\n"
        "v/ae         vae.bin    3.0K link     component:vae\n");
}

TEST_CASE("reasons for a worse kind of link are told once for all repos of a bundle") {
  bundle two;
  for (int i = 0; i < 2; ++i) {
    two.parts.emplace_back().files.push_back(make_file("c", sha256_hex, 1 << 20, file_action::linked));
    two.parts.back().files[0].link = link_kind::copy;
    two.parts.back().files[0].source = "/a/one";
    two.parts.back().files[0].refused = {{link_kind::reflink, "Operation not supported"}};
  }
  CHECK(command::refusals_of(two) ==
        std::vector<std::string>{"copied, not reflinked: Operation not supported (2 files, from /a)"});
}
