#include <hubcache_c.h>
#include <stdio.h>

int main(void) {
  hubcache_cache* cache = NULL;
  hubcache_request* request = NULL;
  const hubcache_result* result = NULL;
  const hubcache_error* error = NULL;
  int code = hubcache_open(NULL, &cache, &error);
  if (!code) code = hubcache_request_new("CompVis/stable-diffusion-v1-4", &request, &error);
  if (!code) code = hubcache_download(cache, request, &result, &error);
  if (code) fprintf(stderr, "%s\n", error->message);
  else puts(result->path);
  hubcache_result_free(result);
  hubcache_error_free(error);
  hubcache_request_free(request);
  hubcache_close(cache);
  return code;
}
