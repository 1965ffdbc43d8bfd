#pragma once

#include <hubcache/impl/pipeline_components.ipp>

namespace hubcache::inline v0_1 {

namespace detail {

/// Pipelines that the ones asked for may connect to, all together.
inline constexpr std::size_t most_connected = 16;

/// What DiffusionPipeline.download asks of a pipeline that another one connects to.
HUBCACHE_DECL pipeline_draft prior_of(const pipeline_draft& one, repo which) {
  pipeline_draft prior;
  prior.asker = one.asker;
  prior.asked.repo = std::move(which);
  prior.asked.options.snapshot = one.asked.options.snapshot;
  prior.asked.options.snapshot.revision = "main";
  const auto& from = one.asked.options.wish;
  auto& wish = prior.asked.options.wish;
  wish.select = from.select;
  wish.variant = from.variant;
  wish.use_safetensors = from.use_safetensors.value_or(true);
  return prior;
}

/// The repos that the pipeline `number` connects to.
HUBCACHE_DECL asio::awaitable<std::vector<repo>> priors_of(pipeline_drafts& all, std::size_t number) {
  const std::string card = "README.md";
  const auto part = all.pipelines[number].planned.part;
  std::vector<repo> priors;
  if (!all.pipelines[number].connects) co_return priors;
  if (all.has(part, card)) {
    const auto text = co_await all.text_of(part, card);
    priors = all.read_from(part, card, [&] { return parse_priors(text); });
  }
  if (priors.empty()) {
    all.warnings.push_back(all.pipelines[number].asked.repo.display() +
                           " connects to other pipelines, but its README.md names none under 'prior'.");
  }
  co_return priors;
}

/// Plans what the pipeline `number` connects to, unless it is planned already.
HUBCACHE_DECL asio::awaitable<void> plan_connected(pipeline_drafts& all, std::size_t number,
                                                   std::size_t asked) {
  const auto priors = co_await priors_of(all, number);
  for (const auto& which : priors) {
    auto prior = prior_of(all.pipelines[number], which);
    const auto same = [&prior](const pipeline_draft& known) {
      return known.asked.repo == prior.asked.repo && known.asked.options.wish == prior.asked.options.wish &&
             known.asked.options.snapshot.revision == prior.asked.options.snapshot.revision;
    };
    const auto known = std::find_if(all.pipelines.begin(), all.pipelines.end(), same);
    auto at = static_cast<std::size_t>(known - all.pipelines.begin());
    if (known == all.pipelines.end()) {
      if (at == asked + most_connected) {
        throw error(errc::refused,
                    "it connects to more than " + std::to_string(most_connected) + " pipelines",
                    context_of(all.draft(all.pipelines[number].planned.part)));
      }
      all.wanted(which, all.pipelines[number].asked.repo.display() + ", which connects to it");
      auto planned = co_await open_pipeline(all, std::move(prior));
      planned = co_await plan_pipeline(all, std::move(planned));
      all.pipelines.push_back(std::move(planned));
    }
    auto& connected = all.pipelines[number].planned.connected;
    if (std::find(connected.begin(), connected.end(), at) == connected.end()) connected.push_back(at);
  }
}

/// @param path  the pipelines that lead to `at`, it excluded
/// @param done  those from which no circle can be reached
/// @throws error errc::refused
HUBCACHE_DECL void refuse_circles(const pipeline_drafts& all, std::size_t at, std::vector<std::size_t>& path,
                                  std::vector<bool>& done) {
  if (done[at]) return;
  const auto label = [&all](std::size_t k) { return all.pipelines[k].asked.repo.display(); };
  if (auto known = std::find(path.begin(), path.end(), at); known != path.end()) {
    std::string chain;
    for (; known != path.end(); ++known) chain += label(*known) + " -> ";
    throw error(errc::refused, "pipelines connect in a circle: " + chain + label(at),
                error_context{}.with_repo(label(at)));
  }
  path.push_back(at);
  for (const auto next : all.pipelines[at].planned.connected) refuse_circles(all, next, path, done);
  path.pop_back();
  done[at] = true;
}

}  // namespace detail

}  // namespace hubcache::inline v0_1
