#pragma once
/// @file
/// Which GGUF files of a repo make up one model, as llama.cpp picks them. Pure.
///
/// A model is a path that ends in ".gguf" and whose last segment is no projector, importance matrix or draft head. A tag
/// matches where '.' or '-' follows it anywhere in the path, in any case. Without a tag: Q4_K_M, then Q8_0, then the
/// first model. Of a split set only the first part can be picked; the others come with it. The projector (mmproj)
/// comes from the model's folder or one above it: the deepest, then the nearest in bits, then the first.

#include <hubcache/config.hpp>
#include <hubcache/error.hpp>
#include <hubcache/select/role.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// What was picked.
struct gguf_selection {
  gguf_selection() = default;

  std::string primary;  ///< The file to open: the first part of a split set; empty if `preset` alone.
  std::vector<std::string> parts;  ///< Of the model, in the listing's order; one if it is not split.
  std::string mmproj;              ///< The projector; empty if there is none.
  /// Heads for speculative decoding, if asked for, in the listing's order: of each kind (mtp-, eagle3-, dflash-, dspark-)
  /// the one that goes best with the model, as the projector is picked, but one with the tag first.
  std::vector<std::string> drafts;
  std::string preset;  ///< "preset.ini" if the repo has one at its root: then nothing else is picked.
  std::vector<std::string>
      warnings;  ///< One sentence each: of parts or drafts that the repo lacks, of a preset.

  /// The same as roles: model (the primary), split (its other parts), mmproj, draft, preset. Sorted; a file that could
  /// have two has the first of them.
  [[nodiscard]] HUBCACHE_DECL std::vector<file_role> roles() const;

  friend bool operator==(const gguf_selection&, const gguf_selection&) = default;
};
static_assert(!std::is_aggregate_v<gguf_selection>);

/// What is asked of one model.
struct gguf_wish {
  gguf_wish() = default;
  /// Sets tag.
  explicit gguf_wish(std::string t) : tag(std::move(t)) {}

  std::string tag;      ///< "Q4_K_M"; literal text by is_gguf_tag(); empty: the default order.
  bool drafts = false;  ///< The sidecars for speculative decoding, too.

  /// Sets drafts.
  gguf_wish&& with_drafts(bool value) && {
    drafts = value;
    return std::move(*this);
  }

  friend bool operator==(const gguf_wish&, const gguf_wish&) = default;
};
static_assert(!std::is_aggregate_v<gguf_wish>);

/// Whether `text` can be a tag: one or more of [A-Za-z0-9._-].
[[nodiscard]] HUBCACHE_DECL bool is_gguf_tag(std::string_view text) noexcept;

/// Picks from `listing`, the paths in the order in which the Hub reports them (listing::as_reported()).
/// @pre is_gguf_tag(wish.tag), or it is empty.
/// @throws error errc::file_not_found: nothing matches (the detail names the models that are there)
[[nodiscard]] HUBCACHE_DECL gguf_selection select_gguf(std::span<const std::string> listing,
                                                       const gguf_wish& wish);

/// One model of a repo that could be picked.
struct gguf_choice {
  gguf_choice() = default;

  std::string primary;             ///< Its path, or that of the first part of its set.
  std::vector<std::string> parts;  ///< As of gguf_selection.

  friend bool operator==(const gguf_choice&, const gguf_choice&) = default;
};
static_assert(!std::is_aggregate_v<gguf_choice>);

/// All models of a repo, in the listing's order; a split set without its first part is none. O(n log n).
[[nodiscard]] HUBCACHE_DECL std::vector<gguf_choice> gguf_choices(std::span<const std::string> listing);

namespace detail {

/// select_gguf(), but none if nothing matches.
[[nodiscard]] HUBCACHE_DECL std::optional<gguf_selection> find_gguf(std::span<const std::string> listing,
                                                                    const gguf_wish& wish);

/// That nothing in `listing` matches `wish`; `choices` has a line of text for each model that is there.
[[nodiscard]] HUBCACHE_DECL error no_gguf_matches(std::span<const std::string> listing, const gguf_wish& wish,
                                                  const std::vector<std::string>& choices);

}  // namespace detail

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/select_gguf.ipp>
#endif
