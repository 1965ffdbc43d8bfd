#pragma once
/// @file
/// The version, and the inline namespace that keeps two versions in one program apart.

#define HUBCACHE_VERSION_MAJOR 0
#define HUBCACHE_VERSION_MINOR 1
#define HUBCACHE_VERSION_PATCH 0

namespace hubcache::inline v0_1 {

inline constexpr const char* version = "0.1.0";

}  // namespace hubcache::inline v0_1
