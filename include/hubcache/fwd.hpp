#pragma once
/// @file
/// Names only, and the default policies: nearly free to include. For headers that hold a cache by reference or by
/// std::unique_ptr, or name values of hubcache in their functions.

#include <hubcache/config.hpp>

namespace hubcache::inline v0_1 {

// The words: digest, repo, listing, error, event, settings, store .hpp
enum class digest_algorithm : unsigned char;
class digest;
struct content;
enum class repo_type : unsigned char;
class repo;
struct repo_url;
struct file_entry;
struct listing;
struct repo_info;
enum class errc;
struct error_context;
class error;
namespace events {
struct planned;
struct linked;
struct started;
struct advanced;
struct retried;
struct fetched;
struct warning;
}  // namespace events
class observer_ref;
class secret;
enum class fsync_mode : unsigned char;
struct proxy_settings;
struct settings;
enum class mutability : unsigned char;
enum class store_kind : unsigned char;
enum class store_origin : unsigned char;
struct store;
class url;
enum class link_kind : unsigned char;
class link_kinds;
enum class requirement : unsigned char;
class requirements;

// One snapshot: plan/
class snapshot_options;
struct link_rule;
struct plan;
struct plan_entry;
struct plan_step;
enum class file_action : unsigned char;
struct snapshot;
struct snapshot_file;
struct snapshot_totals;

// What a model needs, and several repos: pipeline, gguf_model, recipe, inspect .hpp
struct bundle;
struct bundle_file;
struct bundle_part;
struct bundle_plan;
struct part_cost;
struct file_role;
enum class pipeline_selection : unsigned char;
struct diffusers_wish;
class pipeline_options;
struct pipeline_request;
struct pipeline_plan;
struct planned_component;
struct planned_pipeline;
struct component_place;
struct pipeline;
struct pipelines;
struct gguf_wish;
struct recipe;
struct recipe_role;
struct role_path;
struct lock_file;
struct locked_file;
struct locked_repo;
struct tensor_info;
struct inspected_file;
struct inspected_folder;
struct inspected_repo;
struct comparison;
struct assembly;
struct assembly_file;
struct assembly_text;
struct assembly_report;
struct assembled_file;
class mapped_weights;

// Looking after a cache: upkeep/
struct census;
struct census_content;
struct census_entry;
struct census_partial;
struct census_problem;
struct census_repo;
struct census_revision;
struct disk_map;
struct survey;
struct repo_usage;
struct why_report;
struct why_scope;
class ledger;
struct pin;
struct pin_list;
struct ledger_view;
struct removal_choice;
struct removal;
struct removal_report;
struct gc_goal;
struct gc_plan;
struct leftover_rule;
struct dedupe_options;
struct dedupe_plan;
enum class verdict : unsigned char;
struct verify_options;
struct verify_scope;
struct verification;
struct checked_file;
struct quarantine_plan;
struct folder_options;
struct folder_plan;
struct folder_progress;
struct folder_report;
struct rebuild_report;

// The policies and their words
class workers;
class header_list;
struct http_request;
struct http_response;
struct response_head;
class body_sink;
struct transport_options;
class transport_ref;
class https_transport;
class any_transport;
class memory_transport;
class any_hasher;
class any_hash_policy;
class hash_set_ref;
class multi_buffer_sha256;
class openssl_sha256;
class openssl_sha1;
template <class Sha256, class Sha1>
class hash_set;
struct opened_file;
struct link_target;
struct link_report;
class link_ref;
class any_link_strategy;
class reflink;
class hard_link;
class symlink;
class copy;
template <class... Strategies>
class first_of;
enum class trust : unsigned char;
struct place;
struct index_record;
class index_ref;
class any_content_index;
class mapped_index;
class memory_index;

/// The fastest on this CPU.
using default_hashes = hash_set<multi_buffer_sha256, openssl_sha1>;
/// Best kind first; a symlink only for callers whose `kinds` ask for one.
using default_link = first_of<reflink, hard_link, symlink, copy>;

template <class Transport, class Hashes, class Link, class Index>
class basic_cache;

/// The ready-made cache: HTTPS over Asio and OpenSSL; the fastest hashes here; reflink, hard link or copy; the
/// memory-mapped index.
using cache = basic_cache<https_transport, default_hashes, default_link, mapped_index>;

}  // namespace hubcache::inline v0_1
