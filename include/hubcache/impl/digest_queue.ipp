#pragma once

#include <hubcache/work/digest_queue.hpp>

namespace hubcache::inline v0_1 {

struct digest_queue::state {
  state(workers& w, const hash_set_ref& h) : pool(w), hashes(h) {}
  workers& pool;
  hash_set_ref hashes;
};

struct digest_queue::stream::state {
  state(workers& pool, any_hasher h) : queue(pool), hash(std::move(h)) {}
  serial_queue queue;
  any_hasher hash;
};

HUBCACHE_DECL void digest_queue::stream::append(byte_view bytes, job done) {
  state_->queue.post([self = state_, bytes, done = std::move(done)]() mutable {
    self->hash.update(bytes);
    done();
  });
}

HUBCACHE_DECL digest digest_queue::stream::finish() { return state_->hash.finish(); }

HUBCACHE_DECL digest_queue::digest_queue(workers& pool, const hash_set_ref& hashes)
    : state_(std::make_shared<state>(pool, hashes)) {}

HUBCACHE_DECL digest_queue::stream digest_queue::open(digest_algorithm algorithm, std::uint64_t size) {
  return stream(std::make_shared<stream::state>(state_->pool, state_->hashes.make(algorithm, size)));
}

}  // namespace hubcache::inline v0_1
