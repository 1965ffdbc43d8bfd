#pragma once
/// @file
/// Half of <hubcache/src.hpp>: what needs no network.

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#error "define HUBCACHE_SEPARATE_COMPILATION for every source file of the program"
#endif

#include <hubcache/impl/confirm.ipp>
#include <hubcache/impl/content_lock.ipp>
#include <hubcache/impl/environment.ipp>
#include <hubcache/impl/error.ipp>
#include <hubcache/impl/for_each.ipp>
#include <hubcache/impl/hash_cryptopp.ipp>
#include <hubcache/impl/hash_file.ipp>
#include <hubcache/impl/hash_openssl.ipp>
#include <hubcache/impl/hash_xxh3.ipp>
#include <hubcache/impl/http_message.ipp>
#include <hubcache/impl/hub_answer.ipp>
#include <hubcache/impl/hub_endpoint.ipp>
#include <hubcache/impl/hub_json_text.ipp>
#include <hubcache/impl/hub_layout.ipp>
#include <hubcache/impl/hub_parse.ipp>
#include <hubcache/impl/hub_route.ipp>
#include <hubcache/impl/index_writer.ipp>
#include <hubcache/impl/link_copy.ipp>
#include <hubcache/impl/link_failure.ipp>
#include <hubcache/impl/link_first_of.ipp>
#include <hubcache/impl/link_hard_link.ipp>
#include <hubcache/impl/link_reflink.ipp>
#include <hubcache/impl/link_symlink.ipp>
#include <hubcache/impl/link_unpublished.ipp>
#include <hubcache/impl/local_layout.ipp>
#include <hubcache/impl/mapped_index.ipp>
#include <hubcache/impl/mapping.ipp>
#include <hubcache/impl/memory_index.ipp>
#include <hubcache/impl/os_file.ipp>
#include <hubcache/impl/os_folder.ipp>
#include <hubcache/impl/os_lock.ipp>
#include <hubcache/impl/partial.ipp>
#include <hubcache/impl/plan.ipp>
#include <hubcache/impl/publish.ipp>
#include <hubcache/impl/record_log.ipp>
#include <hubcache/impl/repo.ipp>
#include <hubcache/impl/retry.ipp>
#include <hubcache/impl/scan.ipp>
#include <hubcache/impl/select_patterns.ipp>
#include <hubcache/impl/slot_table.ipp>
#include <hubcache/impl/snapshot.ipp>
#include <hubcache/impl/text.ipp>
#include <hubcache/impl/url.ipp>
#include <hubcache/impl/workers.ipp>
