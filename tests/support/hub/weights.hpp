#pragma once
/// @file
/// Weight files of any size: a true header, and numbers that are none.

#include <cstdint>
#include <string_view>

#include "support/hub/file_content.hpp"

namespace embedded {

inline constexpr std::uint64_t layers_per_file = 4;

/// `size` bytes in the format that `path` ends in: .safetensors (F16 if the name says fp16, else F32) or .gguf (F16)
/// with layers_per_file tensors, model.layers.N.weight from `first_layer` on, that fill the file; bytes without meaning for other names, and where
/// there is no room for a header (under 4 KiB).
[[nodiscard]] file_content weights_for(std::string_view path, std::uint64_t seed, std::uint64_t size,
                                       std::uint64_t first_layer = 0);

}  // namespace embedded
