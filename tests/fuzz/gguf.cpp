#include <hubcache/format/gguf.hpp>

#include <bit>

#include "require.hpp"

namespace {

/// The tensors lie behind the header, aligned and apart, and the arrays within it.
void check(const hubcache::gguf_header& header, std::uint64_t file_size) {
  fuzz::require(std::has_single_bit(header.alignment) && header.data_offset % header.alignment == 0);
  auto end = header.data_offset;
  for (const auto& tensor : header.tensors) {
    fuzz::require(tensor.offset >= end && (tensor.offset - header.data_offset) % header.alignment == 0);
    end = tensor.offset + tensor.size;
    fuzz::require(end >= tensor.offset && end <= file_size);
  }
  for (const auto& [key, value] : header.metadata) {
    fuzz::require(!key.empty());
    if (const auto* const array = std::get_if<hubcache::gguf_array>(&value)) {
      fuzz::require(array->offset + array->size <= header.data_offset);
    }
  }
}

}  // namespace

// The first bytes of a file of 4 KiB more. Whoever reads it step by step, as far as each step asks, ends where one
// ends who reads it at once.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  const auto bytes = as_byte_view(fuzz::as_text(data, size));
  const auto file_size = size + 4096;
  const auto whole = read_gguf(bytes, file_size);
  if (whole.header) check(*whole.header, file_size);
  fuzz::require(whole.needed == 0 || (whole.needed > size && whole.needed <= file_size));
  fuzz::require(whole.header.has_value() == (whole.needed == 0 && whole.problem.empty()));

  auto part = read_gguf({}, file_size);
  while (part.needed != 0 && part.needed <= size) {
    const auto next = read_gguf(bytes.first(static_cast<std::size_t>(part.needed)), file_size);
    fuzz::require(next.needed == 0 || next.needed > part.needed);
    part = next;
  }
  fuzz::require(part.needed == whole.needed && part.problem == whole.problem);
  // Not all of the header: a NaN among the metadata equals nothing.
  fuzz::require(part.header.has_value() == whole.header.has_value());
  if (whole.header) fuzz::require(part.header->tensors == whole.header->tensors);
  return 0;
}
