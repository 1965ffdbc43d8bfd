#pragma once
/// @file
/// What has become of the contents that a run fetches: which failure is told, and whether the others go on.

#include <hubcache/error.hpp>
#include <hubcache/run_state.hpp>

#include <memory>

namespace hubcache::inline v0_1::detail {

/// Shared by all fetches of one run, on its executor.
class fetch_results {
 public:
  explicit fetch_results(run_state& run) : run_(run) {}

  /// The step `i` was published, or could not be.
  HUBCACHE_DECL void published(std::size_t i, const placed_content& placed);
  /// The worst failure is kept. One that concerns more than its file stops the others.
  /// @throws error `failure` itself if the run is cancelled
  HUBCACHE_DECL void failed(const error& failure);
  /// Whether nothing more is to be begun.
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }
  /// @throws error the worst failure, if there was one
  HUBCACHE_DECL void rethrow() const;

 private:
  run_state& run_;
  std::shared_ptr<const error> worst_;
  bool stopped_ = false;
};

}  // namespace hubcache::inline v0_1::detail

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/run_results.ipp>
#endif
