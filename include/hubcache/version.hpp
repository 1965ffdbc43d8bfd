#pragma once
/// @file
/// The version, and the inline namespace that keeps two versions in one program apart.

#define HUBCACHE_VERSION_MAJOR 0  ///< Changes when the API breaks.
#define HUBCACHE_VERSION_MINOR 1  ///< Changes when something is added; below 1.0 also when the API breaks.
#define HUBCACHE_VERSION_PATCH 0  ///< Changes when something is mended.

namespace hubcache::inline v0_1 {

inline constexpr const char* version = "0.1.0";  ///< Of the headers, as text.

}  // namespace hubcache::inline v0_1
