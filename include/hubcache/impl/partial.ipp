#pragma once

#include <hubcache/os/lock.hpp>
#include <hubcache/store/partial.hpp>

#include <algorithm>
#include <memory>
#include <new>
#include <span>

namespace hubcache::inline v0_1 {

namespace detail {

inline constexpr std::size_t hash_block = 1024 * 1024;

}  // namespace detail

HUBCACHE_DECL std::shared_ptr<partial> partial::open(const std::string& path, const content& what,
                                                     const hash_set_ref& hashes, std::error_code& ec) {
  std::shared_ptr<partial> result(new partial(what, hashes));
  result->path_ = path;
  result->file_ = os::open_or_create(path, 0644, ec);
  if (ec == std::errc::permission_denied ||
      (!ec && os::status(result->file_, ec).owner != os::effective_user())) {
    // Another user's leftover: what we publish must be ours, so that nobody else can write to it.
    os::remove(path, ec);
    if (!ec) result->file_ = os::create_new(path, 0644, ec);
  }
  if (ec) return nullptr;
  if (os::try_lock(result->file_, path, os::lock_mode::exclusive, ec) != os::lock_outcome::granted)
    return nullptr;
  const auto size = os::status(result->file_, ec).identity.size;
  if (!ec && size > what.size) os::resize(result->file_, 0, ec);
  if (!ec) os::reserve(result->file_, what.size, ec);
  if (ec) return nullptr;
  result->resumed_ = size > what.size ? 0 : size;
  result->written_ = result->resumed_;
  return result;
}

HUBCACHE_DECL void partial::write(byte_view bytes, std::uint64_t offset) {
  if (failure()) return;  // bytes after a gap would count as safe in the next run
  std::error_code ec;
  os::write_at(file_, bytes, offset, ec);
  if (ec) return fail(ec);
  bool warm = false;
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return;
    warm = !hashing_ && hashed_ == offset;
    hashing_ = hashing_ || warm;
    written_ = offset + bytes.size();
  }
  if (!warm) return;  // catch_up() reads these bytes back
  hash_.update(bytes);
  const std::lock_guard lock(mutex_);
  hashed_ = offset + bytes.size();
  hashing_ = false;
}

HUBCACHE_DECL void partial::catch_up(const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    if (resumed_ == 0) return;  // the hash is at the frontier, and every write() takes it along
  }
  // A job must not throw, not even for lack of memory.
  const std::unique_ptr<std::byte[]> memory(new (std::nothrow) std::byte[detail::hash_block]);
  const std::span<std::byte> block(memory.get(), memory ? detail::hash_block : 0);
  std::error_code ec;
  if (!memory) fail(std::make_error_code(std::errc::not_enough_memory));
  for (;;) {
    std::uint64_t from = 0;
    std::size_t n = 0;
    {
      std::unique_lock lock(mutex_);
      if (stop.stop_requested() && !failure_) failure_ = std::make_error_code(std::errc::operation_canceled);
      hashing_ = hashed_ < written_ && !failure_;
      if (!hashing_) {
        auto waiter = take_waiter();
        lock.unlock();
        if (waiter) waiter();
        return;
      }
      from = hashed_;
      n = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), written_ - hashed_));
    }
    const auto got = os::read_at(file_, block.first(n), from, ec);
    if (!ec && got < n) ec = std::make_error_code(std::errc::io_error);  // somebody shortened the file
    if (ec) {
      fail(ec);
      continue;
    }
    hash_.update(block.first(n));
    const std::lock_guard lock(mutex_);
    hashed_ += n;
  }
}

HUBCACHE_DECL job partial::take_waiter() {
  if (hashing_ || (hashed_ < written_ && !failure_)) return {};
  return std::move(waiter_);
}

HUBCACHE_DECL void partial::when_hashed(job done) {
  std::unique_lock lock(mutex_);
  waiter_ = std::move(done);
  auto waiter = take_waiter();
  lock.unlock();
  if (waiter) waiter();
}

HUBCACHE_DECL void partial::fail(const std::error_code& ec) {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = ec;
}

HUBCACHE_DECL std::error_code partial::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

HUBCACHE_DECL digest partial::finish() { return hash_.finish(); }

HUBCACHE_DECL void partial::restart(std::error_code& ec) {
  os::resize(file_, 0, ec);
  const std::lock_guard lock(mutex_);
  hash_ = hashes_.make(what_.name.algorithm(), what_.size);
  resumed_ = written_ = hashed_ = 0;
  failure_.clear();
}

HUBCACHE_DECL std::uint64_t partial::frontier() const {
  const std::lock_guard lock(mutex_);
  return written_;
}

}  // namespace hubcache::inline v0_1
