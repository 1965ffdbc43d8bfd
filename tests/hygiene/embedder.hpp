#pragma once
// A header of a program that embeds hubcache: it names types, and costs those who include it next to nothing.

#include <hubcache/fwd.hpp>

#include <memory>

class model_store {
 public:
  /// Has a cache of its own.
  explicit model_store(const hubcache::settings& config);
  /// Uses one that outlives this.
  explicit model_store(hubcache::cache& shared);
  model_store(const model_store&) = delete;
  model_store& operator=(const model_store&) = delete;
  ~model_store();

  /// Whether a file of a repo is here.
  [[nodiscard]] bool has(const hubcache::repo& which, const hubcache::snapshot_options& options) const;
  [[nodiscard]] hubcache::plan plan(hubcache::repo which);

 private:
  std::unique_ptr<hubcache::cache> own_;
  hubcache::cache& cache_;
};
