#pragma once

#include <hubcache/run_jobs.hpp>
#include <hubcache/run_results.hpp>

namespace hubcache::inline v0_1::detail {

HUBCACHE_DECL void fetch_results::published(std::size_t i, const placed_content& placed) {
  const auto& step = run_.what->steps[i];
  if (placed.objection) return failed(objection_error(*run_.what, step.file, *placed.objection));
  if (placed.failure) {
    error_context context;
    context.repo = run_.what->repo.display();
    context.file = step.file;
    return failed(error(disk_errc(placed.failure), "cannot publish the file: " + placed.failure.message(),
                        std::move(context)));
  }
  run_.steps[i].placed = placed;
  events::fetched news;
  news.file = step.file;
  news.bytes = step.what.size;
  run_.with.observer(news);
}

HUBCACHE_DECL void fetch_results::failed(const error& failure) {
  const auto concerns_one_file = [](const error& e) {
    return e.reason() == errc::digest_mismatch || e.reason() == errc::size_mismatch ||
           e.reason() == errc::file_not_found;
  };
  if (!worst_ || (concerns_one_file(*worst_) && !concerns_one_file(failure))) {
    worst_ = std::make_shared<const error>(failure);
  }
  if (failure.reason() == errc::cancelled) throw failure;
  stopped_ = stopped_ || !concerns_one_file(failure);
}

HUBCACHE_DECL void fetch_results::rethrow() const {
  if (worst_) throw *worst_;
}

}  // namespace hubcache::inline v0_1::detail
