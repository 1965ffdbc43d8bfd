#pragma once
/// @file
/// Results of the C API: views of what the library returned.

#include <hubcache/pipeline.hpp>
#include <hubcache/plan/bundle.hpp>
#include <hubcache/plan/snapshot.hpp>
#include <hubcache_c.h>

#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1::c_api {

static_assert(HUBCACHE_OUTCOME_PRESENT == static_cast<int>(file_action::present));
static_assert(HUBCACHE_OUTCOME_LINKED == static_cast<int>(file_action::linked));
static_assert(HUBCACHE_OUTCOME_FETCHED == static_cast<int>(file_action::fetched));

/// Elements that stay where they are, and the list of pointers to them that C gets.
template <class View>
struct view_list {
  View& add() {
    auto& added = views.emplace_back();
    pointers.push_back(&added);
    return added;
  }

  std::deque<View> views;
  std::vector<const View*> pointers;
};

/// A view of a result, and what it looks at.
class result_view : public hubcache_result {
 public:
  explicit result_view(const hubcache::snapshot& what) : result_view(what, what.totals) {
    for (const auto& one : what.files) add_file(what, one);
    show_files();
    path = snapshot;
  }

  /// @param opened  what of it is opened
  result_view(const bundle& what, std::size_t part, const std::string& opened)
      : result_view(what.parts[part], what.totals) {
    for (const auto& one : what.files) {
      auto& added = add_file(what.parts[one.part], one.file);
      added.role = keep(one.role);
      if (one.sha256) added.sha256 = keep(one.sha256->hex());
    }
    show_files();
    path = keep(opened);
  }

  result_view(const result_view&) = delete;
  result_view& operator=(const result_view&) = delete;

  void add_components(const pipeline& of) {
    for (const auto& [called, place] : of.components) {
      auto& added = components_.add();
      added.name = keep(called);
      added.dir = keep(place.dir);
      auto& paths = paths_.emplace_back();
      for (const auto& file : place.files) paths.push_back(keep(file));
      added.files = paths.data();
      added.file_count = paths.size();
    }
    components = components_.pointers.data();
    component_count = components_.pointers.size();
  }

 private:
  result_view(const hubcache::snapshot& first, const snapshot_totals& sums) : hubcache_result{} {
    repo = keep(first.repo.id());
    commit = keep(first.commit);
    snapshot = keep(first.path);
    fill(mapping_, first.mapping);
    mapping = mapping_.pointers.data();
    mapping_count = mapping_.pointers.size();
    fill(stale_, first.stale_mapping);
    stale = stale_.pointers.data();
    stale_count = stale_.pointers.size();
    totals_ = {sums.bytes_total, sums.bytes_present, sums.bytes_linked, sums.bytes_fetched,
               sums.bytes_wire,  sums.requests,      sums.disk_delta,   sums.seconds};
    totals = &totals_;
  }

  const char* keep(std::string text) { return texts_.emplace_back(std::move(text)).c_str(); }

  hubcache_file& add_file(const hubcache::snapshot& of, const snapshot_file& one) {
    auto& added = files_.add();
    added.name = keep(one.path);
    added.path = keep(of.path_of(one.path));
    added.repo = keep(of.repo.id());
    added.commit = keep(of.commit);
    added.role = "";
    added.etag = keep(one.what.name.hex());
    added.sha256 = one.what.name.algorithm() == digest_algorithm::sha256 ? added.etag : "";
    added.size = one.what.size;
    added.outcome = static_cast<int>(one.action);
    added.link = one.link ? to_string(*one.link).data() : "";  // literals
    added.source = keep(one.source);
    return added;
  }
  void show_files() {
    files = files_.pointers.data();
    file_count = files_.pointers.size();
  }
  void fill(view_list<hubcache_mapped>& into, const cache_mapping& what) {
    for (const auto& [name, place] : what) {
      auto& added = into.add();
      added.sha256 = keep(name.hex());
      added.path = keep(place);
    }
  }

  std::deque<std::string> texts_;
  std::deque<std::vector<const char*>> paths_;
  view_list<hubcache_file> files_;
  view_list<hubcache_component> components_;
  view_list<hubcache_mapped> mapping_;
  view_list<hubcache_mapped> stale_;
  hubcache_totals totals_{};
};

}  // namespace hubcache::inline v0_1::c_api
