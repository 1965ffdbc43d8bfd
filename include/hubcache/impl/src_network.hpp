#pragma once
/// @file
/// Half of <hubcache/src.hpp>: what speaks over the network.

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#error "define HUBCACHE_SEPARATE_COMPILATION for every source file of the program"
#endif
#if defined(__GNUC__) && !defined(__clang__)
// g++ takes lambdas in the coroutines of a header for types that several files might define differently.
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif

#include <hubcache/impl/bundle.ipp>
#include <hubcache/impl/cache.ipp>
#include <hubcache/impl/content_range.ipp>
#include <hubcache/impl/fetch.ipp>
#include <hubcache/impl/fetch_whole.ipp>
#include <hubcache/impl/gguf_model.ipp>
#include <hubcache/impl/hub_source.ipp>
#include <hubcache/impl/inspect.ipp>
#include <hubcache/impl/pace.ipp>
#include <hubcache/impl/partial_sink.ipp>
#include <hubcache/impl/pause.ipp>
#include <hubcache/impl/peek.ipp>
#include <hubcache/impl/pipeline.ipp>
#include <hubcache/impl/pipeline_assembly.ipp>
#include <hubcache/impl/pipeline_components.ipp>
#include <hubcache/impl/pipeline_connected.ipp>
#include <hubcache/impl/pipeline_drafts.ipp>
#include <hubcache/impl/pipeline_links.ipp>
#include <hubcache/impl/pipeline_prepare.ipp>
#include <hubcache/impl/policies.ipp>
#include <hubcache/impl/prepare.ipp>
#include <hubcache/impl/recipe.ipp>
#include <hubcache/impl/run.ipp>
#include <hubcache/impl/run_fetches.ipp>
#include <hubcache/impl/run_jobs.ipp>
#include <hubcache/impl/run_links.ipp>
#include <hubcache/impl/run_present.ipp>
#include <hubcache/impl/run_results.ipp>
#include <hubcache/impl/run_small_files.ipp>
#include <hubcache/impl/slots.ipp>
#include <hubcache/impl/transport.ipp>
#include <hubcache/impl/transport_connect_race.ipp>
#include <hubcache/impl/transport_connection.ipp>
#include <hubcache/impl/transport_connection_pool.ipp>
#include <hubcache/impl/transport_http1.ipp>
#include <hubcache/impl/transport_https.ipp>
#include <hubcache/impl/transport_memory.ipp>
#include <hubcache/impl/transport_proxy.ipp>
#if !defined(HUBCACHE_WITHOUT_TLS)
#include <hubcache/impl/transport_tls.ipp>
#endif
#include <hubcache/impl/transport_watchdog.ipp>
