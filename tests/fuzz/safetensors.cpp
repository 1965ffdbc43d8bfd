#include <hubcache/format/safetensors.hpp>

#include <algorithm>
#include <string>

#include "require.hpp"

namespace {

using hubcache::as_byte_view;
using hubcache::read_safetensors;

/// The tensors fill the file behind the header.
void check(const hubcache::safetensors_header& header, std::uint64_t file_size) {
  auto end = header.data_offset;
  for (const auto& tensor : header.tensors) {
    fuzz::require(tensor.offset == end && !tensor.type.empty());
    end += tensor.size;
  }
  fuzz::require(end == file_size && hubcache::parameter_count(header.tensors) <= 2 * file_size);
}

}  // namespace

// First the bytes as they are, in a file of 1 KiB more; then two bytes for the size of the data, and the JSON.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto raw = read_safetensors(as_byte_view(text), size + 1024);
  if (raw.header) check(*raw.header, size + 1024);
  fuzz::require(raw.needed == 0 || raw.needed > size);
  if (size < 2) return 0;

  const auto json = text.substr(2);
  const std::uint64_t behind = data[0] + 256U * data[1];
  std::string file;
  for (unsigned i = 0; i < 8; ++i) file += static_cast<char>(json.size() >> (8 * i) & 0xFFU);
  file += json;
  const auto file_size = file.size() + behind;
  const auto result = read_safetensors(as_byte_view(file), file_size);
  fuzz::require(result.needed == 0 && result.header.has_value() == result.problem.empty());
  if (result.header) check(*result.header, file_size);
  for (const auto n : {std::size_t{0}, std::size_t{7}, file.size() - 1}) {
    const auto part = read_safetensors(as_byte_view(file).first(n), file_size);
    fuzz::require(!part.header && part.problem.empty() && part.needed > n && part.needed <= file.size());
  }
  return 0;
}
