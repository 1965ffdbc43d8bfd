#include <hubcache/hub/endpoint.hpp>

#include <doctest/doctest.h>

using namespace hubcache;

namespace {

const url hub = *url::parse("https://huggingface.co");

}  // namespace

TEST_CASE("a segment is encoded with its slashes, a path keeps them") {
  CHECK(encode_segment("refs/pr/1") == "refs%2Fpr%2F1");
  CHECK(encode_path("awful?filename%you:should,never.give") ==
        "awful%3Ffilename%25you%3Ashould%2Cnever.give");
  CHECK(encode_path("a/b-c_d.e~f") == "a/b-c_d.e~f");
  CHECK(encode_path("\xC3\xA9 +#") == "%C3%A9%20%2B%23");
}

TEST_CASE("repo info is asked for by type, id and revision") {
  CHECK(info_url(hub, "gpt2").text() == "https://huggingface.co/api/models/gpt2");
  CHECK(info_url(hub, "o/n", "refs/pr/1").text() ==
        "https://huggingface.co/api/models/o/n/revision/refs%2Fpr%2F1");
  CHECK(info_url(hub, repo("o/n", repo_type::dataset)).text() == "https://huggingface.co/api/datasets/o/n");
}

TEST_CASE("the whole tree is asked for at once") {
  CHECK(tree_url(hub, repo("o/n", repo_type::space), "main").text() ==
        "https://huggingface.co/api/spaces/o/n/tree/main?recursive=true&expand=false");
}

TEST_CASE("files resolve below the repo, with the type in front unless it is a model") {
  CHECK(resolve_url(hub, "o/n", "c0", "a/b c").text() == "https://huggingface.co/o/n/resolve/c0/a/b%20c");
  CHECK(resolve_url(hub, repo("o/n", repo_type::dataset), "c0", "x").text() ==
        "https://huggingface.co/datasets/o/n/resolve/c0/x");
}

TEST_CASE("an endpoint may lie below a path") {
  for (const char* text : {"http://h:8080/hub", "http://h:8080/hub//", "http://h:8080/hub/?x=1"}) {
    CAPTURE(text);
    const auto endpoint = *url::parse(text);
    CHECK(info_url(endpoint, "o/n").text() == "http://h:8080/hub/api/models/o/n");
    CHECK(resolve_url(endpoint, "o/n", "c", "f").text() == "http://h:8080/hub/o/n/resolve/c/f");
  }
}
