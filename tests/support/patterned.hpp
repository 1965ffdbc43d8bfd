#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace test {

/// `size` bytes that repeat no short pattern; the same in every run.
inline std::string patterned(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t word = 1;
  for (char& c : bytes) {
    word = word * 1664525U + 1013904223U;
    c = static_cast<char>(word >> 24U);
  }
  return bytes;
}

}  // namespace test
