#include <hubcache/event.hpp>
#include <hubcache/index/index_report.hpp>
#include <hubcache/link/link_strategy.hpp>
#include <hubcache/plan/bundle.hpp>
#include <hubcache/plan/inspected.hpp>
#include <hubcache/settings.hpp>
#include <hubcache/transport/https.hpp>
#include <hubcache/upkeep/clean_up.hpp>
#include <hubcache/upkeep/dedupe.hpp>
#include <hubcache/upkeep/gc.hpp>
#include <hubcache/upkeep/index_folder.hpp>
#include <hubcache/upkeep/quarantine.hpp>
#include <hubcache/upkeep/rebuild.hpp>
#include <hubcache/upkeep/survey.hpp>
#include <hubcache/upkeep/verify.hpp>
#include <hubcache/upkeep/why.hpp>

#include <doctest/doctest.h>

#include <concepts>

namespace {

// An operator== that is defaulted and cannot work is deleted without a word: here it does not compile.
template <class... T>
concept values = (std::regular<T> && ...);
template <class... T>
concept comparable = (std::equality_comparable<T> && ...);

static_assert(
    values<hubcache::settings, hubcache::snapshot_options, hubcache::repo_url, hubcache::repo_info>);
static_assert(values<hubcache::plan, hubcache::snapshot, hubcache::bundle_plan, hubcache::bundle>);
static_assert(values<hubcache::inspected_repo, hubcache::comparison, hubcache::event>);
static_assert(values<hubcache::census, hubcache::disk_map, hubcache::repo_usage, hubcache::removal>);
static_assert(
    values<hubcache::removal_report, hubcache::gc_goal, hubcache::gc_plan, hubcache::dedupe_options>);
static_assert(values<hubcache::dedupe_plan, hubcache::quarantine_plan, hubcache::verification>);
static_assert(values<hubcache::why_report, hubcache::rebuild_report, hubcache::folder_plan>);
static_assert(values<hubcache::folder_report, hubcache::folder_options>);
static_assert(values<hubcache::why_scope, hubcache::folder_progress, hubcache::index_report>);
static_assert(values<hubcache::link_report, hubcache::transport_options>);
static_assert(comparable<hubcache::removal_choice, hubcache::ledger_view, hubcache::error_context>);
static_assert(comparable<hubcache::survey>);

}  // namespace

TEST_CASE("Plans are compared member by member") {
  hubcache::plan one;
  one.repo = hubcache::repo("acme/llm");
  one.steps.emplace_back().file = "a";
  auto other = one;
  CHECK(one == other);
  other.steps.front().action = hubcache::file_action::linked;
  CHECK(one != other);
}

TEST_CASE("Settings with another token are other settings") {
  hubcache::settings one, other;
  CHECK(one == other);
  other.token = hubcache::secret("hf_x");
  CHECK(one != other);
}
