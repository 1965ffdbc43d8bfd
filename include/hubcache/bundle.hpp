#pragma once
/// @file
/// Several repos in one plan and one run. What chooses their files (pipeline, gguf_model, recipe) drafts the parts.

#include <hubcache/peek.hpp>
#include <hubcache/plan/bundle.hpp>
#include <hubcache/prepare.hpp>
#include <hubcache/services.hpp>

#include <asio/awaitable.hpp>

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// Carries out a bundle's parts one after the other; before each the index is asked again, so that it links what the
/// ones before brought. Then hashes the small files whose sha256 nobody told.
/// @throws error  the first failure; what was done stays. errc::digest_mismatch for a small file that was here before and
///         is not what its name says
/// Cancellation: terminal, as of run().
[[nodiscard]] HUBCACHE_DECL asio::awaitable<bundle> run(services with, bundle_plan what);

namespace detail {

/// A part whose listing is known and whose files are chosen (in draft.what.options.files).
struct part_draft {
  part_draft() = default;

  plan_draft draft;
  std::vector<file_role> roles;
};
static_assert(!std::is_aggregate_v<part_draft>);

/// Joins parts of the same commit and view into one, looks at this machine, and shares contents between the parts. Where content of another part could be linked
/// and nothing has proved yet that this caller is let in, the Hub is asked.
///
/// A joined part has the files, roles, refs and requirements of all; it verifies, or downloads by force, if one asks for
/// that, and uses the smart cache if all do. How files are linked and how many transfers there may be must be the same;
/// mapping and lock are those of the first.
/// @param hub  has made the drafts' requests: what it counted is the first part's, so that every request counts once
/// @throws error errc::invalid_argument for two commits in one local folder, or for options that contradict each
///         other; as prepare()
[[nodiscard]] HUBCACHE_DECL asio::awaitable<bundle_plan> complete_bundle(services with, hub_source& hub,
                                                                         std::vector<part_draft> parts);

}  // namespace detail

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/bundle.ipp>
#endif
