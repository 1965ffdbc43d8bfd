#pragma once
/// @file
/// hubcache for C and for whatever calls C: docs/c-api.md.
///
/// Calls that can fail return HUBCACHE_OK or the code of the failure, and take a `const hubcache_error**` last: NULL, or
/// where to put what happened. It is set to NULL on success and to an error on failure, which the caller frees. Results
/// (`result`, `settings`, ...) are set to NULL on failure. A NULL argument that is needed is HUBCACHE_ERROR_INVALID_ARGUMENT.
/// No call throws, prints, or ends the process.
///
/// Memory: what a *_new, hubcache_open or a call that fetches gives belongs to the caller, until the *_free or
/// hubcache_close of its type, which take NULL, too. Strings and structs that a result or an error leads to live as long
/// as it does. Strings that are passed in are copied.
///
/// Structs are made by the library only and read through pointers: later versions add members at their end. Their
/// strings are never NULL: what does not apply is empty. Enumerators keep their values; later versions have more.
///
/// Strings end with NUL. Names on the Hub and texts are UTF-8; paths have the bytes of the file system.
///
/// Threads: a cache serves any number of calls at a time, from any threads; so does one request, as long as nobody changes
/// it. Other objects belong to one thread at a time, cancel tokens excepted. A thread in a call must not be ended from
/// outside (pthread_cancel), and no object is of use in the child of a fork.

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define HUBCACHE_C_API __attribute__((visibility("default")))
#else
#define HUBCACHE_C_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/// The version of the library that is loaded: "0.1.0".
HUBCACHE_C_API const char* hubcache_version(void);

// ---- Failures ---------------------------------------------------------------------------------------------------------

/// What can go wrong, and what to do then.
typedef enum hubcache_code {
  HUBCACHE_OK = 0,
  HUBCACHE_ERROR_INVALID_ARGUMENT = 1,    ///< An argument, key or value is malformed. Correct the call.
  HUBCACHE_ERROR_MISUSE = 2,              ///< Reserved: C calls do not fail so.
  HUBCACHE_ERROR_INVALID_MAPPING = 3,     ///< A mapping file is malformed. It was left untouched.
  HUBCACHE_ERROR_HOST_NOT_FOUND = 4,      ///< DNS knows no such host. Check endpoint and network.
  HUBCACHE_ERROR_CONNECTION_FAILED = 5,   ///< Nobody accepted the connection. Check endpoint, proxy and firewall.
  HUBCACHE_ERROR_CONNECTION_LOST = 6,     ///< It broke more often than retries allow. Call again: it resumes.
  HUBCACHE_ERROR_TIMED_OUT = 7,           ///< Nothing arrived within the timeout. Call again, or raise it.
  HUBCACHE_ERROR_TLS_FAILED = 8,          ///< Certificate or handshake refused.
  HUBCACHE_ERROR_PROXY_FAILED = 9,        ///< The proxy refused or failed.
  HUBCACHE_ERROR_BAD_RESPONSE = 10,       ///< The server broke HTTP or sent other JSON. A proxy in between is likely.
  HUBCACHE_ERROR_RATE_LIMITED = 11,       ///< 429 after all retries. Wait, or use a token.
  HUBCACHE_ERROR_SERVER_FAILED = 12,      ///< 5xx or 408 after all retries. Try later.
  HUBCACHE_ERROR_HTTP_FAILED = 13,        ///< Another HTTP status.
  HUBCACHE_ERROR_UNAUTHORIZED = 14,       ///< 401: no such repo, or a private one and no valid token.
  HUBCACHE_ERROR_GATED = 15,              ///< Accept the repo's terms on the Hub, and use a token.
  HUBCACHE_ERROR_FORBIDDEN = 16,          ///< 403: the token lacks permission.
  HUBCACHE_ERROR_REPO_NOT_FOUND = 17,     ///< 404: no such repo. Check its spelling and type.
  HUBCACHE_ERROR_REVISION_NOT_FOUND = 18, ///< No such branch, tag or commit.
  HUBCACHE_ERROR_FILE_NOT_FOUND = 19,     ///< The revision has no such file.
  HUBCACHE_ERROR_MALFORMED_FILE = 20,     ///< A file of the repo has not the form its name promises.
  HUBCACHE_ERROR_DIGEST_MISMATCH = 21,    ///< Bytes arrived that hash to something else. Nothing was published.
  HUBCACHE_ERROR_SIZE_MISMATCH = 22,      ///< More or fewer bytes arrived than listed. Nothing was published.
  HUBCACHE_ERROR_DISK_FULL = 23,          ///< Free some space and call again: it resumes.
  HUBCACHE_ERROR_DISK_FAILED = 24,        ///< The file system reported an error.
  HUBCACHE_ERROR_PERMISSION_DENIED = 25,  ///< The file system forbids it to this user.
  HUBCACHE_ERROR_NOT_CACHED = 26,         ///< Offline, and not all of it is in the cache.
  HUBCACHE_ERROR_REFUSED = 27,            ///< It would break a rule of safety: see the detail.
  HUBCACHE_ERROR_DISALLOWED = 28,         ///< A requirement forbids it: see the detail.
  HUBCACHE_ERROR_LOCK_MISMATCH = 29,      ///< Reserved: C calls use no lock files.
  HUBCACHE_ERROR_CANCELLED = 30,          ///< The caller cancelled. What arrived is kept and resumed next time.
  HUBCACHE_ERROR_INTERNAL = 31            ///< A bug, or no memory.
} hubcache_code;

/// A failure.
typedef struct hubcache_error {
  int code;                ///< A hubcache_code.
  const char* name;        ///< Of the code: "repo_not_found".
  const char* message;     ///< A paragraph for people: what failed, where, and what to do. Has no secrets.
  const char* detail;      ///< What was expected and what came, alone.
  const char* repo;        ///< As the caller named it, with its type if that is not model.
  const char* file;        ///< Path in the repo, or on disk.
  const char* url;         ///< Without query and credentials.
  const char* request_id;  ///< As the server named the exchange.
  int http_status;         ///< Of the answer that failed; 0 if there was none.
} hubcache_error;

/// Frees `error`; NULL is fine.
HUBCACHE_C_API void hubcache_error_free(const hubcache_error* error);

// ---- Settings ---------------------------------------------------------------------------------------------------------

/// What a cache is opened with.
typedef struct hubcache_settings hubcache_settings;

/// Settings from the process's environment, as every Hub client reads them (HF_HOME, HF_TOKEN, HF_ENDPOINT, ...). Not to be
/// called while another thread changes the environment. Reads files, too: that of the token, and stores.toml.
HUBCACHE_C_API int hubcache_settings_new(hubcache_settings** settings, const hubcache_error** error);

/// Overrides one setting.
///
/// | key                                | value                                                                        |
/// |------------------------------------|------------------------------------------------------------------------------|
/// | endpoint                           | http(s)://host[:port][/prefix]                                               |
/// | token                              | sent to the endpoint's origin only; empty: none                              |
/// | cache_dir                          | the Hub cache; the one that it replaces is still looked into                 |
/// | offline                            | 1: make no request at all; 0                                                 |
/// | require                            | of every snapshot, in addition: safetensors, scan, sha256, with commas       |
/// | fsync                              | none, batch or each                                                          |
/// | ca_file                            | PEM file of trusted roots                                                    |
/// | user_agent                         | your program's name and version: printable ASCII                             |
/// | metadata_timeout, download_timeout | seconds without a byte                                                       |
/// | attempts                           | of a request or transfer that makes no progress, the first included          |
HUBCACHE_C_API int hubcache_settings_set(hubcache_settings* settings, const char* key, const char* value,
                                         const hubcache_error** error);

/// Frees `settings`; caches that were opened with them have their own.
HUBCACHE_C_API void hubcache_settings_free(hubcache_settings* settings);

// ---- The cache --------------------------------------------------------------------------------------------------------

/// A cache.
typedef struct hubcache_cache hubcache_cache;

/// Opens a cache. Starts no thread: the first call that needs the network does. Touches no disk if it is given settings.
/// @param settings  copied; NULL: as hubcache_settings_new() reads them
HUBCACHE_C_API int hubcache_open(const hubcache_settings* settings, hubcache_cache** cache,
                                 const hubcache_error** error);

/// Closes `cache` and waits for its threads. No call may be using it.
HUBCACHE_C_API void hubcache_close(hubcache_cache* cache);

// ---- Cancellation -----------------------------------------------------------------------------------------------------

/// What cancels calls.
typedef struct hubcache_cancel_token hubcache_cancel_token;

/// A token that cancels the calls whose requests name it.
HUBCACHE_C_API int hubcache_cancel_token_new(hubcache_cancel_token** token, const hubcache_error** error);

/// Cancels them, those that begin later, too: they end within a fraction of a second with HUBCACHE_ERROR_CANCELLED, or
/// succeed if they were done. From any thread, and from a signal handler.
HUBCACHE_C_API void hubcache_cancel(hubcache_cancel_token* token);

/// Frees `token`. No request that names it may be used any more.
HUBCACHE_C_API void hubcache_cancel_token_free(hubcache_cancel_token* token);

// ---- Requests ---------------------------------------------------------------------------------------------------------

/// What a call is asked for.
typedef struct hubcache_request hubcache_request;

/// What is asked of one repo.
/// @param repo  "owner/name"
HUBCACHE_C_API int hubcache_request_new(const char* repo, hubcache_request** request,
                                        const hubcache_error** error);

/// Sets one option. Flags are 1 or 0. D, G, P: the calls that take it, hubcache_download() with hubcache_cached(),
/// hubcache_gguf(), hubcache_pipeline(); others fail with HUBCACHE_ERROR_INVALID_ARGUMENT. What is said to add may be set
/// again for more.
///
/// | key             | calls | value                                                                                   |
/// |-----------------|-------|-----------------------------------------------------------------------------------------|
/// | type            | D G   | model (default), dataset or space                                                       |
/// | revision        | D G P | branch, tag, commit or refs/pr/N (default: main)                                        |
/// | file            | D     | adds an exact path, or a folder ending in '/': only these; patterns do not apply then   |
/// | allow           | D     | adds a glob pattern: only files that match one                                          |
/// | ignore          | D     | adds a glob pattern: no files that match one                                            |
/// | mapping         | D G   | flag: tell where every content is, in hubcache_result::mapping                          |
/// | mapping_file    | D G   | JSON object {"<sha256>": "<path>"} of files you have; completed after the call          |
/// | tag             | G     | "Q4_K_M" (default: Q4_K_M, else Q8_0, else the first model)                             |
/// | drafts          | G     | flag: draft heads for speculative decoding, too                                         |
/// | variant         | P     | weights of this variant where there are some: fp16                                      |
/// | select          | P     | diffusers (default): what diffusers downloads; minimal: without what it never reads     |
/// | use_safetensors | P     | flag: these or nothing, or none (default: where every component has them)               |
/// | use_onnx        | P     | flag: ONNX weights, too, or none (default: as the pipeline's class needs)               |
/// | skip            | P     | adds a component that you have yourself                                                 |
/// | assemble        | P     | a folder that shall show the pipeline as one, whatever repos its components are from    |
/// | plain_names     | P     | flag: in that folder variants lose their suffix: x.fp16.safetensors is x.safetensors    |
/// | local_dir       | D G P | put plain files into this folder instead of the cache                                   |
/// | force_download  | D G P | flag: fetch every file again                                                            |
/// | verify          | D G P | flag: hash what is here, too; fetch again what does not match                           |
/// | smart_cache     | D G P | flag (default 1): use what lies anywhere on this machine                                |
/// | link            | D G P | auto (default), reflink, hardlink, symlink or copy; GLOB=KIND adds an exception         |
/// | require         | D G P | adds to what the settings require: safetensors, scan, sha256, with commas               |
/// | max_transfers   | D G P | exchanges in flight at a time, at most (default: 32)                                    |
HUBCACHE_C_API int hubcache_request_set(hubcache_request* request, const char* key, const char* value,
                                        const hubcache_error** error);

/// Adds a file that the caller has: its content is checked, then linked or copied instead of fetched. Calls D and G; sets
/// "mapping", too.
/// @param sha256  64 lower-case hex digits
HUBCACHE_C_API int hubcache_request_map(hubcache_request* request, const char* sha256, const char* path,
                                        const hubcache_error** error);

/// What a call tells while it runs.
typedef enum hubcache_phase {
  HUBCACHE_PHASE_PLANNED = 0,   ///< It is known what will be fetched; once for each repo.
  HUBCACHE_PHASE_LINKED = 1,    ///< `file` was linked from `text`.
  HUBCACHE_PHASE_STARTED = 2,   ///< The transfer of `file` begins.
  HUBCACHE_PHASE_ADVANCED = 3,  ///< More of `file` arrived.
  HUBCACHE_PHASE_RETRIED = 4,   ///< The transfer of `file` failed and is tried again: `text` is why.
  HUBCACHE_PHASE_FETCHED = 5,   ///< `file` is complete, verified and published.
  HUBCACHE_PHASE_WARNING = 6,   ///< `text` is something to know, which stops nothing.
  HUBCACHE_PHASE_WAITING = 7    ///< Nothing new for a tenth of a second.
} hubcache_phase;

/// One piece of news.
typedef struct hubcache_progress {
  int phase;             ///< A hubcache_phase; leave out those you do not know.
  const char* repo;      ///< Of PLANNED.
  const char* file;      ///< Path in the repo.
  const char* text;      ///< Why, or what; of RETRIED and WARNING. Of LINKED: from which path.
  uint64_t bytes_done;   ///< Of what has to cross the network, in all: arrived, or resumed. Retries take back.
  /// Of all repos of the call, from the first PLANNED on. Grows if something turns out to be missing, shrinks if it is linked
  /// after all. Stays above bytes_done if another process puts a file in its place meanwhile.
  uint64_t bytes_total;
  uint64_t file_bytes_done;   ///< Of `file`, here.
  uint64_t file_bytes_total;  ///< Of `file`, in all.
} hubcache_progress;

/// Called on the thread that made the call, one at a time. May call whatever it likes, the same cache included, but not
/// close or free what the call uses, and must return. While it runs the transfer goes on; news of bytes that pile up are
/// told as one.
/// @param news  valid until it returns
/// @return      0 to go on; else the call is cancelled, and tells no more. It succeeds all the same if it was done
typedef int (*hubcache_progress_function)(void* context, const hubcache_progress* news);

/// @param function  NULL: tell nothing
/// @param context   handed to it; not touched
HUBCACHE_C_API int hubcache_request_on_progress(hubcache_request* request,
                                                hubcache_progress_function function, void* context,
                                                const hubcache_error** error);

/// @param token  cancels calls with this request; must outlive it. NULL: none
HUBCACHE_C_API int hubcache_request_cancelled_by(hubcache_request* request, hubcache_cancel_token* token,
                                                 const hubcache_error** error);

/// Frees `request`. No call may be using it.
HUBCACHE_C_API void hubcache_request_free(hubcache_request* request);

// ---- Results ----------------------------------------------------------------------------------------------------------

/// Where a file's content came from.
typedef enum hubcache_outcome {
  HUBCACHE_OUTCOME_PRESENT = 0,  ///< It was in this repo's cache.
  HUBCACHE_OUTCOME_LINKED = 1,   ///< It lay elsewhere on this machine.
  HUBCACHE_OUTCOME_FETCHED = 2   ///< It crossed the network.
} hubcache_outcome;

/// One file.
typedef struct hubcache_file {
  const char* name;    ///< Path in the repo.
  const char* path;    ///< Absolute: where it is.
  const char* repo;    ///< "owner/name"
  const char* commit;  ///< 40 hex digits.
  const char* role;    ///< "model", "split", "mmproj", "component:vae", "pipeline", ...; of hubcache_download(): empty.
  const char* etag;    ///< As the Hub names its content: sha256, or git's sha1 of a small file.
  const char* sha256;  ///< 64 hex digits; empty if nobody needed it.
  uint64_t size;       ///< Bytes.
  int outcome;         ///< A hubcache_outcome.
  const char* link;    ///< If linked: "reflink", "hardlink", "symlink" or "copy".
  const char* source;  ///< If linked: the path it was linked from.
} hubcache_file;

/// One component of a pipeline.
typedef struct hubcache_component {
  const char* name;          ///< "vae"
  const char* dir;           ///< Absolute: the folder to load it from.
  const char* const* files;  ///< Absolute paths, sorted.
  size_t file_count;         ///< Of `files`.
} hubcache_component;

/// One content and a place of it.
typedef struct hubcache_mapped {
  const char* sha256;  ///< 64 hex digits.
  const char* path;    ///< Absolute.
} hubcache_mapped;

/// Sums over the files of a call: each counts, a second name of the same content as present.
/// bytes_total = bytes_present + bytes_linked + bytes_fetched.
typedef struct hubcache_totals {
  uint64_t bytes_total;    ///< Of all files.
  uint64_t bytes_present;  ///< Were here before, or are second names of what the call brought.
  uint64_t bytes_linked;   ///< Lay elsewhere on this machine.
  uint64_t bytes_fetched;  ///< Crossed the network.
  uint64_t bytes_wire;  ///< Content bytes received, retries included, resumed parts not.
  uint64_t requests;    ///< HTTP exchanges.
  uint64_t disk_delta;  ///< Bytes that new files occupy.
  double seconds;       ///< Wall time.
} hubcache_totals;

/// What a call brought. Members of lists are pointers, so that elements can grow.
typedef struct hubcache_result {
  /// What to open, absolute: the snapshot's folder, the GGUF file, or the pipeline's folder: the assembled one if one was
  /// asked for.
  const char* path;
  const char* repo;      ///< "owner/name"
  const char* commit;    ///< 40 hex digits.
  const char* snapshot;  ///< Absolute: the folder of the repo at this commit: `.../snapshots/<commit>`, or local_dir.
  const hubcache_file* const* files;  ///< Sorted by path.
  size_t file_count;                  ///< Of `files`.
  const hubcache_component* const* components;  ///< Of pipelines.
  size_t component_count;                       ///< Of `components`.
  const hubcache_mapped* const* mapping;  ///< If one was asked for: what was passed and is right, and every content.
  size_t mapping_count;                   ///< Of `mapping`.
  const hubcache_mapped* const* stale;  ///< What was passed, and is missing or holds other content.
  size_t stale_count;                   ///< Of `stale`.
  const hubcache_totals* totals;        ///< Sums over the files.
} hubcache_result;

/// Frees `result`.
HUBCACHE_C_API void hubcache_result_free(const hubcache_result* result);

// ---- Calls ------------------------------------------------------------------------------------------------------------
// They block. On failure the cache stays readable: names appear only for complete, verified content.

/// Makes one revision of a repo, or files of it, present: links what is on this machine, fetches the rest.
HUBCACHE_C_API int hubcache_download(hubcache_cache* cache, const hubcache_request* request,
                                     const hubcache_result** result, const hubcache_error** error);

/// The same without a request and without another thread: HUBCACHE_OK, and `*result` is NULL if not all of it is in its
/// place. Only for a commit, unless the settings say offline; never if the request asks for more than the cache's own
/// files: local_dir, verify, force_download, a mapping or a requirement.
HUBCACHE_C_API int hubcache_cached(hubcache_cache* cache, const hubcache_request* request,
                                   const hubcache_result** result, const hubcache_error** error);

/// Fetches one GGUF model by its tag, with its other parts and its projector, as llama.cpp picks them.
HUBCACHE_C_API int hubcache_gguf(hubcache_cache* cache, const hubcache_request* request,
                                 const hubcache_result** result, const hubcache_error** error);

/// Fetches a whole diffusers pipeline, with components from other repos.
HUBCACHE_C_API int hubcache_pipeline(hubcache_cache* cache, const hubcache_request* request,
                                     const hubcache_result** result, const hubcache_error** error);

#ifdef __cplusplus
}
#endif
