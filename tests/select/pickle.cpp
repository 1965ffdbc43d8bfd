#include <hubcache/digest.hpp>
#include <hubcache/select/pickle.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <support/zip.hpp>
#include <utility>
#include <vector>

using hubcache::pickle_suffix;
using namespace std::string_literals;

namespace {

/// find_pickle() of `text`; counts the bytes that it reads.
std::string found_in(const std::string& text, std::size_t* read = nullptr) {
  const hubcache::content_reader from = [&](std::uint64_t offset, std::span<std::byte> into) {
    const auto part = hubcache::as_byte_view(text).subspan(std::min<std::size_t>(text.size(), offset));
    const auto count = std::min(part.size(), into.size());
    std::copy_n(part.begin(), count, into.begin());
    if (read != nullptr) *read += count;
    return count;
  };
  return hubcache::find_pickle(text.size(), from);
}

const std::string broken = "a zip archive whose directory is not in order";

}  // namespace

TEST_CASE("pickles are told by their extension, in any case, compressed or not") {
  for (const auto* path : {"pytorch_model.bin", "a/b.pt", "x.pth", "x.ckpt", "x.pkl", "x.pickle", "x.joblib",
                           "x.dill", "x.PT", "x.nemo", "x.pt2", "x.ptl", "x.mar", "x.distcp"}) {
    CAPTURE(path);
    CHECK(pickle_suffix(path) == std::string_view(path).substr(std::string_view(path).rfind('.')));
  }
  CHECK(pickle_suffix("a/b.pkl.gz") == ".pkl.gz");
  CHECK(pickle_suffix("b.Joblib.XZ") == ".Joblib.XZ");
  for (const auto* path : {"model.safetensors", "config.json", "model.gguf", "bin", "bin/readme.md", "x.onnx",
                           "x.npy", "x.npz", "x.h5", "x.msgpack", "x.tar.gz", "x.binary", "x.pt.json", ""}) {
    CAPTURE(path);
    CHECK(pickle_suffix(path).empty());
  }
}

TEST_CASE("pickles of protocols 2 to 5 are told by their first bytes") {
  CHECK(found_in("\x80\x02}q\0X\1\0\0\0aq\1K\1s."s) == "a pickle (protocol 2)");
  CHECK(found_in("\x80\x03}q\0."s) == "a pickle (protocol 3)");
  CHECK(found_in("\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94."s) == "a pickle (protocol 4)");
  CHECK(found_in("\x80\x05N."s) == "a pickle (protocol 5)");
}

TEST_CASE("a file that torch wrote before its zip format is a pickle") {
  CHECK(found_in("\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."s) ==
        "a pickle (protocol 2)");
}

TEST_CASE("a safetensors file whose header's length begins like a pickle is none") {
  for (const auto low : {'\0', '\1', '\2', '\3', '\4', '\5'}) {
    const auto length = "\x80"s + low + std::string(6, '\0');
    CHECK(found_in(length + "{\"a\":{}}").empty());
  }
}

TEST_CASE("what is short, text or of another format is no pickle") {
  for (const auto& text : {""s, "\x80"s, "\x80\x02"s, "{}"s, "\x80\x06}q"s, "\x80\x02\xff"s, "GGUF\3\0\0\0"s,
                           "version https://git-lfs.github.com/spec/v1\n"s}) {
    CHECK(found_in(text).empty());
  }
}

TEST_CASE("a zip archive is a pickle if its directory names one, in any case") {
  CHECK(found_in(test::zip_of({"archive/data.pkl", "archive/data/0"})) ==
        "a zip archive with the pickle archive/data.pkl");
  CHECK(found_in(test::zip_of({"archive/version", "archive/DATA.PKL"}, true)) ==
        "a zip archive with the pickle archive/DATA.PKL");
  CHECK(found_in(test::zip_of({"data.pkl\0.txt"s})) == "a zip archive with the pickle data.pkl");
  CHECK(found_in(test::zip_of({"x.pickle"}, false, "a comment")) == "a zip archive with the pickle x.pickle");
}

TEST_CASE("a zip archive in order, without a pickle, is none") {
  CHECK(found_in(test::zip_of({"a.npy", "b.npy"})).empty());
  CHECK(found_in(test::zip_of({"a.npy", "pickle", "data.pkl.txt"}, true, "about data.pkl")).empty());
  CHECK(found_in(test::zip_of({})).empty());
}

TEST_CASE("a directory of many entries is read to its end") {
  std::vector<std::string> names(5000, std::string(100, 'x'));
  CHECK(found_in(test::zip_of(names)).empty());
  names.push_back("data.pkl");
  CHECK(found_in(test::zip_of(names, true)) == "a zip archive with the pickle data.pkl");
}

TEST_CASE("an archive that its readers could read in two ways counts as a pickle") {
  const auto good = test::zip_of({"a.npy"});
  CHECK(found_in(good + "trailing") == broken);
  CHECK(found_in(good.substr(0, good.size() - 1)) == broken);
  CHECK(found_in("PK\3\4 and no directory") == broken);
  const auto wide = test::zip_of({"a.npy"}, true);
  const auto altered = [](std::string text, std::size_t from_end, char value) {
    text[text.size() - from_end] = value;
    return text;
  };
  CHECK(found_in(altered(good, 22 - 10, 2)) == broken);            // the number of entries
  CHECK(found_in(altered(good, 22 - 12, 1)) == broken);            // the directory's size
  CHECK(found_in(altered(good, 22 - 16, 1)) == broken);            // ... and place
  CHECK(found_in(altered(good, 22 - 4, 1)) == broken);             // the number of the part
  CHECK(found_in(altered(wide, 22 + 20 - 8, 1)) == broken);        // where the wide record is
  CHECK(found_in(altered(wide, 22 + 20 + 56 - 40, 1)) == broken);  // the directory's size there
  CHECK(found_in(altered(wide, 22 - 12, 1)) == broken);            // two sizes
}

TEST_CASE("a NumPy array of objects is pickled, one of numbers is not") {
  const auto npy = [](const std::string& type) {
    const auto header = "{'fortran_order': False,\n 'descr': " + type + ", 'shape': (1,), }\n";
    return "\x93NUMPY\1\0"s + static_cast<char>(header.size()) + '\0' + header + "\x80\x04N.";
  };
  for (const auto* objects :
       {"'|O'", "'O8'", "'<O'", "'object'", "'i4,O'", "'\\x4f'", "[('a', '<f8'), ('b', '|O')]"}) {
    CAPTURE(objects);
    CHECK(found_in(npy(objects)) == "a NumPy array of pickled objects");
  }
  CHECK(found_in(npy("'<f4'")).empty());
  CHECK(found_in(npy("[('Owner', '<f8')]")).empty());
}

TEST_CASE("of a large content only a few bytes are read") {
  std::size_t read = 0;
  CHECK(found_in(std::string(1'000'000, 'x'), &read).empty());
  CHECK(read <= 64);
}

TEST_CASE("a content that cannot be read is not taken for one in order") {
  const hubcache::content_reader fails = [](std::uint64_t offset, std::span<std::byte> into) {
    if (offset > 0) return std::size_t{0};
    const auto text = hubcache::as_byte_view("PK\3\4");
    std::copy(text.begin(), text.end(), into.begin());
    return text.size();
  };
  CHECK(hubcache::find_pickle(1'000'000, fails) == broken);
}
