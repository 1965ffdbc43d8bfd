#pragma once

#include <hubcache/bundle.hpp>
#include <hubcache/error.hpp>
#include <hubcache/fetch/on_workers.hpp>
#include <hubcache/hash/hash_file.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/run.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <optional>
#include <unordered_map>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// Adds to `a` what `b` asks for besides.
HUBCACHE_DECL void unite(snapshot_options& a, const snapshot_options& b, const repo& of) {
  if (a.links != b.links || a.link_rules != b.link_rules || a.max_transfers != b.max_transfers) {
    throw error(
        errc::invalid_argument,
        "its files are asked for twice, to be linked in different ways or by another number of transfers; "
        "ask both times for the same",
        error_context{}.with_repo(of.display()));
  }
  a.files.insert(a.files.end(), b.files.begin(), b.files.end());
  a.require = a.require | b.require;
  a.verify = a.verify || b.verify;
  a.force_download = a.force_download || b.force_download;
  a.smart_cache = a.smart_cache && b.smart_cache;
}

/// Adds to `into` what `more` has besides. @pre both are of one commit @throws error errc::invalid_argument
HUBCACHE_DECL void join(part_draft& into, part_draft more) {
  auto& a = into.draft.what;
  auto& b = more.draft.what;
  unite(a.options, b.options, a.repo);
  std::move(more.roles.begin(), more.roles.end(), std::back_inserter(into.roles));
  for (auto& text : b.warnings) {
    if (std::find(a.warnings.begin(), a.warnings.end(), text) == a.warnings.end())
      a.warnings.push_back(std::move(text));
  }
  if (b.write_ref && !a.write_ref) {
    a.write_ref = true;
    a.revision = a.options.revision = b.revision;
  } else if (b.write_ref && b.revision != a.revision) {
    a.also_refs.push_back(b.revision);
  }
  a.write_tree = a.write_tree || b.write_tree;
  if (more.draft.seen == access::open || into.draft.seen == access::unknown)
    into.draft.seen = more.draft.seen;
  into.draft.asked = into.draft.asked || more.draft.asked;
  if (into.draft.asked) into.draft.unreachable.reset();
}

/// Each commit of a repo once. @throws error errc::invalid_argument
HUBCACHE_DECL std::vector<part_draft> joined(std::vector<part_draft> parts) {
  std::vector<part_draft> result;
  for (auto& part : parts) {
    const auto at = std::find_if(result.begin(), result.end(), [&part](const part_draft& known) {
      return known.draft.what.view == part.draft.what.view;
    });
    if (at == result.end()) {
      result.push_back(std::move(part));
      continue;
    }
    const auto &known = at->draft.what, &wanted = part.draft.what;
    if (known.repo != wanted.repo || known.listing.commit != wanted.listing.commit) {
      throw error(errc::invalid_argument,
                  "the local folder " + wanted.view + " cannot hold files of " + known.repo.display() +
                      " at " + known.listing.commit + " as well",
                  error_context{}.with_repo(wanted.repo.display()));
    }
    join(*at, std::move(part));
  }
  for (auto& part : result) {
    std::sort(part.roles.begin(), part.roles.end());
    part.roles.erase(std::unique(part.roles.begin(), part.roles.end()), part.roles.end());
  }
  return result;
}

HUBCACHE_DECL asio::awaitable<bundle_plan> complete_bundle(services with, hub_source& hub,
                                                           std::vector<part_draft> parts) {
  bundle_plan result;
  auto all = joined(std::move(parts));
  for (auto& one : all) {
    const auto seen = one.draft.seen;
    const bool asked = one.draft.asked;
    bundle_part part;
    part.roles = std::move(one.roles);
    part.what = co_await complete_plan(with, hub, std::move(one.draft));
    share_contents(result.parts, part.what, asked);
    if (asked && !part.what.let_in) co_await pass_gate(part.what, hub, seen);
    part.what.requests = 0;
    part.what.seconds = 0;
    result.parts.push_back(std::move(part));
  }
  if (!result.parts.empty()) {
    auto& first = result.parts.front().what;
    first.requests = hub.counters().requests;
    first.bytes_wire = hub.counters().bytes_wire;
    first.seconds = seconds_since(hub.begun());
  }
  co_return result;
}

/// Where the bytes of a part's file lie: in its view, unless that shows blobs.
HUBCACHE_DECL std::string bytes_of(const std::pair<std::string, bool>& root, const snapshot_file& file) {
  const auto& [folder, plain_files] = root;
  return folder + "/" + (plain_files ? file.path : file.what.name.hex());
}

/// Blocking. @return as `files` @throws error a disk error, errc::digest_mismatch
HUBCACHE_DECL std::vector<digest> sha256_of(const std::vector<std::pair<std::string, content>>& files,
                                            const hash_set_ref& hashes, const std::stop_token& stop) {
  std::vector<digest> found;
  for (const auto& [path, what] : files) {
    std::error_code ec;
    const auto real = std::filesystem::canonical(path, ec).string();
    const auto file = ec ? os::descriptor() : os::open_read(real, ec);
    const auto both = ec ? std::nullopt : hash_file_both(hashes, file, what.size, stop, ec);
    if (stop.stop_requested()) break;
    if (ec && ec != errc::size_mismatch) throw_disk_error(ec, "read the file", path);
    if (!both || both->git_sha1 != what.name) {
      throw error(errc::digest_mismatch,
                  "the file was changed on this machine: it is not " + what.name.hex() +
                      " any more; fetch it again with verification",
                  error_context{}.with_file(path));
    }
    found.push_back(both->sha256);
  }
  return found;
}

/// @param roots  target_root and plain_files of the parts
HUBCACHE_DECL asio::awaitable<void> hash_small_files(services with, bundle& whole,
                                                     std::vector<std::pair<std::string, bool>> roots) {
  std::unordered_map<content, std::size_t> number_of;
  std::vector<std::pair<std::string, content>> wanted;
  for (const auto& file : whole.files) {
    if (!file.sha256 && number_of.try_emplace(file.file.what, wanted.size()).second)
      wanted.emplace_back(bytes_of(roots[file.part], file.file), file.file.what);
  }
  if (wanted.empty()) co_return;
  auto hash = [wanted = std::move(wanted), hashes = with.hashes](const std::stop_token& stop) {
    return sha256_of(wanted, hashes, stop);
  };
  const auto found = co_await on_workers(with.pool, std::move(hash));
  for (auto& file : whole.files) {
    if (!file.sha256) file.sha256 = found[number_of.at(file.file.what)];
  }
}

}  // namespace detail

HUBCACHE_DECL asio::awaitable<bundle> run(services with, bundle_plan what) {
  const auto begun = std::chrono::steady_clock::now();
  for (const auto& text : what.warnings) with.warn(text);
  bundle result;
  double planning = 0;
  std::vector<std::pair<std::string, bool>> roots;
  for (auto& part : what.parts) {
    planning += part.what.seconds;
    roots.emplace_back(part.what.target_root, part.what.plain_files);
    auto next = std::move(part.what);
    if (!result.parts.empty()) {
      auto look = [next = std::move(next), with](const std::stop_token&) mutable {
        return detail::look_for_places(std::move(next), with.config, with.index);
      };
      next = co_await on_workers(with.pool, std::move(look));
    }
    auto done = co_await run(with, std::move(next));
    detail::add_part(result, std::move(done), part.roles);
  }
  co_await detail::hash_small_files(with, result, std::move(roots));
  result.totals.seconds = planning + detail::seconds_since(begun);
  co_return result;
}

}  // namespace hubcache::inline v0_1
