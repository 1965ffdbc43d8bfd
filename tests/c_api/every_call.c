/* Every call and every member of hubcache_c.h, from C99. Prints a line for each thing that it is given; the caller of this
 * program compares them. Arguments: an endpoint, a file, its sha256. */
#include <hubcache_c.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int (*fetching_call)(hubcache_cache*, const hubcache_request*, const hubcache_result**, const hubcache_error**);

static void fail(const hubcache_error* error) {
  printf("error %d %s: %s [%s] [%s] [%s] [%s] [%s] %d\n", error->code, error->name, error->message, error->detail,
         error->repo, error->file, error->url, error->request_id, error->http_status);
  hubcache_error_free(error);
  exit(1);
}

static int count_news(void* context, const hubcache_progress* news) {
  size_t* const count = context;
  if (news->phase == HUBCACHE_PHASE_FETCHED && strlen(news->file) > 0 && strlen(news->repo) == 0 &&
      strlen(news->text) == 0 && news->file_bytes_done == news->file_bytes_total &&
      news->bytes_done <= news->bytes_total) {
    ++*count;
  }
  return 0;
}

static void print_result(const char* call, const hubcache_result* result) {
  size_t i, k;
  if (result == NULL) {
    printf("%s nothing\n", call);
    return;
  }
  printf("%s %s %s %s\n", call, result->repo, result->path, strstr(result->snapshot, result->commit));
  for (i = 0; i < result->file_count; ++i) {
    const hubcache_file* file = result->files[i];
    printf("file %s %s %s %s role=%s etag=%s sha256=%s %" PRIu64 " %d link=%s source=%s\n", file->name, file->path,
           file->repo, file->commit, file->role, file->etag, file->sha256, file->size, file->outcome, file->link,
           file->source);
  }
  for (i = 0; i < result->component_count; ++i) {
    const hubcache_component* component = result->components[i];
    printf("component %s %s", component->name, component->dir);
    for (k = 0; k < component->file_count; ++k) printf(" %s", strrchr(component->files[k], '/') + 1);
    printf("\n");
  }
  for (i = 0; i < result->mapping_count; ++i) {
    printf("mapped %s %s\n", result->mapping[i]->sha256, result->mapping[i]->path);
  }
  for (i = 0; i < result->stale_count; ++i) {
    printf("stale %s %s\n", result->stale[i]->sha256, result->stale[i]->path);
  }
  printf("totals %d %d %d %d\n",
         result->totals->bytes_total ==
             result->totals->bytes_present + result->totals->bytes_linked + result->totals->bytes_fetched,
         result->totals->bytes_wire >= result->totals->bytes_fetched, result->totals->requests > 0,
         result->totals->disk_delta > 0 && result->totals->seconds > 0);
}

static void make(const char* name, fetching_call call, hubcache_cache* cache, const hubcache_request* request) {
  const hubcache_result* result = NULL;
  const hubcache_error* error = NULL;
  if (call(cache, request, &result, &error) != HUBCACHE_OK) fail(error);
  print_result(name, result);
  hubcache_result_free(result);
}

int main(int argc, char** argv) {
  hubcache_settings* settings = NULL;
  hubcache_cache* cache = NULL;
  hubcache_request* tiny = NULL;
  hubcache_request* gguf = NULL;
  hubcache_request* pipeline = NULL;
  hubcache_cancel_token* token = NULL;
  const hubcache_result* none = NULL;
  const hubcache_error* error = NULL;
  size_t fetched = 0;
  if (argc != 4) return 2;
  printf("version %s\n", hubcache_version());

  if (hubcache_settings_new(&settings, &error) || hubcache_settings_set(settings, "endpoint", argv[1], &error) ||
      hubcache_open(settings, &cache, &error)) {
    fail(error);
  }
  hubcache_settings_free(settings);

  if (hubcache_request_new("acme/tiny", &tiny, &error) || hubcache_request_map(tiny, argv[3], argv[2], &error) ||
      hubcache_request_on_progress(tiny, count_news, &fetched, &error)) {
    fail(error);
  }
  make("cached", hubcache_cached, cache, tiny);
  make("download", hubcache_download, cache, tiny);
  printf("fetched %d\n", fetched > 0);

  if (hubcache_request_new("acme/m-GGUF", &gguf, &error) || hubcache_request_set(gguf, "tag", "Q2_K", &error)) fail(error);
  make("gguf", hubcache_gguf, cache, gguf);

  if (hubcache_request_new("CompVis/stable-diffusion-v1-4", &pipeline, &error)) fail(error);
  make("pipeline", hubcache_pipeline, cache, pipeline);

  if (hubcache_cancel_token_new(&token, &error) || hubcache_request_cancelled_by(tiny, token, &error)) fail(error);
  hubcache_cancel(token);
  printf("cancelled %d\n", hubcache_download(cache, tiny, &none, NULL) == HUBCACHE_ERROR_CANCELLED && none == NULL);

  hubcache_request_free(tiny);
  hubcache_request_free(gguf);
  hubcache_request_free(pipeline);
  hubcache_cancel_token_free(token);
  hubcache_close(cache);
  return 0;
}
