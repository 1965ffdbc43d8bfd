#pragma once

#include <hubcache/os/lock.hpp>
#include <hubcache/store/partial.hpp>
#include <hubcache/store/partial_journal.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// What is read back at a time: small, for many files may do so at once.
inline constexpr std::size_t read_back_block = 256 * 1024;

}  // namespace detail

HUBCACHE_DECL partial::partial(std::string path, const content& what, digest_queue digests)
    : what_(what),
      path_(std::move(path)),
      digests_(std::move(digests)),
      stream_(digests_.open(what.name.algorithm(), what.size)) {}

HUBCACHE_DECL std::shared_ptr<partial> partial::open(const std::string& path, const content& what,
                                                     digest_queue digests, std::error_code& ec) {
  std::shared_ptr<partial> result(new partial(path, what, std::move(digests)));
  auto& file = result->file_;
  file = os::open_or_create(path, 0644, ec);
  const auto found = ec ? os::file_status() : os::status(file, ec);
  if (ec == std::errc::permission_denied ||
      (!ec && (found.owner != os::effective_user() || found.links > 1))) {
    // Another user's leftover: what we publish must be ours, so that nobody
    // else can write to it. Or a file that has a name elsewhere, too, where
    // our bytes do not belong.
    os::remove(path, ec);
    if (!ec) file = os::create_new(path, 0644, ec);
  }
  if (ec) return nullptr;
  const auto lock = os::try_lock(file, path, os::lock_mode::exclusive, ec);
  if (lock == os::lock_outcome::unsupported) {
    result->use_own_file(ec);
  } else if (lock != os::lock_outcome::granted) {
    return nullptr;
  }
  if (!ec) result->resume(ec);
  if (!ec) os::reserve(file, what.size, ec);
  if (ec) {
    // What was reserved before the space ran out is of no use here, but to others.
    std::error_code ignored;
    const auto length = os::status(file, ignored).identity.size;
    if (!ignored) os::resize(file, length, ignored);
    return nullptr;
  }
  result->catch_up();
  return result;
}

HUBCACHE_DECL partial::~partial() {
  std::error_code ignored;
  if (shared_path_.empty()) return;
  const auto here = os::status(path_, ignored).identity;
  if (ignored || here != os::status(file_, ignored).identity) return;  // published, or not ours
  if (here.size > 0) {
    os::rename(path_, shared_path_, ignored);
  } else {
    os::remove(path_, ignored);
  }
}

HUBCACHE_DECL void partial::use_own_file(std::error_code& ec) {
  const auto shared = path_;
  path_.append(".").append(os::random_hex(8)).append(".incomplete");
  os::rename(shared, path_, ec);  // of several processes one gets it
  if (ec) file_ = os::create_new(path_, 0644, ec);
  if (!ec) shared_path_ = shared;
}

HUBCACHE_DECL void partial::resume(std::error_code& ec) {
  const auto length = os::status(file_, ec).identity.size;
  if (ec) return;
  if (length <= what_.size) {
    there_.add({0, length});
  } else {
    std::array<std::byte, partial_journal_size> page{};
    const auto n = os::read_at(file_, page, partial_journal_offset(what_.size), ec);
    auto read = ec ? std::nullopt : read_partial_journal(std::span(page).first(n), what_.size);
    journalled_ = read.has_value();
    if (read) there_ = std::move(*read);
    if (!ec && !journalled_) os::resize(file_, 0, ec);
    if (!ec && there_.frontier() == what_.size) os::resize(file_, what_.size, ec);
  }
  resumed_ = there_.total();
}

HUBCACHE_DECL std::error_code partial::write_journal() {
  std::error_code ec;
  const auto text = write_partial_journal(there(), what_.size);
  os::write_at(file_, as_byte_view(text), partial_journal_offset(what_.size), ec);
  return ec;
}

HUBCACHE_DECL bool partial::leaves_gap(std::uint64_t offset) const {
  const std::lock_guard lock(mutex_);
  return offset != there_.frontier();
}

/// On disk the journal never tells of bytes that are not there, and the length
/// of a file with gaps is never without it.
HUBCACHE_DECL std::error_code partial::put(byte_view bytes, std::uint64_t offset) {
  std::error_code ec;
  if (!journalled_ && leaves_gap(offset)) {
    if ((ec = write_journal())) return ec;
    journalled_ = true;
  }
  os::write_at(file_, bytes, offset, ec);
  if (ec) return ec;
  bool complete = false;
  {
    const std::lock_guard lock(mutex_);
    there_.add({offset, offset + bytes.size()});
    complete = there_.frontier() == what_.size;
  }
  if (!journalled_) return ec;
  if (!complete) return write_journal();
  os::resize(file_, what_.size, ec);
  return ec;
}

HUBCACHE_DECL void partial::write(byte_view bytes, std::uint64_t offset, job done) {
  if (!failure()) {
    if (const auto ec = put(bytes, offset)) fail(ec);
  }
  std::unique_lock lock(mutex_);
  const bool warm = !failure_ && !reading_ && queued_ == offset;
  if (warm) queued_ += bytes.size();
  const auto round = round_;
  lock.unlock();
  if (warm) {
    // Whoever waits for the hash may be gone; then the bytes are let go all the
    // same.
    stream_.append(bytes,
                   [weak = weak_from_this(), n = bytes.size(), round, done = std::move(done)]() mutable {
                     done();
                     if (const auto self = weak.lock()) self->hashed(n, round);
                   });
  } else {
    done();
  }
  catch_up();  // these bytes may have closed a gap
}

HUBCACHE_DECL void partial::catch_up() {
  std::unique_lock lock(mutex_);
  if (reading_ || failure_ || queued_ >= there_.frontier()) return;
  reading_ = true;
  const auto round = round_;
  lock.unlock();
  read_back(round);
}

HUBCACHE_DECL void partial::read_back(std::uint64_t round) {
  std::unique_lock lock(mutex_);
  if (round != round_) return;
  const auto n =
      static_cast<std::size_t>(std::min<std::uint64_t>(detail::read_back_block, there_.frontier() - queued_));
  reading_ = n > 0 && !failure_;
  if (!reading_) return wake(std::move(lock));
  const auto at = std::exchange(queued_, queued_ + n);
  auto stream = stream_;
  lock.unlock();

  std::error_code ec;
  std::unique_ptr<std::byte[]> block(new (std::nothrow) std::byte[n]);  // a job must not throw
  if (!block) {
    ec = std::make_error_code(std::errc::not_enough_memory);
  } else if (os::read_at(file_, {block.get(), n}, at, ec) < n && !ec) {
    ec = std::make_error_code(std::errc::io_error);  // somebody shortened the file
  }
  if (ec) {
    lock.lock();
    if (round != round_) return;
    if (!failure_) failure_ = ec;
    reading_ = false;
    queued_ = at;
    return wake(std::move(lock));
  }
  const byte_view bytes(block.get(), n);
  stream.append(bytes, [weak = weak_from_this(), block = std::move(block), n, round]() mutable {
    block.reset();
    const auto self = weak.lock();
    if (!self) return;
    self->hashed(n, round);
    self->read_back(round);
  });
}

HUBCACHE_DECL void partial::hashed(std::uint64_t bytes, std::uint64_t round) {
  std::unique_lock lock(mutex_);
  if (round != round_) return;
  hashed_ += bytes;
  wake(std::move(lock));
}

HUBCACHE_DECL void partial::wake(std::unique_lock<std::mutex> lock) {
  const bool busy = reading_ || hashed_ < queued_;
  if (busy || (queued_ < there_.frontier() && !failure_) || !waiter_) return;
  auto waiter = std::move(waiter_);
  waiter_ = {};
  lock.unlock();
  waiter();
}

HUBCACHE_DECL void partial::when_hashed(job done) {
  std::unique_lock lock(mutex_);
  waiter_ = std::move(done);
  wake(std::move(lock));
}

HUBCACHE_DECL void partial::fail(const std::error_code& ec) {
  std::unique_lock lock(mutex_);
  if (!failure_) failure_ = ec;
  wake(std::move(lock));
}

HUBCACHE_DECL std::error_code partial::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

HUBCACHE_DECL byte_ranges partial::there() const {
  const std::lock_guard lock(mutex_);
  return there_;
}

HUBCACHE_DECL digest partial::finish() { return stream_.finish(); }

HUBCACHE_DECL void partial::restart(std::error_code& ec) {
  os::resize(file_, 0, ec);
  auto fresh = digests_.open(what_.name.algorithm(), what_.size);
  const std::lock_guard lock(mutex_);
  stream_ = std::move(fresh);
  there_ = {};
  queued_ = hashed_ = 0;
  reading_ = journalled_ = false;
  resumed_ = 0;
  ++round_;
  failure_.clear();
}

}  // namespace hubcache::inline v0_1
