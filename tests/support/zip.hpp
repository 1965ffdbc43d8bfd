#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace test {

/// `value` as `width` little-endian bytes.
inline std::string little(std::uint64_t value, std::size_t width) {
  std::string bytes;
  for (std::size_t i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

/// A zip archive of empty files with these names; with `zip64` it has the wide end records, as torch writes them.
inline std::string zip_of(const std::vector<std::string>& names, bool zip64 = false,
                          std::string_view comment = "") {
  std::string text;
  std::string directory;
  for (const auto& name : names) {
    const auto at = text.size();
    const auto shared = little(20, 2) + std::string(20, '\0') + little(name.size(), 2) + little(0, 2);
    text += "PK\3\4" + shared + name;
    directory += "PK\1\2" + little(20, 2) + shared + std::string(10, '\0') + little(at, 4) + name;
  }
  const auto begin = text.size();
  text += directory;
  if (zip64) {
    const auto record = text.size();
    text += "PK\6\6" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) +
            little(names.size(), 8) + little(names.size(), 8) + little(directory.size(), 8) +
            little(begin, 8);
    text += "PK\6\7" + little(0, 4) + little(record, 8) + little(1, 4);
  }
  text += "PK\5\6" + little(0, 4) + little(names.size(), 2) + little(names.size(), 2) +
          little(directory.size(), 4) + little(begin, 4) + little(comment.size(), 2);
  return text.append(comment);
}

}  // namespace test
