#pragma once
/// @file
/// Build switches of the library; nothing else in hubcache is a macro.
///
/// HUBCACHE_SEPARATE_COMPILATION   define it everywhere and include <hubcache/src.hpp> in exactly one
///                                 source file: the non-template code is then compiled once.
/// HUBCACHE_WITHOUT_TLS            define it everywhere, and libssl is neither included nor linked: https_transport ends
///                                 https exchanges with errc::tls_failed. All else stays, libcrypto for the hashes
///                                 and transports of your own among it.
/// HUBCACHE_IMPLEMENTATION         of single_include/hubcache.hpp alone, which has no src.hpp: define it, too, in that
///                                 source file.
///
/// Defined here: HUBCACHE_DECL, which stands before every function with a body elsewhere, and the numbers
/// HUBCACHE_VERSION_MAJOR, HUBCACHE_VERSION_MINOR and HUBCACHE_VERSION_PATCH.

#include <hubcache/version.hpp>

#if !defined(__cplusplus) || __cplusplus < 202002L
#error "hubcache needs C++20: compile with -std=c++20 or newer"
#endif
#if !defined(__cpp_exceptions) || !defined(__cpp_rtti)
#error "hubcache reports failures by exceptions and needs typeid: compile without -fno-exceptions and -fno-rtti"
#endif

#if defined(HUBCACHE_SEPARATE_COMPILATION)
#define HUBCACHE_DECL
#else
#define HUBCACHE_DECL inline
#endif
