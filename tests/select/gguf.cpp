#include <hubcache/error.hpp>
#include <hubcache/select/gguf.hpp>

#include <doctest/doctest.h>
#include <simdjson.h>

#include <string>
#include <string_view>
#include <vector>

using namespace hubcache;
using paths = std::vector<std::string>;

namespace {

gguf_selection select(const paths& listing, std::string tag = "") {
  return select_gguf(listing, gguf_wish(std::move(tag)));
}

gguf_selection select_drafts(const paths& listing, std::string tag = "") {
  return select_gguf(listing, gguf_wish(std::move(tag)).with_drafts(true));
}

/// The detail of the error that nothing matches; empty if something does.
std::string complaint(const paths& listing, std::string tag = "") {
  try {
    static_cast<void>(select(listing, std::move(tag)));
  } catch (const error& e) {
    CHECK(e.reason() == errc::file_not_found);
    return e.detail();
  }
  return {};
}

std::string text_of(const simdjson::dom::element& value) {
  return value.is_null() ? std::string() : std::string(std::string_view(value));
}

paths paths_of(const simdjson::dom::element& values) {
  paths result;
  for (const std::string_view value : simdjson::dom::array(values)) result.emplace_back(value);
  return result;
}

}  // namespace

TEST_CASE("every case of the reference is selected as llama.cpp selects it") {
  simdjson::dom::parser parser;
  const simdjson::dom::element data = parser.load(HUBCACHE_TESTS_FOLDER "/select/data/gguf-selection.json");
  std::size_t cases = 0;
  for (const simdjson::dom::element one : simdjson::dom::array(data["cases"])) {
    CAPTURE(std::string(std::string_view(one["name"])));
    const auto listing = paths_of(one["listing"]);
    const auto tag = text_of(one["tag"]);
    const simdjson::dom::element expected = one["expected"];
    ++cases;
    if (one["error"].error() == simdjson::SUCCESS) {
      CHECK_FALSE(complaint(listing, tag).empty());
      continue;
    }
    const auto got = select(listing, tag);
    simdjson::dom::element preset;
    const bool has_preset = expected["preset"].get(preset) == simdjson::SUCCESS;
    CHECK(got.primary == text_of(expected["primary"]));
    CHECK(got.parts == paths_of(expected["files"]));
    CHECK(got.mmproj == text_of(expected["mmproj"]));
    CHECK(got.preset == (has_preset ? text_of(preset) : ""));
  }
  CHECK(cases == 20);
}

TEST_CASE("without a tag Q4_K_M comes before Q8_0, and both before what is listed first") {
  CHECK(select({"a-F16.gguf", "b-Q8_0.gguf", "c-Q4_K_M.gguf"}).primary == "c-Q4_K_M.gguf");
  CHECK(select({"a-F16.gguf", "b.q8_0.gguf", "c-Q4_K_S.gguf"}).primary == "b.q8_0.gguf");
  CHECK(select({"z-F16.gguf", "a-Q4_K_S.gguf"}).primary == "z-F16.gguf");
}

TEST_CASE("a tag is followed by a '.' or '-', and matches in folders and in any case") {
  CHECK(select({"x-Q4_0_4_4.gguf", "x-Q4_0.gguf"}, "Q4_0").primary == "x-Q4_0.gguf");
  CHECK(select({"a-Q8_0.gguf", "IQ2_M-v2/b.gguf"}, "iq2_m").primary == "IQ2_M-v2/b.gguf");
  CHECK_FALSE(complaint({"IQ2_M/b.gguf"}, "IQ2_M").empty());
  CHECK(select({"a.gguf", "Q5.gguf"}, "Q5").primary == "Q5.gguf");
}

TEST_CASE("the characters of a tag stand for themselves") {
  CHECK(select({"a-Q4xK.gguf", "b-Q4.K.gguf"}, "Q4.K").primary == "b-Q4.K.gguf");
  CHECK_FALSE(complaint({"a-Q4_K_M.gguf"}, "Q4..M").empty());
  for (const auto* tag : {"Q4_K_M", "UD-Q4_K_XL", "v1.5", "-", "."}) CHECK(is_gguf_tag(tag));
  for (const auto* tag : {"", "Q4*", "Q4 0", "(Q4|Q8)", "Q4/0", "a:b", "\xC3\xA4", "Q4\n"})
    CHECK_FALSE(is_gguf_tag(tag));
}

TEST_CASE("a split set is picked by its first part and comes whole, in the listing's order") {
  const paths listing{"q/m-Q4_K_M-00002-of-00003.gguf", "q/m-Q4_K_M-00003-of-00003.gguf",
                      "q/m-Q4_K_M-00001-of-00003.gguf", "r/m-Q4_K_M-00001-of-00003.gguf"};
  const auto got = select(listing);
  CHECK(got.primary == listing[2]);
  CHECK(got.parts == paths(listing.begin(), listing.begin() + 3));
  CHECK(got.warnings.empty());
}

TEST_CASE("sets of two counts do not mix, and a set of one part is a single file") {
  const paths listing{"m-F16-00001-of-00001.gguf",  "m-Q8_0-00001-of-00003.gguf",
                      "m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00003.gguf",
                      "m-Q8_0-00002-of-00002.gguf", "m-Q8_0-00003-of-00003.gguf"};
  CHECK(select(listing).parts == paths{listing[1], listing[3], listing[5]});
  CHECK(select(listing, "F16").parts == paths{listing[0]});
  const auto choices = gguf_choices(listing);
  REQUIRE(choices.size() == 3);
  CHECK(choices[2].primary == listing[2]);
  CHECK(choices[2].parts == paths{listing[2], listing[4]});
}

TEST_CASE("what only looks like the number of a part belongs to the name") {
  const paths listing{"m-0001-of-0002.gguf", "m-000001-of-00002.gguf", "-00002-of-00002.gguf",
                      "m-00002of-00002.gguf", "m-0000a-of-00002.gguf"};
  for (const auto& path : listing) {
    CAPTURE(path);
    CHECK(select({path}).parts == paths{path});
  }
  CHECK_FALSE(complaint({"m-00002-OF-00002.gguf"}).empty());
}

TEST_CASE("parts that the repo lacks are told of") {
  const auto got = select({"m-00001-of-00004.gguf", "m-00004-of-00004.gguf"});
  CHECK(got.warnings == paths{"The repo lacks 2 of the 4 parts of m-00001-of-00004.gguf."});
  CHECK(select({"m-00001-of-00002.gguf", "m-00002-of-00002.gguf"}).warnings.empty());
}

TEST_CASE("projectors, importance matrices and draft heads are no models, by their last name alone") {
  for (const auto* path : {"mmproj-F16.gguf", "a/x.imatrix.gguf", "mtp-x.gguf", "x-eagle3-y.gguf",
                           "dflash-x.gguf", "dspark-x.gguf", "x.GGUF", "x.gguf.txt", "gguf"}) {
    CAPTURE(path);
    CHECK(gguf_choices(paths{path}).empty());
  }
  for (const auto* path : {"mmproj/x.gguf", "MTP-x.gguf", "mtp/x.gguf", ".gguf"}) {
    CAPTURE(path);
    CHECK(gguf_choices(paths{path}).size() == 1);
  }
}

TEST_CASE("the projector comes from the model's folder or one above it: the deepest") {
  CHECK(select({"mmproj-a.gguf", "q/x-Q8_0.gguf", "q/mmproj-b.gguf", "q/r/mmproj-c.gguf"}).mmproj ==
        "q/mmproj-b.gguf");
  CHECK(select({"q/x-Q8_0.gguf", "qq/mmproj-b.gguf", "mmproj-a.gguf"}).mmproj == "mmproj-a.gguf");
  CHECK(select({"x-Q8_0.gguf", "q/mmproj.gguf"}).mmproj.empty());
}

TEST_CASE("of projectors in one folder the nearest in bits wins, then the first") {
  const paths four{"m-Q4_K_M.gguf", "mmproj-F32.gguf", "mmproj-BF16.gguf", "mmproj-Q8_0.gguf",
                   "mmproj-Q8_K.gguf"};
  CHECK(select(four).mmproj == "mmproj-Q8_0.gguf");
  CHECK(select({"m-F16.gguf", "mmproj-Q8_0.gguf", "mmproj-BF16.gguf"}).mmproj == "mmproj-BF16.gguf");
  // No last part, no digit, a number that no type has: 0 bits.
  CHECK(select({"m-Q8_0.gguf", "mmproj.gguf", "mmproj-F16.gguf"}).mmproj == "mmproj.gguf");
  CHECK(select({"m-Q4_0.gguf", "mmproj-99999999999.gguf", "mmproj-F16.gguf"}).mmproj ==
        "mmproj-99999999999.gguf");
  // The number of the part says nothing of bits.
  const paths split{"m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf", "mmproj-F16.gguf",
                    "mmproj-Q8_0.gguf"};
  CHECK(select(split).mmproj == "mmproj-Q8_0.gguf");
}

TEST_CASE("drafts come only if asked for: of each kind the one that fits") {
  const paths listing{"eagle3-x-Q8_0.gguf", "mtp-x-F16.gguf", "mtp-x-Q4_K_M.gguf", "mtp-x-Q4_0.gguf",
                      "q/dspark-x.gguf",    "x-Q4_K_M.gguf",  "x-Q8_0.gguf"};
  CHECK(select(listing).drafts.empty());
  CHECK(select_drafts(listing).drafts == paths{"eagle3-x-Q8_0.gguf", "mtp-x-Q4_K_M.gguf"});
  CHECK(select_drafts(listing, "Q8_0").drafts == paths{"eagle3-x-Q8_0.gguf", "mtp-x-Q4_K_M.gguf"});
}

TEST_CASE("of drafts in one folder the one with the tag wins over the nearest in bits") {
  CHECK(select_drafts({"mtp-Q4_0.gguf", "mtp-UD-Q4_K_XL.gguf", "x-UD-Q4_K_XL.gguf"}, "ud-q4_k_xl").drafts ==
        paths{"mtp-UD-Q4_K_XL.gguf"});
  CHECK(select_drafts({"mtp-F16.gguf", "mtp-Q5_0.gguf", "x-Q4_0.gguf"}, "Q4_0").drafts ==
        paths{"mtp-Q5_0.gguf"});
}

TEST_CASE("a preset.ini at the root replaces the model, whatever the tag, and says so") {
  for (const auto* tag : {"", "Q4_K_M", "no-such"}) {
    const auto got = select({"m-Q4_K_M.gguf", "preset.ini"}, tag);
    CHECK(got.preset == "preset.ini");
    CHECK(got.roles() == std::vector{file_role("preset.ini", "preset")});
    CHECK(got.warnings.size() == 1);
  }
}

TEST_CASE("every selected file has one role") {
  const auto got = select_drafts(
      {"m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf", "mmproj.gguf", "mtp-m.gguf"});
  CHECK(got.roles() == std::vector{file_role("m-Q8_0-00001-of-00002.gguf", "model"),
                                   file_role("m-Q8_0-00002-of-00002.gguf", "split"),
                                   file_role("mmproj.gguf", "mmproj"), file_role("mtp-m.gguf", "draft")});
  // A folder's name makes this model its own projector.
  CHECK(select({"mmproj-lab/m.gguf"}).roles() == std::vector{file_role("mmproj-lab/m.gguf", "model")});
}

TEST_CASE("a tag that nothing has is told with the models that are there") {
  const auto text = complaint(
      {"m-Q2_K-00001-of-00002.gguf", "m-Q2_K-00002-of-00002.gguf", "m-Q8_0.gguf", "mmproj.gguf"}, "Q9");
  CHECK(text ==
        "no GGUF model has the tag 'Q9' before a '.' or '-' in its path; there are:\n"
        "m-Q2_K-00001-of-00002.gguf\nm-Q8_0.gguf\nchoose one by another tag");
}

TEST_CASE("of many models the first are told") {
  paths listing;
  for (int i = 0; i < 1000; ++i) listing.push_back(std::to_string(i) + ".gguf");
  const auto text = complaint(listing, "Q9");
  CHECK(text.find("\n49.gguf\nand 950 more\n") != text.npos);
  CHECK(text.find("\n50.gguf") == text.npos);
}

TEST_CASE("a repo without a model says what it has instead") {
  CHECK(complaint({"README.md", "model.safetensors"}) == "there is no .gguf file");
  CHECK(complaint({}) == "there is no .gguf file");
  CHECK(complaint({"mmproj.gguf", "m-00002-of-00002.gguf"}) ==
        "none of the 2 .gguf files is a model, or the first part of one");
}

TEST_CASE("draft heads that are asked for and not there are told") {
  const auto none = select_drafts({"m-Q8_0.gguf"});
  REQUIRE(none.warnings.size() == 1);
  CHECK(none.warnings[0] == "The repo has no draft heads for m-Q8_0.gguf.");
  CHECK(select({"m-Q8_0.gguf"}).warnings.empty());
  CHECK(select_drafts({"m-Q8_0.gguf", "mtp-m.gguf"}).warnings.empty());
}

TEST_CASE("draft heads alone are no model") {
  CHECK_FALSE(complaint({"mtp-m-Q8_0.gguf", "eagle3-m.gguf"}).empty());
}

TEST_CASE("a set that is numbered from 00000 lacks no part") {
  CHECK(select({"m-00000-of-00002.gguf", "m-00001-of-00002.gguf"}).warnings.empty());
  CHECK(select({"m-00000-of-00002.gguf", "m-00001-of-00002.gguf", "m-00002-of-00002.gguf"}).warnings.empty());
  CHECK(select({"m-00000-of-00003.gguf", "m-00001-of-00003.gguf"}).warnings.size() == 1);
}
