#pragma once
/// @file
/// Writing JSON text; whoever writes an object puts the punctuation itself.

#include <hubcache/config.hpp>

#include <string>
#include <string_view>

namespace hubcache::inline v0_1 {

/// Appends `text` as a JSON string, quotes included. With `ascii_only` all but ASCII becomes `\uXXXX`
/// (surrogate pairs above U+FFFF): byte for byte what Python's json.dump writes by default. Malformed UTF-8
/// becomes U+FFFD.
HUBCACHE_DECL void append_json_string(std::string& out, std::string_view text, bool ascii_only);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/hub_json_text.ipp>
#endif
