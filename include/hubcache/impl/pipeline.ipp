#pragma once

#include <hubcache/fetch/on_workers.hpp>
#include <hubcache/pipeline.hpp>

#include <stop_token>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// Where the pipelines of `planned` are, given the snapshots in `brought`.
HUBCACHE_DECL pipelines pipelines_in(const std::vector<planned_pipeline>& planned, bundle brought) {
  pipelines result;
  result.bundle = std::move(brought);
  for (const auto& one : planned) {
    auto& found = result.all.emplace_back();
    found.part = one.part;
    found.path = result.bundle.parts[one.part].path;
    for (const auto& component : one.components) {
      const auto& from = result.bundle.parts[component.part];
      auto& place = found.components[component.said.name];
      place.dir = component.folder.empty() ? from.path : from.path_of(component.folder);
      for (const auto& file : component.files) place.files.push_back(from.path_of(file));
    }
  }
  return result;
}

}  // namespace detail

HUBCACHE_DECL asio::awaitable<pipelines> run(services with, pipeline_plan what) {
  auto brought = co_await run(with, std::move(what.bundle));
  co_return detail::pipelines_in(what.pipelines, std::move(brought));
}

HUBCACHE_DECL pipelines preview(const pipeline_plan& what) {
  return detail::pipelines_in(what.pipelines, preview(what.bundle));
}

HUBCACHE_DECL asio::awaitable<assembly_report> assemble(services with, assembly what) {
  auto work = [what = std::move(what), with](const std::stop_token& stop) {
    return assemble(what, with.config, with.links, with.hashes, with.index, stop);
  };
  co_return co_await on_workers(with.pool, std::move(work));
}

}  // namespace hubcache::inline v0_1
