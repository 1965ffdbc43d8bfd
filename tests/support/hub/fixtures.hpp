#pragma once
/// @file
/// Repos to serve. Every call with equal arguments gives equal bytes and commits.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/hub/repo_model.hpp"

namespace embedded {

/// runwayml/stable-diffusion-v1-5 and CompVis/stable-diffusion-v1-4 with the real folder and file names.
/// Safety checker, text encoder, VAE, vocabulary and preprocessor are the same bytes in both; UNet, cards and
/// most configurations differ; .safetensors have true headers. Sizes keep the real proportions; both repos together have exactly `bytes`.
/// @pre bytes >= 100'000
[[nodiscard]] std::vector<repo_model> stable_diffusion_pair(std::uint64_t bytes = 300'000'000);

/// acme/tiny. Commit 1, tag "v1.0": README.md, config.json, empty.txt, nested/deep/notes.txt,
/// nested/copy-of-config.json (the bytes of config.json), model.safetensors (100'000 bytes, LFS) and
/// nested/copy-of-model.safetensors (the same bytes). Commit 2, main: other README.md and a second LFS file,
/// weights/adapter.bin (40'000 bytes). Tag "release/2024" and refs/pr/1 are commit 2.
[[nodiscard]] repo_model tiny();

/// other/twin: the files of `original`, the same bytes.
[[nodiscard]] repo_model twin_of(const repo_model& original);

/// acme/one: model.safetensors of `size` bytes, LFS.
[[nodiscard]] repo_model one_file(std::uint64_t size);

/// acme/many: `files` regular files of 100 to 1123 bytes in folders of 100 and a README.md.
[[nodiscard]] repo_model many_files(std::size_t files);

/// acme/llm-7b: `shards` safetensors shards of equal size with their index, tokenizer and configuration.
[[nodiscard]] repo_model sharded_llm(std::uint64_t weight_bytes = 64'000'000, std::size_t shards = 4);

/// acme/llm-7b-GGUF: the model as Q4_K_M, Q8_0, BF16 in two splits, and a projector; about `bytes` in all.
[[nodiscard]] repo_model quantised_llm(std::uint64_t bytes = 64'000'000);

}  // namespace embedded
