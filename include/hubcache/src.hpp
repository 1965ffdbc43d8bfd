#pragma once
/// @file
/// The non-template code, to be compiled once: with HUBCACHE_SEPARATE_COMPILATION defined everywhere, include this
/// in exactly one source file (or its two halves in two, which compile side by side).

#include <hubcache/impl/src_core.hpp>
#include <hubcache/impl/src_network.hpp>
