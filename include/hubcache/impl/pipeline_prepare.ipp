#pragma once

#include <hubcache/impl/pipeline_connected.ipp>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL void refuse_unfit_options(const pipeline_request& asked) {
  const auto& options = asked.options.snapshot;
  if (options.allow || !options.ignore.empty() || !options.files.empty() || options.lock || options.mapping) {
    throw error(errc::invalid_argument,
                "the files of a pipeline are chosen by its index: patterns, files, locks and mappings "
                "cannot be given",
                error_context{}.with_repo(asked.repo.display()));
  }
}

/// A local folder takes files of one commit.
/// @param asked  how many of the pipelines were asked for
/// @throws error errc::invalid_argument
HUBCACHE_DECL void refuse_scattered(const pipeline_drafts& all, const std::vector<part_draft>& parts,
                                    std::size_t asked) {
  for (const auto& part : parts) {
    const auto& own = part.draft.what;
    if (!own.local()) continue;
    std::string others;
    bool connected = false;
    for (std::size_t k = 0; k < parts.size(); ++k) {
      const auto& what = parts[k].draft.what;
      if (what.view != own.view || (what.repo == own.repo && what.listing.commit == own.listing.commit))
        continue;
      for (auto i = asked; i < all.pipelines.size(); ++i) connected |= all.pipelines[i].planned.part == k;
      const auto wanter = all.wanter_of(what.repo.display());
      others +=
          (others.empty() ? "" : ", ") + what.repo.display() + (wanter.empty() ? "" : " (" + wanter + ")");
    }
    if (others.empty()) continue;
    throw error(
        errc::invalid_argument,
        "a local folder holds files of one repo, and others are needed: " + others +
            (connected
                 ? ". Leave the local folder out, or fetch each pipeline by itself into a folder of its own"
                 : ". Leave the local folder out; an assembly makes one directory of them all"),
        context_of(own));
  }
}

/// The numbers of the parts of `made` that have these views: there, each view is one part.
HUBCACHE_DECL std::vector<std::size_t> numbers_in(const bundle_plan& made,
                                                  const std::vector<std::string>& views) {
  std::vector<std::size_t> numbers;
  for (const auto& view : views) {
    const auto at = std::find_if(made.parts.begin(), made.parts.end(),
                                 [&view](const bundle_part& part) { return part.what.view == view; });
    numbers.push_back(static_cast<std::size_t>(at - made.parts.begin()));
  }
  return numbers;
}

HUBCACHE_DECL asio::awaitable<pipeline_plan> complete_pipelines(pipeline_drafts& all, std::size_t asked) {
  auto parts = all.release();
  refuse_scattered(all, parts, asked);
  std::vector<std::string> views;
  for (const auto& part : parts) views.push_back(part.draft.what.view);
  pipeline_plan result;
  result.asked = asked;
  result.bundle = co_await complete_bundle(all.with, all.hub, std::move(parts));
  auto& warnings = result.bundle.warnings;
  warnings.insert(warnings.end(), all.warnings.begin(), all.warnings.end());
  const auto numbers = numbers_in(result.bundle, views);
  for (auto& one : all.pipelines) {
    const bool minimal = one.asked.options.wish.select == pipeline_selection::minimal;
    const auto settle = [&](std::size_t& part) {
      part = numbers[part];
      // With the listing at hand, other clients would call the snapshot incomplete offline.
      if (minimal) result.bundle.parts[part].what.write_tree = false;
    };
    settle(one.planned.part);
    for (auto& component : one.planned.components) settle(component.part);
    result.pipelines.push_back(std::move(one.planned));
  }
  co_return result;
}

HUBCACHE_DECL asio::awaitable<pipeline_plan> plan_pipelines(pipeline_drafts& all,
                                                            std::vector<pipeline_request> asked) {
  for (const auto& one : asked) {
    refuse_unfit_options(one);
    all.wanted(one.repo, "");
  }
  std::vector<pipeline_draft> opened;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    pipeline_draft draft;
    draft.asked = asked[i];
    draft.asker = i;
    draft = co_await open_pipeline(all, std::move(draft));
    opened.push_back(std::move(draft));
  }
  for (const auto& one : opened) refuse_unknown_skips(opened, one);
  for (auto& one : opened) {
    auto planned = co_await plan_pipeline(all, std::move(one));
    all.pipelines.push_back(std::move(planned));
  }
  for (std::size_t i = 0; i < all.pipelines.size(); ++i) co_await plan_connected(all, i, asked.size());
  std::vector<std::size_t> path;
  std::vector<bool> done(all.pipelines.size());
  for (std::size_t i = 0; i < asked.size(); ++i) refuse_circles(all, i, path, done);
  co_return co_await complete_pipelines(all, asked.size());
}

}  // namespace detail

HUBCACHE_DECL asio::awaitable<pipeline_plan> prepare_pipelines(services with,
                                                               std::vector<pipeline_request> asked) {
  detail::pipeline_drafts all(with);
  try {
    co_return co_await detail::plan_pipelines(all, std::move(asked));
  } catch (const error& e) {
    throw all.explained(e);
  }
}

}  // namespace hubcache::inline v0_1
