#pragma once
/// @file
/// Indexes in JSON with some of their values changed and all else kept byte for byte: model_index.json with other
/// classes, an index of shards with other file names. Pure; safe with any bytes.

#include <hubcache/config.hpp>

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace hubcache::inline v0_1 {

/// The object `text` with these members, name -> value in JSON: a value takes the place of the one that is there;
/// else the member is added at the end, in a line of its own. O(size).
/// @throws error errc::malformed_file if `text` is no JSON object
[[nodiscard]] HUBCACHE_DECL std::string with_members(
    std::string_view text, const std::map<std::string, std::string, std::less<>>& values);

/// An index of shards ("x.safetensors.index.json"), `names` (old -> new) put in the place of the file names in its
/// "weight_map". O(size).
/// @throws error errc::malformed_file if `text` is no object with a "weight_map" of texts, or one of these is not among
///         `names`: a loader would look for a file that is not there, or elsewhere
[[nodiscard]] HUBCACHE_DECL std::string with_shard_names(
    std::string_view text, const std::map<std::string, std::string, std::less<>>& names);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/index_text.ipp>
#endif
