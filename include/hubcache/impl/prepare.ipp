#pragma once

#include <hubcache/fetch/on_workers.hpp>
#include <hubcache/hash/hash_file.hpp>
#include <hubcache/os/folder.hpp>
#include <hubcache/prepare.hpp>
#include <hubcache/select/organisation_rules.hpp>
#include <hubcache/store/local_layout.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <tuple>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL error_context context_of(const plan& draft) {
  error_context context;
  context.repo = draft.repo.display();
  return context;
}

HUBCACHE_DECL bool may_fall_back(errc failure) noexcept {
  switch (failure) {
    case errc::host_not_found:
    case errc::connection_failed:
    case errc::connection_lost:
    case errc::timed_out:
    case errc::rate_limited:
    case errc::server_failed:
      return true;
    default:
      return false;
  }
}

/// The listing of `commit` as it lies on disk, in the view's own place or in the cache.
HUBCACHE_DECL std::optional<listing> listing_on_disk(const plan& draft, const std::string& commit) {
  if (draft.local()) {
    if (auto found = read_tree(draft.tree_path(commit), commit)) return found;
  }
  auto found = read_tree(draft.layout.tree(commit), commit);
  for (auto tier = draft.tiers.begin(); !found && tier != draft.tiers.end(); ++tier) {
    found = read_tree(tier->tree(commit), commit);
  }
  return found;
}

/// Sets the folders of `draft` once its commit is known.
HUBCACHE_DECL void set_view(plan& draft, const settings& config) {
  draft.plain_files = draft.local() || !config.use_symlinks;
  if (!draft.local()) draft.view = draft.layout.snapshot(draft.listing.commit);
  draft.target_root = draft.plain_files ? draft.view : draft.layout.blobs_dir();
}

/// Whether the file `path` has the digest `what`; for the rare cases where presence is not enough.
HUBCACHE_DECL bool hashes_to(const hash_set_ref& hashes, const std::string& path, const content& what,
                             const std::stop_token& stop) {
  std::error_code ec;
  const auto real = std::filesystem::canonical(path, ec).string();
  const auto file = ec ? os::descriptor{} : os::open_read(real, ec);
  if (ec) return false;
  return hash_file(hashes, file, what.name.algorithm(), what.size, stop, ec) == what.name;
}

/// plan_lookups::present for `draft`.
HUBCACHE_DECL bool is_present(const plan& draft, const hash_set_ref& hashes, const std::string& target,
                              const content& what, const std::stop_token& stop) {
  const auto path = draft.target_root + "/" + target;
  std::error_code ec;
  // A blob may be a symlink into the shared store of huggingface_hub; a plain file must be one.
  const auto file = os::status(path, ec, !draft.plain_files);
  if (ec || !file.regular || file.identity.size != what.size || !os::is_readable(path, file)) return false;
  if (draft.local()) {
    const auto known = read_metadata(local_layout(draft.view), draft.view, target);
    if (known && known->etag == what.name.hex() && !draft.options.verify) return true;
    return hashes_to(hashes, path, what, stop);  // the user's own file: adopted if it is the content
  }
  return !draft.options.verify || hashes_to(hashes, path, what, stop);
}

/// Places that exist with the right size; nothing is opened or hashed here.
HUBCACHE_DECL void add_existing(std::vector<place>& result, place candidate, const content& what) {
  std::error_code ec;
  const auto file = os::status(candidate.path, ec);
  const bool known =
      std::any_of(result.begin(), result.end(), [&](const place& p) { return p.path == candidate.path; });
  if (!ec && !known && file.regular && file.identity.size == what.size &&
      os::is_readable(candidate.path, file))
    result.push_back(std::move(candidate));
}

/// plan_lookups::places for `draft`: the index, then what a scan just saw, then the caller's mapping.
HUBCACHE_DECL std::vector<place> places_of(const plan& draft, const index_ref& index, const content& what) {
  std::vector<place> result;
  if (!draft.options.smart_cache) return result;
  for (auto& found : index.find(what.name)) add_existing(result, std::move(found), what);
  const auto by_name = [](const index_record& a, const index_record& b) { return a.name < b.name; };
  const auto [first, last] = std::equal_range(draft.scan.claims.begin(), draft.scan.claims.end(),
                                              index_record(what.name, place()), by_name);
  for (auto claim = first; claim != last; ++claim) add_existing(result, claim->where, what);
  if (draft.options.mapping) {
    if (const auto at = draft.options.mapping->find(what.name); at != draft.options.mapping->end()) {
      std::error_code ec;
      place mapped;
      mapped.path = std::filesystem::canonical(at->second, ec).string();
      mapped.store = mutability::mutable_store;
      if (!ec) add_existing(result, std::move(mapped), what);
    }
  }
  // Who asks for verification believes no record: every place is hashed before it is linked.
  if (draft.options.verify) {
    for (auto& found : result) found.state = trust::claimed;
  }
  return result;
}

/// Sorts places by their stores: the own cache, then the others as configured, then what lies in none. Within a store
/// those that need no hashing come first; else the order stays.
HUBCACHE_DECL std::vector<place> nearest_first(std::vector<place> places, const settings& config) {
  const auto rank = [&config](const place& p) {
    if (is_below(p.path, config.cache_dir)) return std::ptrdiff_t{-1};
    const auto at = std::find_if(config.stores.begin(), config.stores.end(),
                                 [&p](const store& s) { return s.holds(p.path); });
    return at - config.stores.begin();
  };
  std::vector<std::tuple<std::ptrdiff_t, bool, std::size_t>> order;
  for (std::size_t i = 0; i < places.size(); ++i) {
    order.emplace_back(rank(places[i]), places[i].state == trust::claimed, i);
  }
  std::sort(order.begin(), order.end());
  std::vector<place> sorted;
  for (const auto& key : order) sorted.push_back(std::move(places[std::get<2>(key)]));
  return sorted;
}

/// Looks at the machine and fills the steps of `draft`. Blocking.
HUBCACHE_DECL plan look_at_machine(plan draft, const settings& config, hash_set_ref hashes, index_ref index,
                                   const std::stop_token& stop) {
  plan_lookups machine;
  machine.present = [&](const std::string& target, const content& what) {
    return is_present(draft, hashes, target, what, stop);
  };
  machine.places = [&](const content& what) { return nearest_first(places_of(draft, index, what), config); };
  make_steps(draft, machine);
  if (!draft.options.smart_cache || draft.options.force_download || draft.bytes_to_fetch() == 0) return draft;
  // Something would be fetched: look whether other clients brought it here meanwhile.
  draft.scan = scan_stores(config.cache_dir, config.stores, config.state_dir, index, stop);
  for (const auto& problem : draft.scan.problems) {
    // Nobody asked for a store that was merely found.
    if (problem.origin != store_origin::found) {
      draft.warnings.push_back("Not looked at for content: " + problem.path + ": " + problem.text + ".");
    }
  }
  if (draft.scan.claims.empty()) return draft;
  for (auto& step : draft.steps) {
    if (step.action != file_action::fetched) continue;
    step.places = machine.places(step.what);
    if (!step.places.empty()) step.action = file_action::linked;
  }
  return draft;
}

/// Whether `p` lies in the folder of the plan's own repo: what is there passed its gate before.
HUBCACHE_DECL bool is_own(const plan& draft, const place& p) {
  return is_below(p.path, draft.layout.repo_dir()) || is_below(p.path, draft.view);
}

HUBCACHE_DECL plan look_for_places(plan draft, const settings& config, index_ref index) {
  if (draft.options.force_download) return draft;
  for (auto& step : draft.steps) {
    if (step.action == file_action::present) continue;
    auto places = nearest_first(places_of(draft, index, step.what), config);
    if (!draft.let_in) std::erase_if(places, [&draft](const place& p) { return !is_own(draft, p); });
    for (auto& known : step.places) {
      std::error_code ec;
      known.path = std::filesystem::canonical(known.path, ec).string();
      if (!ec) add_existing(places, std::move(known), step.what);
    }
    step.places = std::move(places);
    step.action = step.places.empty() ? file_action::fetched : file_action::linked;
  }
  return draft;
}

HUBCACHE_DECL bool needs_foreign(const plan_step& step, const plan& draft) {
  return step.action == file_action::linked && std::none_of(step.places.begin(), step.places.end(),
                                                            [&](const place& p) { return is_own(draft, p); });
}

template <class Keep>
void keep_places(plan& draft, Keep keep) {
  for (auto& step : draft.steps) {
    std::erase_if(step.places, [&](const place& p) { return !keep(p); });
    if (step.places.empty() && step.action == file_action::linked) step.action = file_action::fetched;
  }
}

/// Without the Hub's word, content may come from this repo's folders only, those of other caches included.
HUBCACHE_DECL void drop_foreign_repos(plan& draft) {
  keep_places(draft, [&draft](const place& p) {
    return is_own(draft, p) ||
           std::any_of(draft.tiers.begin(), draft.tiers.end(),
                       [&p](const hub_layout& tier) { return is_below(p.path, tier.repo_dir()); });
  });
}

/// Offline, or with the Hub out of reach: commit and listing from the cache; every content must be present. Whether the
/// listing is that of a snapshot folder alone, which may lack files of the commit.
HUBCACHE_DECL bool use_cached_listing(plan& draft) {
  const auto missing = [&draft](const std::string& detail) {
    return error(errc::not_cached, detail, context_of(draft));
  };
  std::vector<hub_layout> layouts{draft.layout};
  layouts.insert(layouts.end(), draft.tiers.begin(), draft.tiers.end());
  const auto first_of_all = [&layouts](auto look) {
    decltype(look(layouts.front())) found;
    for (auto at = layouts.begin(); !found && at != layouts.end(); ++at) found = look(*at);
    return found;
  };
  const auto commit = is_commit(draft.revision)
                          ? std::optional(draft.revision)
                          : first_of_all([&](const hub_layout& at) { return read_ref(at, draft.revision); });
  if (!commit) throw missing("revision '" + draft.revision + "' is not in the cache");
  auto found = listing_on_disk(draft, *commit);
  const bool partial = !found && !draft.local();
  if (partial) {
    found = first_of_all([&](const hub_layout& at) { return read_snapshot(at, *commit); });
  }
  if (!found) throw missing("the listing of commit " + *commit + " is not in the cache");
  draft.listing = std::move(*found);
  draft.write_ref = draft.write_tree = false;  // also after an answer that broke off half-way
  return partial;
}

HUBCACHE_DECL void check_all_cached(const plan& draft) {
  std::size_t count = 0;
  const plan_step* first = nullptr;
  for (const auto& step : draft.steps) {
    if (step.action != file_action::fetched) continue;
    if (count++ == 0) first = &step;
  }
  if (count == 0) return;
  auto context = context_of(draft);
  context.file = first->file;
  throw error(errc::not_cached,
              std::to_string(count) + (count == 1 ? " content" : " contents") + " of commit " +
                  draft.listing.commit + (count == 1 ? " is" : " are") + " missing (" +
                  format_bytes(draft.bytes_to_fetch()) + ")",
              std::move(context));
}

/// Fetches commit and listing from the Hub, the listing only if it is not on disk.
HUBCACHE_DECL asio::awaitable<access> ask_hub(plan& draft, hub_source& hub) {
  auto seen = access::unknown;
  std::string commit = draft.revision;
  if (!is_commit(commit)) {
    const auto info = co_await hub.info(draft.repo, draft.revision);
    commit = info.commit;
    draft.write_ref = !draft.local();
    seen = info.gated ? access::gated : access::open;
    if (info.id != draft.repo.id()) {
      draft.warnings.push_back("The repo " + draft.repo.display() + " is now called " + info.id +
                               "; its cache folder keeps the name you gave.");
    }
  }
  if (auto known = listing_on_disk(draft, commit)) {
    draft.listing = std::move(*known);
    co_return seen;
  }
  draft.listing = co_await hub.tree(draft.repo, commit);
  draft.write_tree = !draft.listing.masked();
  const bool shown = std::any_of(draft.listing.files.begin(), draft.listing.files.end(),
                                 [](const file_entry& f) { return f.lfs && !f.masked; });
  co_return shown && !draft.listing.masked() ? access::open : seen;
}

/// Whether `path` is, on some file systems, what a local folder keeps its books in, or in the way of that.
HUBCACHE_DECL bool is_book_keeping(std::string path) {
  std::transform(path.begin(), path.end(), path.begin(), lower_case);
  return path == ".cache" || path == ".cache/huggingface" || path.starts_with(".cache/huggingface/");
}

/// A local folder keeps its books beside the repo's files: a repo must not write them, and there must be room for each
/// file's record.
HUBCACHE_DECL void refuse_reserved(const plan& draft) {
  constexpr std::size_t longest = 255 - std::string_view(".metadata").size();
  if (!draft.local()) return;
  for (const auto* file : select_files(draft.listing, draft.options)) {
    const bool reserved = is_book_keeping(file->path);
    if (!reserved && os::last_segment(file->path).size() <= longest) continue;
    auto context = context_of(draft);
    context.file = file->path;
    throw error(errc::refused,
                reserved ? "the repo has a file where a local folder keeps its own records"
                         : "the file's name is too long for the record that a local folder keeps of it",
                std::move(context));
  }
}

/// What the listing hides from this caller is asked for by name, so that the answer is the Hub's own.
HUBCACHE_DECL asio::awaitable<void> refuse_masked(const plan& draft, hub_source& hub) {
  const auto selected = select_files(draft.listing, draft.options);
  const auto masked =
      std::find_if(selected.begin(), selected.end(), [](const file_entry* f) { return f->masked; });
  if (masked == selected.end()) co_return;
  co_await hub.check_access(draft.repo, draft.listing.commit, (*masked)->path);
  auto context = context_of(draft);
  context.file = (*masked)->path;
  throw error(errc::gated, "the Hub hides the hash of this file from this caller", std::move(context));
}

/// What names and listing tell of the rules and the lock, before a byte is fetched.
HUBCACHE_DECL void refuse_disallowed(const plan& draft) {
  const auto& options = draft.options;
  if (options.require.empty() && !options.lock) return;
  if (options.lock) require_as_locked(*options.lock, draft.listing);
  const auto selected = select_files(draft.listing, options);
  if (options.lock) require_locked(*options.lock, selected);
  if (options.require.contains(requirement::sha256) && !options.lock) require_sha256(selected);
  if (options.require.contains(requirement::safetensors)) require_no_pickle_names(selected);
}

/// What the Hub's scans say. Whoever cannot ask is refused, too.
HUBCACHE_DECL asio::awaitable<void> refuse_unsafe(const plan& draft, hub_source& hub, bool asked) {
  if (!draft.options.require.contains(requirement::scan)) co_return;
  if (!asked) {
    throw error(errc::disallowed, "the Hub cannot be asked for the results of its scans", context_of(draft));
  }
  const auto selected = select_files(draft.listing, draft.options);
  std::vector<std::string> paths;
  for (const auto* file : selected) paths.push_back(file->path);
  const auto statuses = co_await hub.scans(draft.repo, draft.listing.commit, std::move(paths));
  require_safe(selected, statuses);
}

/// How well an answer for the step's file proves that the Hub lets this caller in. It shows the card of a gated repo to
/// everybody: that proves nothing.
HUBCACHE_DECL int weight_at_gate(const plan& draft, const plan_step& step) {
  const auto* file = draft.listing.find(step.file);
  if (file != nullptr && file->lfs) return 2;
  const auto name = std::string_view(step.file);
  return name == "README.md" || name == ".gitattributes" || name.starts_with("LICENSE") ? 0 : 1;
}

/// The file among those to be linked from elsewhere that proves best that the Hub lets this caller in.
HUBCACHE_DECL const plan_step* gate_witness(const plan& draft) {
  const plan_step* best = nullptr;
  for (const auto& step : draft.steps) {
    if (!needs_foreign(step, draft)) continue;
    if (best == nullptr || weight_at_gate(draft, step) > weight_at_gate(draft, *best)) best = &step;
  }
  return best;
}

HUBCACHE_DECL asio::awaitable<void> pass_gate(plan& draft, hub_source& hub, access seen) {
  const auto* witness = gate_witness(draft);
  draft.let_in = seen == access::open;
  if (draft.let_in) co_return;
  if (witness != nullptr && seen == access::unknown) {
    const auto info = co_await hub.info(draft.repo, draft.listing.commit);
    draft.let_in = !info.gated;
    if (draft.let_in) co_return;
  }
  if (witness == nullptr || weight_at_gate(draft, *witness) == 0) {
    keep_places(draft, [&draft](const place& p) { return is_own(draft, p); });
    co_return;
  }
  co_await hub.check_access(draft.repo, draft.listing.commit, witness->file);
  draft.let_in = true;
}

HUBCACHE_DECL double seconds_since(std::chrono::steady_clock::time_point begun) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

/// Settings that nobody filled would make a cache of the root folder.
HUBCACHE_DECL void check_folders(const settings& config) {
  for (const auto& folder : {config.cache_dir, config.state_dir}) {
    if (folder.starts_with('/')) continue;
    throw error(errc::invalid_argument,
                "the cache's folders (settings::cache_dir, settings::state_dir) must be absolute, not '" +
                    printable(folder) + "'; environment_settings() fills them");
  }
}

/// What can be wrong with the options of a repo before anything is known of it.
HUBCACHE_DECL void check_options(const repo& which, const snapshot_options& options) {
  check_revision(options.revision);
  if (!options.smart_cache && options.mapping) {
    throw error(errc::invalid_argument, "a cache mapping needs the smart cache, which is switched off");
  }
  if (options.lock && options.lock->repo != which) {
    throw error(errc::invalid_argument, "the lock is of another repo: " + options.lock->repo.display());
  }
}

/// What is known before anything is asked.
HUBCACHE_DECL plan begin_draft(const settings& config, repo which, snapshot_options options) {
  check_folders(config);
  try {
    check_options(which, options);
  } catch (const error& e) {
    throw e.within(error_context{}.with_repo(which.display()));
  }
  plan draft;
  draft.repo = std::move(which);
  draft.revision = options.revision;
  draft.layout = hub_layout(config.cache_dir, draft.repo);
  for (const auto& other : config.stores) {
    if (other.kind == store_kind::hub_cache && other.origin == store_origin::configured) {
      draft.tiers.emplace_back(other.path, draft.repo);
    }
  }
  if (!options.local_dir.empty()) draft.view = os::absolute_path(options.local_dir);
  const auto linked_only = [](link_kinds kinds) {
    return kinds == link_kinds(link_kind::hard_link) || kinds == link_kinds(link_kind::symlink);
  };
  const bool asked = linked_only(options.links) ||
                     std::any_of(options.link_rules.begin(), options.link_rules.end(),
                                 [&](const link_rule& rule) { return linked_only(rule.kinds); });
  if (!options.local_dir.empty() && asked) {
    draft.warnings.push_back(
        "Files in a local folder are copied: through a link an edit would reach the cache.");
  }
  draft.options = std::move(options);
  draft.options.require = draft.options.require | config.require;
  return draft;
}

/// Asks the Hub. Whether it cannot be asked, and why, is noted in `draft`.
HUBCACHE_DECL asio::awaitable<void> reach_hub(plan_draft& draft, hub_source& hub, const settings& config) {
  if (config.offline) co_return;
  std::exception_ptr failure;
  try {
    draft.seen = co_await ask_hub(draft.what, hub);
    draft.asked = true;
  } catch (const error& e) {
    if (!may_fall_back(e.reason()) || draft.what.options.force_download)
      throw e.within(context_of(draft.what));
    failure = std::current_exception();
  }
  draft.unreachable = error_of(failure);
}

/// Fills the steps of `draft`.
HUBCACHE_DECL asio::awaitable<plan> fill_steps(services with, hub_source& hub, plan_draft draft) {
  refuse_reserved(draft.what);
  if (draft.asked) co_await refuse_masked(draft.what, hub);
  refuse_disallowed(draft.what);
  co_await refuse_unsafe(draft.what, hub, draft.asked);
  auto look = [what = std::move(draft.what), with](const std::stop_token& stop) mutable {
    return look_at_machine(std::move(what), with.config, with.hashes, with.index, stop);
  };
  auto result = co_await on_workers(with.pool, std::move(look));
  if (draft.asked) {
    co_await pass_gate(result, hub, draft.seen);
  } else {
    drop_foreign_repos(result);
    check_all_cached(result);
  }
  co_return result;
}

HUBCACHE_DECL error failure_to_tell(const error& e, const std::shared_ptr<const error>& unreachable,
                                    bool partial, const error_context& context) {
  const bool lacking = e.reason() == errc::not_cached || e.reason() == errc::file_not_found;
  // What the user needs to know is that the Hub is out of reach, not what the cache lacks.
  if (unreachable && lacking) return *unreachable;
  if (partial && lacking) return {errc::not_cached, e.detail(), e.within(context).context()};
  return e.within(context);
}

HUBCACHE_DECL asio::awaitable<plan_draft> draft_plan(services with, hub_source& hub, repo which,
                                                     snapshot_options options) {
  const auto begun = std::chrono::steady_clock::now();
  plan_draft draft;
  draft.what = begin_draft(with.config, std::move(which), std::move(options));
  co_await reach_hub(draft, hub, with.config);
  try {
    if (!draft.asked) draft.partial = use_cached_listing(draft.what);
  } catch (const error& e) {
    throw failure_to_tell(e, draft.unreachable, draft.partial, context_of(draft.what));
  }
  if (draft.unreachable) {
    draft.what.warnings.push_back("The Hub cannot be reached (" + draft.unreachable->detail() +
                                  "); using the snapshot in the cache, which may be outdated.");
  }
  set_view(draft.what, with.config);
  draft.what.requests = hub.counters().requests;
  draft.what.seconds = seconds_since(begun);
  co_return draft;
}

HUBCACHE_DECL std::optional<plan> draft_from_cache(const settings& config, repo which,
                                                   snapshot_options options) {
  const auto begun = std::chrono::steady_clock::now();
  auto draft = begin_draft(config, std::move(which), std::move(options));
  std::optional<std::string> commit;
  if (is_commit(draft.revision)) {
    commit = draft.revision;
  } else if (config.offline) {
    commit = read_ref(draft.layout, draft.revision);
  }
  auto known = commit ? listing_on_disk(draft, *commit) : std::nullopt;
  if (!known) return std::nullopt;
  draft.listing = std::move(*known);
  set_view(draft, config);
  draft.seconds = seconds_since(begun);
  return draft;
}

HUBCACHE_DECL asio::awaitable<plan> complete_plan(services with, hub_source& hub, plan_draft draft) {
  const auto begun = std::chrono::steady_clock::now();
  const auto context = context_of(draft.what);
  const auto before = draft.what.seconds;
  const auto unreachable = draft.unreachable;
  const bool partial = draft.partial;
  plan result;
  try {
    result = co_await fill_steps(with, hub, std::move(draft));
  } catch (const error& e) {
    throw failure_to_tell(e, unreachable, partial, context);
  }
  result.requests = hub.counters().requests;
  result.seconds = before + seconds_since(begun);
  co_return result;
}

}  // namespace detail

HUBCACHE_DECL asio::awaitable<plan> prepare(services with, repo which, snapshot_options options) {
  hub_source hub(with.config, with.transport, with.observer);
  auto draft = co_await detail::draft_plan(with, hub, std::move(which), std::move(options));
  co_return co_await detail::complete_plan(with, hub, std::move(draft));
}

}  // namespace hubcache::inline v0_1
