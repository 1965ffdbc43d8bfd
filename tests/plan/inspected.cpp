#include <hubcache/plan/inspected.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <string>
#include <support/weight_files.hpp>
#include <utility>
#include <vector>

using namespace hubcache;
using test::gguf_text;
using test::safetensors_text;

namespace {

using names = std::vector<std::string>;

/// A content by a letter.
content content_of(char letter, std::uint64_t size) {
  return {*digest::parse(std::string(64, letter)), size};
}

/// A repo as it is put together file by file.
struct scene {
  /// In the order of their paths. @param letter  of its content: a to f
  scene& add(const std::string& path, char letter, const std::string& bytes) {
    inspected_file file;
    file.path = path;
    file.what = content_of(letter, bytes.size());
    if (detail::first_read(path) > 0) CHECK(detail::read_header(file, as_byte_view(bytes)) == 0);
    repo.files.push_back(std::move(file));
    file_entry entry;
    entry.path = path;
    repo.what.listing.files.push_back(std::move(entry));
    return *this;
  }
  inspected_repo& summed() {
    detail::sum_up(repo);
    return repo;
  }
  inspected_repo repo;
};

/// The first file's problem after its index, the text `json`, was noted.
std::string problem_of_index(scene& s, const std::string& json) {
  detail::sorted_names known;
  detail::note_index(s.repo.files.front(), parse_safetensors_index(json), s.repo, known, {});
  return s.repo.files.front().problem;
}

std::string f32(const std::string& name, std::uint64_t count) {
  return safetensors_text().tensor(name, {count}).bytes();
}

std::string gguf_of(const std::string& name, std::uint64_t count) {
  return gguf_text(1, 0).tensor(name, {count}, 0, 0).data(4 * count).bytes;
}

}  // namespace

TEST_CASE("the name of a file tells whether a header is read") {
  CHECK(detail::first_read("unet/model.safetensors") > 0);
  CHECK(detail::first_read("Q4_K_M.gguf") > 0);
  CHECK(detail::first_read("model.safetensors.index.json") == 0);
  CHECK(detail::first_read("pytorch_model.bin") == 0);
  CHECK(detail::is_safetensors_index("a/model.safetensors.index.json"));
  CHECK(detail::is_safetensors_index("unet/model.safetensors.index.fp16.json"));
  CHECK_FALSE(detail::is_safetensors_index("pytorch_model.bin.index.json"));
  CHECK_FALSE(detail::is_safetensors_index("a.safetensors.d/config.json"));
}

TEST_CASE("a safetensors header becomes tensors, parameters and metadata") {
  const auto bytes =
      safetensors_text(R"({"format":"pt","by\u001b":"x\ny"})").tensor("a", {2, 3}, "BF16").bytes();
  inspected_file file;
  file.path = "model.safetensors";
  file.what = content_of('a', bytes.size());
  CHECK(detail::read_header(file, as_byte_view(bytes)) == 0);
  CHECK(file.format == "safetensors");
  REQUIRE(file.tensors.size() == 1);
  CHECK(file.tensors[0].type == "BF16");
  CHECK(file.parameters == 6);
  CHECK(file.header_bytes == bytes.size());
  CHECK(file.metadata == std::vector<std::pair<std::string, std::string>>{{"format", "pt"}, {"by ", "x y"}});
  CHECK(file.problem.empty());
}

TEST_CASE("a GGUF header's values become text, arrays by type and number, long texts cut") {
  gguf_text text(1, 6);
  text.key("general.architecture", gguf_type::string).text("llama");
  text.key("llama.rope", gguf_type::float32).number(std::bit_cast<std::uint32_t>(0.1F));
  text.key("n", gguf_type::int32).number(std::int32_t{-4});
  text.key("flag", gguf_type::boolean).number(std::uint8_t{1});
  text.key("tokens", gguf_type::array).array(gguf_type::string, 2).text("a").text("b");
  text.key("template", gguf_type::string).text(std::string(201, 'x'));
  text.tensor("output.weight", {32}, 0, 0).data(128);
  inspected_file file;
  file.path = "model.gguf";
  file.what = content_of('a', text.bytes.size());
  CHECK(detail::read_header(file, as_byte_view(text.bytes)) == 0);
  CHECK(file.problem == "");
  CHECK(file.metadata ==
        std::vector<std::pair<std::string, std::string>>{{"general.architecture", "llama"},
                                                         {"llama.rope", "0.1"},
                                                         {"n", "-4"},
                                                         {"flag", "true"},
                                                         {"tokens", "[string x 2]"},
                                                         {"template", std::string(200, 'x') + "..."}});
  CHECK(file.parameters == 32);
}

TEST_CASE("a header that is not complete asks for its rest: exactly, or for twice as many bytes") {
  const auto weights = f32("a", 100);
  inspected_file file;
  file.path = "model.safetensors";
  file.what = content_of('a', weights.size());
  CHECK(detail::read_header(file, as_byte_view(weights).first(10)) == weights.size() - 400);
  CHECK(file.problem.empty());

  gguf_text vocabulary(0, 1);
  vocabulary.key("tokens", gguf_type::array).array(gguf_type::string, 1000);
  for (int i = 0; i < 1000; ++i) vocabulary.text("a token of 24 characters");
  file.path = "model.gguf";
  file.what = content_of('b', vocabulary.bytes.size());
  CHECK(detail::read_header(file, as_byte_view(vocabulary.bytes).first(10'000)) == 20'000);
  CHECK(detail::read_header(file, as_byte_view(vocabulary.bytes).first(20'000)) == vocabulary.bytes.size());
  CHECK(detail::read_header(file, as_byte_view(vocabulary.bytes)) == 0);
  CHECK(file.metadata.size() == 1);
}

TEST_CASE("a malformed header is the problem of its file") {
  inspected_file file;
  file.path = "model.safetensors";
  const std::string lies("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F{}", 10);
  file.what = content_of('a', lies.size());
  CHECK(detail::read_header(file, as_byte_view(lies)) == 0);
  CHECK(file.problem == "the header would have 9223372036854775807 bytes");
  CHECK(file.tensors.empty());
}

TEST_CASE("shards sum up, variants of the same tensors count once a folder") {
  scene s;
  s.add("README.md", 'f', "text");
  s.add("text_encoder/model.safetensors", 'a', f32("a", 10));
  s.add("unet/model-00001-of-00002.safetensors", 'b', f32("a", 100));
  s.add("unet/model-00002-of-00002.safetensors", 'c', f32("b", 200));
  s.add("unet/model.fp16.safetensors", 'd',
        safetensors_text().tensor("a", {100}, "F16").tensor("b", {200}, "F16").bytes());
  s.add("unet/other.safetensors", 'e', f32("b", 7));
  const auto& repo = s.summed();
  REQUIRE(repo.folders.size() == 3);
  CHECK(repo.folders[0].name == "");
  CHECK(repo.folders[0].files == 1);
  CHECK(repo.folders[0].bytes == 4);
  CHECK(repo.folders[0].parameters == 0);
  CHECK(repo.folders[1].name == "text_encoder");
  CHECK(repo.folders[1].parameters == 10);
  CHECK(repo.folders[2].name == "unet");
  CHECK(repo.folders[2].parameters == 100 + 200 + 7);  // 7: the same name, but another shape
  CHECK(repo.parameters == 10 + 100 + 200 + 7);
}

TEST_CASE("quantisations of one model count once, also if each has a folder of its own") {
  scene s;
  s.add("Q4/model.gguf", 'a', gguf_of("output.weight", 64));
  s.add("Q8/model.gguf", 'b', gguf_of("output.weight", 64));
  s.add("mmproj.gguf", 'c', gguf_of("mm.weight", 32));
  const auto& repo = s.summed();
  CHECK(repo.parameters == 64 + 32);
  REQUIRE(repo.folders.size() == 3);
  CHECK(repo.folders[1].parameters == 64);
  CHECK(repo.folders[2].parameters == 64);
}

TEST_CASE("a folder tells what of it is to be fetched") {
  scene s;
  s.add("vae/a.safetensors", 'a', f32("a", 10)).add("vae/b.bin", 'b', "1234");
  s.repo.files[0].action = file_action::present;
  CHECK(s.summed().folders[0].bytes_to_fetch == 4);
}

TEST_CASE("an index that names what is there has no problem") {
  scene s;
  s.add("m/model.safetensors.index.json", 'a', "").add("m/one.safetensors", 'b', f32("x", 1));
  CHECK(problem_of_index(s, R"({"metadata":{"total_size":4},"weight_map":{"x":"one.safetensors"}})") == "");
  CHECK(s.repo.files[0].format == "index");
  CHECK(s.repo.files[0].metadata == std::vector<std::pair<std::string, std::string>>{{"total_size", "4"}});
}

TEST_CASE("an index that names a file or a tensor that is not there says which") {
  scene s;
  s.add("m/model.safetensors.index.json", 'a', "").add("m/one.safetensors", 'b', f32("x", 1));
  s.add("other.safetensors", 'c', f32("x", 1));
  for (const std::string name : {"other.safetensors", "../other.safetensors", "/etc/passwd", ""}) {
    CHECK(problem_of_index(s, R"({"weight_map":{"x":")" + name + "\"}}") ==
          "the index names the file '" + name + "', which the repo does not have beside it");
  }
  CHECK(problem_of_index(s, R"({"weight_map":{"x":"one.safetensors","y\n":"one.safetensors"}})") ==
        "the index puts the tensor 'y ' into 'one.safetensors', which does not have it");
}

TEST_CASE("an index is not held against files that were not chosen or could not be read") {
  scene s;
  s.add("a.safetensors.index.json", 'a', "").add("broken.safetensors", 'b', "123");
  file_entry other;
  other.path = "other.safetensors";
  s.repo.what.listing.files.push_back(other);
  CHECK(problem_of_index(s, R"({"weight_map":{"x":"broken.safetensors","y":"other.safetensors"}})") == "");
}

TEST_CASE("two repos share files by content, whatever their names") {
  scene a;
  scene b;
  a.add("config.json", 'a', "12")
      .add("copy.json", 'a', "12")
      .add("mine.bin", 'b', "123")
      .add("vae.bin", 'c', "1234");
  b.add("copy.json", 'a', "12")
      .add("first.json", 'a', "12")
      .add("theirs.bin", 'd', "12345")
      .add("vae2.bin", 'c', "1234");
  const auto found = compare(a.repo, b.repo);
  CHECK(found.files == std::vector<std::pair<std::string, std::string>>{{"config.json", "copy.json"},
                                                                        {"copy.json", "copy.json"},
                                                                        {"vae.bin", "vae2.bin"}});
  CHECK(found.bytes_shared == 2 + 4);
  CHECK(found.bytes_only_a == 3);
  CHECK(found.bytes_only_b == 5);
  CHECK(compare(b.repo, a.repo).files.size() == 3);
}

TEST_CASE("two repos share tensors by folder, name, type and shape") {
  scene a;
  scene b;
  a.add("unet/a.safetensors", 'a',
        safetensors_text().tensor("same", {4}).tensor("shape", {4}).tensor("type", {4}).bytes());
  a.add("vae/a.safetensors", 'b', f32("moved", 1)).add("x.safetensors", 'c', f32("root", 1));
  b.add("text/b.safetensors", 'd', f32("moved", 1));
  b.add("unet/b.safetensors", 'e',
        safetensors_text().tensor("same", {4}).tensor("shape", {5}).tensor("type", {4}, "F16").bytes());
  b.add("y.safetensors", 'f', safetensors_text().tensor("root", {1}).tensor("zz", {2}).bytes());
  const auto found = compare(a.repo, b.repo);
  CHECK(found.tensors_shared == names{"root", "unet/same"});
  CHECK(found.tensors_differ == names{"unet/shape", "unet/type"});
  CHECK(found.tensors_only_a == 1);
  CHECK(found.tensors_only_b == 2);
}

TEST_CASE("a tensor of several variants is shared if both repos have one of them") {
  scene a;
  scene b;
  a.add("a.fp16.safetensors", 'a', safetensors_text().tensor("w", {4}, "F16").bytes());
  a.add("a.safetensors", 'b', f32("w", 4));
  b.add("b.safetensors", 'c', f32("w", 4));
  CHECK(compare(a.repo, b.repo).tensors_shared == names{"w"});
  CHECK(compare(a.repo, b.repo).tensors_only_a == 0);
}

TEST_CASE("quantisations are compared whatever folder they lie in") {
  scene a;
  scene b;
  a.add("Q8/a.gguf", 'a', gguf_of("w", 32));
  b.add("b.gguf", 'b', gguf_of("w", 32));
  CHECK(compare(a.repo, b.repo).tensors_shared == names{"w"});
}

TEST_CASE("repos without anything in common, and empty ones, compare") {
  scene a;
  scene b;
  a.add("a.safetensors", 'a', f32("w", 4));
  const auto found = compare(a.repo, b.repo);
  CHECK(found.files.empty());
  CHECK(found.bytes_only_a == a.repo.files[0].what.size);
  CHECK(found.tensors_only_a == 1);
  CHECK(compare(b.repo, a.repo).tensors_only_b == 1);
}
