#pragma once

#include <hubcache/error.hpp>
#include <hubcache/link/hard_link.hpp>
#include <hubcache/os/folder.hpp>
#include <hubcache/store/confirm.hpp>
#include <hubcache/store/link_batch.hpp>

#include <algorithm>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL std::string reason_text(const std::error_code& reason, const content& what) {
  if (reason != errc::refused) return reason.message();
  return what.size < hard_link::smallest ? "smaller than 64 KiB" : "not the same inode by another name";
}

/// Whether `path` is a payload of huggingface_hub's shared store, <cache>/blobs/<xx>/<xet hash>: a symlink that its
/// manifest does not name would dangle one day.
HUBCACHE_DECL bool counts_its_users(const std::string& path) {
  std::error_code ec;
  return os::status(os::parent_path(os::parent_path(path)) + "/.huggingface-shared-blobs", ec).regular;
}

}  // namespace detail

HUBCACHE_DECL link_batch::link_batch(destination where, const hash_set_ref& hashes, const link_ref& links,
                                     fsync_mode mode, std::span<const store> stores)
    : where_(std::move(where)), hashes_(hashes), links_(links), mode_(mode), stores_(stores) {
  std::error_code ec;
  readers_ = readers::of_folder(where_.root, ec);
  if (ec) readers_ = readers();  // a folder that is still to be made
  folder_ = os::status(where_.root, ec);
}

HUBCACHE_DECL link_batch::~link_batch() {
  for (auto& left : items_) discard(left);
}

HUBCACHE_DECL void link_batch::add(const content& what, const std::vector<place>& places,
                                   const std::vector<std::string>& targets, const std::string& scratch,
                                   link_kinds allowed, const std::stop_token& stop, const inspection& rules) {
  auto& next = items_.emplace_back();
  auto& result = next.result;
  next.what = what;
  // Refuses a symlink in the place of blobs/.
  if (!root_) root_ = os::folder::open_below(where_.base, where_.root, result.failure);
  if (!root_) return;
  for (const auto& candidate : places) {
    if (stop.stop_requested()) return;
    const auto found = confirm(candidate, places, what, hashes_, stop);
    if (!found.file) {
      if (found.stale) result.stale.emplace_back(what.name, candidate);
      result.warnings.push_back(candidate.path + " cannot be used: " + found.problem + ".");
      continue;
    }
    std::error_code unread;
    if (rules.needed()) result.objection = inspect(rules, found.file->file, what, hashes_, stop, unread);
    if (result.objection) return;  // whatever place holds the content holds these bytes
    if (unread) {
      result.warnings.push_back(candidate.path + " cannot be used: " + unread.message() + ".");
      continue;
    }
    if (found.hashed) {
      auto hashed = confirmed_record(what.name, *found.file, candidate.store);
      if (hashed) result.records.push_back(std::move(*hashed));
    }
    const auto on = terms_for(*found.file, candidate, allowed, scratch);
    if (on.unfit) {
      const auto folder = os::parent_path(candidate.path);
      warn_once(result, folder,
                "What lies in " + folder + " is not linked: it is private, and the others who share " +
                    where_.root + " could not read it.");
      continue;
    }
    next.from = candidate;
    if (link_all(next, *found.file, on, allowed, targets, scratch, stop)) return;
    if (stop.stop_requested()) return;
    result.warnings.push_back(candidate.path + " cannot be linked: " + result.failure.message() + ".");
  }
}

HUBCACHE_DECL void link_batch::sync() {
  for (auto& each : items_) sync(each);
}

HUBCACHE_DECL std::vector<placed_content> link_batch::publish() {
  sync();
  std::vector<placed_content> results;
  for (auto& each : items_) {
    name(each);
    results.push_back(std::move(each.result));
  }
  items_.clear();
  return results;
}

HUBCACHE_DECL link_batch::terms link_batch::terms_for(const opened_file& have, const place& from,
                                                      link_kinds allowed, const std::string& scratch) {
  terms on;
  on.kinds = kinds_for(from, allowed);
  const auto refuse = [&](link_kind kind, const char* why) {
    const bool known = std::any_of(on.refused.begin(), on.refused.end(),
                                   [kind](const link_refusal& r) { return r.kind == kind; });
    if (allowed.contains(kind) && !known) on.refused.emplace_back(kind, why);
    on.kinds = on.kinds.without(kind);
  };
  if (!on.kinds.contains(link_kind::hard_link)) {
    refuse(link_kind::hard_link, "an edit of the source would reach it");
  }
  if (where_.plain_files) {
    refuse(link_kind::hard_link, "an edit would reach the source");
    refuse(link_kind::symlink, "an edit would reach the source");
  }

  std::error_code unknown;
  const auto list = os::access_list(have.file, unknown);
  const auto source = unknown ? readers().through(os::file_status()) : readers_of(have, list);
  if (!readers_.through(have.status, list).within(source)) {
    refuse(link_kind::hard_link, "more users could read it there");
  } else if (!serves_all(have.status.mode, have.status.group)) {
    refuse(link_kind::hard_link, "the others who share the folder could not read it");
  }
  look_at_scratch(scratch);
  const auto group = scratch_group_;
  on.mode = mode_for(where_.mode, group, readers_, source, scratch_list_);
  on.unfit = serves_all(where_.mode, group) && !serves_all(on.mode, group);
  on.in_place = !where_.plain_files && !allowed.single() &&
                std::any_of(stores_.begin(), stores_.end(),
                            [&](const store& s) { return s.in_place && s.holds(from.path); });
  if ((on.in_place || on.kinds.contains(link_kind::symlink)) && detail::counts_its_users(from.path)) {
    refuse(link_kind::symlink, "its store removes what none of its own links use");
    on.in_place = false;
  }
  return on;
}

HUBCACHE_DECL void link_batch::look_at_scratch(const std::string& scratch) {
  auto folder = os::parent_path(scratch);
  if (folder == scratch_folder_) return;
  std::error_code ignored;  // of a folder that is still to be made, or gone: nothing will be made there
  scratch_group_ = group_in(folder);
  scratch_list_ = os::inherited_access_list(folder, ignored);
  scratch_folder_ = std::move(folder);
}

HUBCACHE_DECL readers link_batch::readers_of(const opened_file& have,
                                             std::span<const os::access_entry> list) {
  auto folder = os::parent_path(have.path);
  auto known = readers_of_.find(folder);
  if (known == readers_of_.end()) {
    std::error_code ec;
    auto found = readers::of_folder(folder, ec);
    if (ec) found = readers().through(os::file_status());  // unknown: as if it let nobody in
    known = readers_of_.emplace(std::move(folder), std::move(found)).first;
  }
  return known->second.through(have.status, list);
}

HUBCACHE_DECL bool link_batch::serves_all(std::uint32_t mode, std::uint32_t group) const noexcept {
  if (!is_shared_folder(folder_) || (mode & 0004U) != 0) return true;
  return (folder_.mode & 0002U) == 0 && (mode & 0040U) != 0 && group == folder_.group;
}

HUBCACHE_DECL link_report link_batch::link_once(const opened_file& have, const link_target& want,
                                                const terms& on, placed_content& result) {
  if (on.in_place) {
    auto report = links_.link(have, want, link_kind::symlink, result.failure);
    if (!result.failure) return report;
    warn_once(result, "in place",
              have.path + " cannot be used in place: " + result.failure.message() +
                  ". What lies in such stores is linked instead.");
  }
  return links_.link(have, want, on.kinds, result.failure);
}

HUBCACHE_DECL bool link_batch::link_all(item& into, const opened_file& have, const terms& on,
                                        link_kinds asked, const std::vector<std::string>& targets,
                                        const std::string& scratch, const std::stop_token& stop) {
  for (const auto& target : targets) {
    unnamed made;
    made.path = scratch + "." + os::random_hex(8) + ".incomplete";
    made.target = target;
    link_target want(made.path, on.mode);
    want.stop = stop;
    const auto report = link_once(have, want, on, into.result);
    if (into.result.failure) {
      discard(into);
      return false;
    }
    made.kind = report.used.value_or(link_kind::copy);
    note_refusals(into, report, on, asked, target);
    std::error_code ignored;  // sync() will say
    // Begun now, so that the device works while other links are made.
    if (needs_sync(made.kind)) os::start_sync(os::open_read(made.path, ignored));
    into.made.push_back(std::move(made));
  }
  return true;
}

HUBCACHE_DECL void link_batch::note_refusals(item& into, const link_report& report, const terms& on,
                                             link_kinds asked, const std::string& target) {
  if (!report.used || report.used == link_kind::symlink) return;
  auto refused = on.refused;
  for (const auto& [kind, reason] : report.refusals) {
    refused.emplace_back(kind, detail::reason_text(reason, into.what));
  }
  std::erase_if(refused, [&](const link_refusal& r) { return r.kind >= *report.used; });
  std::sort(refused.begin(), refused.end(),
            [](const link_refusal& a, const link_refusal& b) { return a.kind < b.kind; });
  const auto unmet = std::find_if(refused.begin(), refused.end(),
                                  [&](const link_refusal& r) { return asked == link_kinds(r.kind); });
  // Of plain files the plan has warned as a whole; of tiny ones nobody wants to know.
  const bool expected =
      into.what.size < hard_link::smallest || (where_.plain_files && asked != link_kinds(link_kind::reflink));
  if (unmet != refused.end() && !expected) {
    const auto kind = std::string(to_string(unmet->kind));
    warn_once(into.result, kind + unmet->reason,
              target + " was copied: a " + kind + " is not possible here (" + unmet->reason + ").");
  }
  if (into.made.empty()) into.result.refused = std::move(refused);
}

HUBCACHE_DECL bool link_batch::needs_sync(link_kind kind) const noexcept {
  // The blocks of a clone are on disk when it is made, and its name is never there before they are.
  if (kind == link_kind::reflink) return mode_ == fsync_mode::each;
  return kind == link_kind::copy && mode_ != fsync_mode::none;
}

HUBCACHE_DECL void link_batch::sync(item& of) const {
  for (const auto& made : of.made) {
    if (of.result.failure || !needs_sync(made.kind)) continue;
    const auto file = os::open_read(made.path, of.result.failure);
    if (!of.result.failure) os::sync(file, of.result.failure);
  }
}

HUBCACHE_DECL void link_batch::name(item& of) const {
  auto& result = of.result;
  if (of.made.empty()) return;
  for (const auto& made : of.made) {
    if (!result.failure) detail::give_name(where_, root_, made.path, made.target, mode_, result.failure);
    if (result.failure) break;
    std::error_code ec;
    // Renaming one hard link over another of the same inode leaves both names.
    if (made.kind == link_kind::hard_link) os::remove(made.path, ec);
    const auto path = where_.root + "/" + made.target;
    const auto status = root_.status(made.target, ec);
    if (made.kind == link_kind::copy) result.allocated += status.allocated;
    if (made.kind != link_kind::symlink && !ec) {
      result.records.push_back(
          verified_record(of.what.name, path, status.identity, detail::store_of(where_)));
      // One inode, whose ctime the link has changed: without this the source would count as changed.
      if (made.kind == link_kind::hard_link) {
        result.records.push_back(verified_record(of.what.name, of.from.path, status.identity, of.from.store));
      }
    }
    if (!result.target) result.target = path;
  }
  if (result.failure) {
    result.warnings.push_back(of.from.path + " cannot be linked: " + result.failure.message() + ".");
    result.target.reset();
    result.allocated = 0;
    discard(of);
  } else {
    result.link = of.made.front().kind;
    result.source = of.from.path;
    detail::add_twin(result.records, *result.target, of.what, hashes_, detail::store_of(where_));
    of.made.clear();
  }
}

HUBCACHE_DECL void link_batch::discard(item& of) const noexcept {
  std::error_code ignored;  // a leftover is pruned by any Hub client
  for (const auto& made : of.made) os::remove(made.path, ignored);
  of.made.clear();
}

HUBCACHE_DECL void link_batch::warn_once(placed_content& result, const std::string& subject,
                                         std::string text) {
  if (told_.insert(subject).second) result.warnings.push_back(std::move(text));
}

}  // namespace hubcache::inline v0_1
