#pragma once
/// @file
/// The environment variables that the command reads, for the manual and the documentation.

#include <array>
#include <string_view>

namespace command {

struct variable_meaning {
  std::string_view names;  ///< With commas between those that mean the same, the one that wins first.
  std::string_view text;
};

inline constexpr auto variable_meanings = std::to_array<variable_meaning>({
    {"HF_HOME", "Where caches, tokens and hubcache's own state lie (default: ~/.cache/huggingface)."},
    {"HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE", "The cache (default: $HF_HOME/hub)."},
    {"HF_ENDPOINT", "The Hub, or a mirror of it (default: https://huggingface.co)."},
    {"HF_TOKEN, HUGGING_FACE_HUB_TOKEN", "The access token. It is sent to the endpoint's host alone."},
    {"HF_TOKEN_PATH", "The file with the token (default: $HF_HOME/token)."},
    {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1: send no token that was not given by --token."},
    {"HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE", "1: make no request."},
    {"HF_HUB_ETAG_TIMEOUT", "Seconds to wait for an answer about a repo (default: 10)."},
    {"HF_HUB_DOWNLOAD_TIMEOUT", "Seconds to wait for bytes of a file (default: 10)."},
    {"HF_HUB_DISABLE_SYMLINKS", "1: snapshots hold files, not symlinks to blobs."},
    {"HF_HUB_DISABLE_PROGRESS_BARS", "1: no progress on stderr."},
    {"HF_HUB_USER_AGENT_ORIGIN", "Named to the Hub as the origin of requests."},
    {"HUBCACHE_STORES", "Stores to look at, as KIND=PATH with ':' between them."},
    {"HUBCACHE_CONFIG", "The file of stores (default: stores.toml in hubcache's state folder)."},
    {"HUBCACHE_REQUIRE", "Rules for every download: safetensors, scan, sha256, with commas between them."},
    {"OLLAMA_MODELS", "Where Ollama keeps its models; looked at for content."},
    {"LLAMA_CACHE", "Where llama.cpp keeps its downloads; looked at for content."},
    {"COMFYUI_MODEL_PATH", "Where ComfyUI keeps its models; `index add` makes their content known."},
    {"TRANSFORMERS_CACHE, PYTORCH_TRANSFORMERS_CACHE, PYTORCH_PRETRAINED_BERT_CACHE, "
     "SENTENCE_TRANSFORMERS_HOME",
     "Caches of older Python packages; looked at for content."},
    {"HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY", "Proxies, in lower case, too; without SOCKS."},
    {"SSL_CERT_FILE, SSL_CERT_DIR", "Trusted certificates (default: the system's)."},
    {"XDG_CACHE_HOME, HOME", "Where HF_HOME lies by default."},
    {"NO_COLOR, TERM", "Colours and redrawn lines on a terminal."},
});

}  // namespace command
