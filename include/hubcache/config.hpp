#pragma once
/// @file
/// Build switches of the library; nothing else in hubcache is a macro.
///
/// HUBCACHE_SEPARATE_COMPILATION   define it everywhere and include <hubcache/src.hpp> in exactly one
///                                 source file: the non-template code is then compiled once.

#include <hubcache/version.hpp>

#if !defined(__cplusplus) || __cplusplus < 202002L
#error "hubcache needs C++20: compile with -std=c++20 or newer"
#endif

#if defined(HUBCACHE_SEPARATE_COMPILATION)
#define HUBCACHE_DECL
#else
#define HUBCACHE_DECL inline
#endif
