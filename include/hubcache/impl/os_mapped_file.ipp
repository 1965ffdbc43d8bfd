#pragma once

#include <hubcache/os/mapped_file.hpp>

#include <cerrno>
#include <sys/mman.h>

namespace hubcache::inline v0_1::os {

HUBCACHE_DECL mapped_file mapped_file::map(const descriptor& file, std::size_t size, std::error_code& ec,
                                           read_order order) noexcept {
  mapped_file result;
  ec.clear();
  if (size == 0) return result;
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) {
    ec.assign(errno, std::system_category());
    return result;
  }
  if (order == read_order::none) ::madvise(data, size, MADV_RANDOM);
  result.data_ = static_cast<const std::byte*>(data);
  result.size_ = size;
  return result;
}

HUBCACHE_DECL mapped_file::~mapped_file() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace hubcache::inline v0_1::os
