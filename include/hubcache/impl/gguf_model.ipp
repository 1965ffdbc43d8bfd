#pragma once

#include <hubcache/error.hpp>
#include <hubcache/gguf_model.hpp>
#include <hubcache/text.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

namespace detail {

/// "m-00001-of-00003.gguf (3 files, 9.0G)".
HUBCACHE_DECL std::string gguf_choice_line(const gguf_choice& choice, const listing& files) {
  std::uint64_t bytes = 0;
  for (const auto& path : choice.parts) bytes = bounded_sum(bytes, files.find(path)->size);
  const auto count = choice.parts.size() == 1 ? "" : std::to_string(choice.parts.size()) + " files, ";
  return printable(choice.primary) + " (" + count + format_bytes(bytes) + ")";
}

/// select_gguf() of a whole listing; the error tells sizes.
HUBCACHE_DECL gguf_selection choose_gguf(const listing& files, const gguf_wish& wish) {
  std::vector<std::string> paths;
  for (const auto* file : files.as_reported()) paths.push_back(file->path);
  if (auto found = find_gguf(paths, wish)) return std::move(*found);
  std::vector<std::string> lines;
  for (const auto& choice : gguf_choices(paths)) lines.push_back(gguf_choice_line(choice, files));
  throw no_gguf_matches(paths, wish, lines);
}

/// Sets the files of `draft` to those of the model, and their roles.
HUBCACHE_DECL part_draft draft_gguf(plan_draft draft, const gguf_wish& wish) {
  part_draft part;
  try {
    auto chosen = choose_gguf(draft.what.listing, wish);
    part.roles = chosen.roles();
    for (auto& text : chosen.warnings) draft.what.warnings.push_back(std::move(text));
  } catch (const error& e) {
    throw failure_to_tell(e, draft.unreachable, draft.partial, context_of(draft.what));
  }
  for (const auto& file : part.roles) draft.what.options.files.push_back(file.path);
  part.draft = std::move(draft);
  return part;
}

}  // namespace detail

HUBCACHE_DECL asio::awaitable<bundle_plan> prepare_gguf(services with, repo which, gguf_wish wish,
                                                        snapshot_options options) {
  if (!wish.tag.empty() && !is_gguf_tag(wish.tag)) {
    throw error(
        errc::invalid_argument,
        "'" + printable(wish.tag) + "' is no GGUF tag: those are made of letters, digits, '.', '_' and '-'",
        error_context{}.with_repo(which.display()));
  }
  if (options.allow || !options.ignore.empty() || !options.files.empty()) {
    throw error(errc::invalid_argument,
                "the files of a GGUF model are chosen by its tag, not by patterns or names",
                error_context{}.with_repo(which.display()));
  }
  hub_source hub(with.config, with.transport, with.observer);
  auto draft = co_await detail::draft_plan(with, hub, std::move(which), std::move(options));
  std::vector<detail::part_draft> parts;
  parts.push_back(detail::draft_gguf(std::move(draft), wish));
  co_return co_await detail::complete_bundle(with, hub, std::move(parts));
}

}  // namespace hubcache::inline v0_1
