#pragma once
/// @file
/// The contract of hash policies.

/// @concept hubcache::hash_policy
/// Makes the hasher for a content; the policy of a cache.
///
/// Notation: P the type, p a const lvalue of P, a a `digest_algorithm`, n a size in bytes.
///
/// | expression    | returns      | requirement |
/// |---------------|--------------|---------------------------------------------------------------------------|
/// | p.make(a, n)  | `any_hasher` | A hasher whose finish() names a content of n bytes by a: plain SHA-256, |
/// |               |              | or git's blob SHA-1. May throw, as the construction of a hasher may. |
///
/// Thread safety: distinct calls on one object are safe. Models: hash_set<Sha256, Sha1>, any_hash_policy, hash_set_ref.
/// tests/conformance/hash_policy.hpp tests a model.

#include <hubcache/fwd.hpp>
#include <hubcache/hash/git_blob.hpp>
#include <hubcache/hash/hasher.hpp>
#include <hubcache/hash/lane_hasher.hpp>
#include <hubcache/hash/multi_buffer.hpp>
#include <hubcache/hash/openssl.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace hubcache::inline v0_1 {

/// Owns some hasher: what lies above a `hash_policy` is compiled once. One indirect call per update.
class any_hasher {
 public:
  /// Owns `model`.
  template <class H>
  requires(!std::is_same_v<H, any_hasher>) explicit any_hasher(H model)
      : self_(std::make_unique<model_of<H>>(std::move(model))) {}

  /// As hasher says.
  void update(byte_view bytes) noexcept { self_->update(bytes); }
  /// Of all updates. Afterwards this is as if newly made.
  [[nodiscard]] digest finish() noexcept { return self_->finish(); }

  /// How many streams like this one update_many() takes faster than one after another; {1, 1} if it is no
  /// lane_hasher. May measure when first called.
  [[nodiscard]] lane_range lanes() const noexcept { return self_->lanes(); }
  /// Whether update_many() takes both together.
  [[nodiscard]] bool is_like(const any_hasher& other) const noexcept {
    const interface &mine = *self_, &its = *other.self_;
    return typeid(mine) == typeid(its);
  }
  /// For each i as streams[i]->update({bytes[i], size}), in lanes if that is faster. @pre the streams are
  /// distinct, all like each other, and at most most_lanes.
  static void update_many(std::span<any_hasher* const> streams, std::span<const std::byte* const> bytes,
                          std::size_t size) noexcept {
    if (streams.size() == 1) return streams.front()->update({bytes.front(), size});
    if (!streams.empty()) streams.front()->self_->update_many(streams, bytes, size);
  }

 private:
  struct interface {
    interface() = default;
    interface(const interface&) = delete;
    interface& operator=(const interface&) = delete;
    virtual ~interface() = default;
    virtual void update(byte_view bytes) noexcept = 0;
    virtual digest finish() noexcept = 0;
    [[nodiscard]] virtual lane_range lanes() const noexcept = 0;
    virtual void update_many(std::span<any_hasher* const> streams, std::span<const std::byte* const> bytes,
                             std::size_t size) noexcept = 0;
  };
  template <class H>
  struct model_of final : interface {
    explicit model_of(H h) : model(std::move(h)) {}
    void update(byte_view bytes) noexcept override { model.update(bytes); }
    digest finish() noexcept override { return model.finish(); }
    lane_range lanes() const noexcept override {
      if constexpr (lane_hasher<H>) return H::lanes();
      return {};
    }
    void update_many(std::span<any_hasher* const> streams, std::span<const std::byte* const> bytes,
                     std::size_t size) noexcept override {
      if constexpr (lane_hasher<H>) {
        std::array<H*, most_lanes> models;
        for (std::size_t i = 0; i < streams.size(); ++i) {
          models[i] = &static_cast<model_of&>(*streams[i]->self_).model;
        }
        H::update_many(std::span(models).first(streams.size()), bytes, size);
      } else {
        for (std::size_t i = 0; i < streams.size(); ++i) streams[i]->update({bytes[i], size});
      }
    }
    H model;
  };

  std::unique_ptr<interface> self_;
};

template <class P>
concept hash_policy = requires(const P& p, digest_algorithm algorithm, std::uint64_t size) {
  { p.make(algorithm, size) } -> std::same_as<any_hasher>;
};

/// Picks by algorithm. Has no state.
template <class Sha256, class Sha1>
class hash_set {
  static_assert(hasher<Sha256> && hasher<Sha1>,
                "a hash_set is made of hashers: see docs/extending/hash.md");
  static_assert(Sha256::algorithm == digest_algorithm::sha256, "the first hasher of a hash_set is a SHA-256");
  static_assert(Sha1::algorithm == digest_algorithm::git_sha1, "the second hasher of a hash_set is a SHA-1");

 public:
  /// As hash_policy says.
  [[nodiscard]] any_hasher make(digest_algorithm algorithm, std::uint64_t size) const {
    if (algorithm == digest_algorithm::sha256) return any_hasher(Sha256{});
    return any_hasher(git_blob_hasher<Sha1>(size));
  }
};

static_assert(hash_policy<default_hashes>);

/// A non-owning reference to any `hash_policy`. Cheap to copy.
class hash_set_ref {
 public:
  /// Refers to `policy`.
  template <hash_policy P>
  requires(!std::is_same_v<P, hash_set_ref>) hash_set_ref(const P& policy)
  noexcept  // NOLINT: a reference wrapper
      : self_(std::addressof(policy)),
        make_([](const void* self, digest_algorithm algorithm, std::uint64_t size) {
          return static_cast<const P*>(self)->make(algorithm, size);
        }) {}

  /// @param size Of the whole content, in bytes.
  [[nodiscard]] any_hasher make(digest_algorithm algorithm, std::uint64_t size) const {
    return make_(self_, algorithm, size);
  }

 private:
  const void* self_;
  any_hasher (*make_)(const void*, digest_algorithm, std::uint64_t);
};

}  // namespace hubcache::inline v0_1
