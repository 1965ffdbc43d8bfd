#include "download_options.hpp"

#include <hubcache/error.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

using namespace hubcache;
using words = std::vector<std::string>;

namespace {

/// What the command line `typed` asks for, in an environment that sets nothing.
command::download_request parse(words typed, settings environment = settings()) {
  CLI::App app;
  command::download_arguments arguments;
  command::declare(app, arguments);
  std::reverse(typed.begin(), typed.end());
  app.parse(typed);
  return command::request_of(arguments, std::move(environment));
}

/// The detail of the usage error that `typed` is; empty if it is none.
std::string usage_error(words typed, settings environment = settings()) {
  try {
    static_cast<void>(parse(std::move(typed), std::move(environment)));
  } catch (const error& e) {
    CHECK(e.reason() == errc::invalid_argument);
    return e.detail();
  } catch (const CLI::ParseError& e) {
    return e.what();
  }
  return {};
}

}  // namespace

TEST_CASE("a repo alone asks for everything of main, linked and fetched as usual") {
  const auto request = parse({"o/n"});
  CHECK(request.repo == repo("o/n"));
  CHECK(request.options.revision == "main");
  CHECK_FALSE(request.options.allow);
  CHECK(request.options.ignore.empty());
  CHECK(request.options.files.empty());
  CHECK(request.options.smart_cache);
  CHECK(request.options.links == auto_link_kinds);
  CHECK(request.options.max_transfers == 32);
  CHECK_FALSE(request.options.force_download);
  CHECK_FALSE(request.options.verify);
  CHECK_FALSE(request.single_file);
  CHECK_FALSE(request.cache_mapping);
  CHECK_FALSE(request.config.offline);
  CHECK_FALSE((request.dry_run || request.json || request.quiet));
}

TEST_CASE("every option reaches the library") {
  const auto request = parse({"o/n",
                              "--type",
                              "dataset",
                              "--revision",
                              "refs/pr/3",
                              "--cache-dir",
                              "/c",
                              "--token",
                              "hf_x",
                              "--max-workers",
                              "3",
                              "--endpoint",
                              "http://127.0.0.1:8000/hub",
                              "--offline",
                              "--link",
                              "hardlink",
                              "--cache-mapping",
                              "m.json",
                              "--json",
                              "-q",
                              "--verify",
                              "--dry-run",
                              "--fsync",
                              "each",
                              "--smart-cache"});
  CHECK(request.repo == repo("o/n", repo_type::dataset));
  CHECK(request.options.revision == "refs/pr/3");
  CHECK(request.config.cache_dir == "/c");
  CHECK(request.config.token.reveal() == "hf_x");
  CHECK(request.options.max_transfers == 3);
  CHECK(request.config.endpoint == *url::parse("http://127.0.0.1:8000/hub"));
  CHECK(request.config.offline);
  CHECK(request.options.links == link_kinds(link_kind::hard_link));
  CHECK(request.cache_mapping == "m.json");
  CHECK(request.config.fsync == fsync_mode::each);
  CHECK((request.json && request.quiet && request.options.verify && request.dry_run));
  CHECK(parse({"o/n", "--repo-type", "spaces", "--force-download"}).options.force_download);
  CHECK_FALSE(parse({"o/n", "--no-smart-cache"}).options.smart_cache);
  CHECK(parse({"o/n", "--local-dir", "d"}).options.local_dir == "d");
}

TEST_CASE("what the command line does not say stays as the environment has it") {
  settings environment;
  environment.cache_dir = "/from/env";
  environment.state_dir = "/state";
  environment.token = secret("hf_env");
  environment.offline = true;
  environment.fsync = fsync_mode::none;
  const auto request = parse({"o/n", "--cache-dir", "/c"}, environment);
  CHECK(request.config.cache_dir == "/c");
  CHECK(request.config.state_dir == "/state");
  CHECK(request.config.token.reveal() == "hf_env");
  CHECK(request.config.offline);
  CHECK(request.config.fsync == fsync_mode::none);
}

TEST_CASE("each --include and --exclude takes one pattern, whatever its characters") {
  const auto request =
      parse({"--include", "*.json", "--include", "[ab,c]", "o/n", "--exclude", "*fp16*", "--exclude", "a b"});
  CHECK(request.repo == repo("o/n"));
  CHECK(request.options.allow == words{"*.json", "[ab,c]"});
  CHECK(request.options.ignore == words{"*fp16*", "a b"});
}

TEST_CASE("named files make patterns void, with a warning") {
  const auto request = parse({"o/n", "a.bin", "[b].bin", "--include", "*.json"});
  CHECK(request.options.files == words{"a.bin", "[b].bin"});
  CHECK_FALSE(request.options.allow);
  CHECK(request.warnings.size() == 1);
  CHECK(parse({"o/n", "a.bin"}).warnings.empty());
}

TEST_CASE("one file is the result itself; a folder or two files are not") {
  CHECK(parse({"o/n", "a/b.bin"}).single_file == "a/b.bin");
  CHECK_FALSE(parse({"o/n", "a/"}).single_file);
  CHECK_FALSE(parse({"o/n", "a", "b"}).single_file);
}

TEST_CASE("an hf:// reference names type, repo, revision and file") {
  const auto request = parse({"hf://datasets/o/n@v1/train/x.json"});
  CHECK(request.repo == repo("o/n", repo_type::dataset));
  CHECK(request.options.revision == "v1");
  CHECK(request.options.files == words{"train/x.json"});
  CHECK(request.single_file == "train/x.json");
  CHECK(parse({"hf://o/n"}).options.revision == "main");
  CHECK_FALSE(parse({"hf://o/n/train/"}).single_file);
}

TEST_CASE("what cannot be meant is a usage error") {
  CHECK(usage_error({"o/n"}).empty());
  for (const auto& typed : {
           words{},
           words{"a/b/c"},
           words{"o/n", "--unknown"},
           words{"o/n", "--cache-dir", "/c", "--local-dir", "/l"},
           words{"o/n", "--cache-dir", ""},
           words{"o/n", "--local-dir", ""},
           words{"o/n", "--cache-mapping", ""},
           words{"o/n", "--cache-mapping", "m.json", "--no-smart-cache"},
           words{"o/n", "--repo-type", "kernel"},
           words{"o/n", "--revision", ""},
           words{"o/n", "--revision", "../../x"},
           words{"o/n", "--link", "magic"},
           words{"o/n", "--link", ""},
           words{"o/n", "--link", "copy", "--link", "hardlink"},
           words{"o/n", "--link", "*.bin="},
           words{"o/n", "--link", "*.bin=magic"},
           words{"o/n", "--link", "=copy"},
           words{"o/n", "--fsync", "often"},
           words{"o/n", "--max-workers", "0"},
           words{"o/n", "--max-workers", "-1"},
           words{"o/n", "--max-workers", "many"},
           words{"o/n", "--endpoint", "ftp://host"},
           words{"o/n", "--token", ""},
           words{"o/n", "--offline", "--force-download"},
           words{"o/n", "../up"},
           words{"o/n", "/etc/passwd"},
           words{"o/n", ""},
           words{"o/n", "/"},
           words{"hf://o"},
           words{"hf://o/n", "--revision", "main"},
           words{"hf://o/n", "--repo-type", "model"},
           words{"hf://o/n/a", "b"},
       }) {
    CAPTURE(typed);
    CHECK_FALSE(usage_error(typed).empty());
  }
}

TEST_CASE("a malformed token is refused and not repeated") {
  for (const char* token : {"hf_a b", "hf_a\n", "hf_\xc3\xa4"}) {
    const auto text = usage_error({"o/n", "--token", token});
    CHECK_FALSE(text.empty());
    CHECK(text.find("hf_") == text.npos);
  }
}

TEST_CASE("force-download while HF_HUB_OFFLINE is set is a usage error") {
  settings environment;
  environment.offline = true;
  CHECK_FALSE(usage_error({"o/n", "--force-download"}, environment).empty());
}

TEST_CASE("--link takes one kind for all and patterns with kinds of their own, in their order") {
  const auto options =
      parse({"o/n", "--link", "*.onnx_data=copy", "--link", "hardlink", "--link", "a=b=auto"}).options;
  CHECK(options.links == link_kinds(link_kind::hard_link));
  CHECK(options.link_rules ==
        std::vector{link_rule("*.onnx_data", link_kind::copy), link_rule("a=b", auto_link_kinds)});
}

TEST_CASE("requirements reach the library, each by its flag") {
  CHECK(parse({"o/n"}).options.require.empty());
  CHECK(parse({"o/n", "--require-safetensors"}).options.require == requirements(requirement::safetensors));
  CHECK(parse({"o/n", "--require-scan"}).options.require == requirements(requirement::scan));
  CHECK(parse({"o/n", "--require-sha256"}).options.require == requirements(requirement::sha256));
}

TEST_CASE("--lock is remembered with whether a revision was named, and is not empty") {
  CHECK_FALSE(parse({"o/n"}).lock);
  const auto request = parse({"o/n", "--lock", "a.lock"});
  CHECK(request.lock == "a.lock");
  CHECK_FALSE(request.revision_named);
  CHECK(parse({"o/n", "--revision", "main"}).revision_named);
  CHECK(parse({"hf://o/n@v1"}).revision_named);
  CHECK_FALSE(parse({"hf://o/n"}).revision_named);
  CHECK_FALSE(usage_error({"o/n", "--lock", ""}).empty());
}

TEST_CASE("a tag behind the repo, or --gguf, asks for one GGUF model") {
  const auto tagged = parse({"o/n:Q4_K_M", "--drafts"});
  CHECK(tagged.repo == repo("o/n"));
  REQUIRE(tagged.gguf);
  CHECK(tagged.gguf->tag == "Q4_K_M");
  CHECK(tagged.gguf->drafts);
  const auto by_default = parse({"o/n", "--gguf"});
  REQUIRE(by_default.gguf);
  CHECK(by_default.gguf->tag.empty());
  CHECK_FALSE(by_default.gguf->drafts);
  CHECK_FALSE(parse({"o/n"}).gguf);
  const auto reference = parse({"hf://o/n@v1:Q8_0"});
  CHECK(reference.options.revision == "v1");
  CHECK(reference.gguf->tag == "Q8_0");
}

TEST_CASE("a ':' in the path of a reference is no tag") {
  const auto request = parse({"hf://o/n@v1/notes/at:noon.txt"});
  CHECK_FALSE(request.gguf);
  CHECK(request.single_file == "notes/at:noon.txt");
}

TEST_CASE("a tag that is none is told as such, and a URL as a wrong repo") {
  CHECK(usage_error({"o/n:Q4*"}).find("'Q4*' is no tag of a GGUF model") != std::string::npos);
  CHECK(usage_error({"o/n:"}).find("is no tag of a GGUF model") != std::string::npos);
  CHECK(usage_error({"o/n:Q4:Q8"}).find("'Q4:Q8' is no tag") != std::string::npos);
  CHECK(usage_error({"https://huggingface.co/o/n"}).find("tag") == std::string::npos);
  CHECK_FALSE(usage_error({"o/n:Q4", "--include", "*"}).empty());
  CHECK_FALSE(usage_error({"hf://o/n/a.gguf", "--gguf"}).empty());
  CHECK_FALSE(usage_error({"o/n", "--drafts"}).empty());
}
