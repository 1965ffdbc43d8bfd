#pragma once
/// @file
/// `hubcache pipeline`: its options, and what they mean for the library.

#include <hubcache/pipeline.hpp>
#include <hubcache/settings.hpp>

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <vector>

#include "download_options.hpp"

namespace command {

/// The command line as it was typed.
struct pipeline_arguments : download_arguments {
  std::vector<std::string> repos;
  std::optional<std::string> variant;
  std::optional<bool> use_safetensors;
  std::optional<bool> use_onnx;
  std::vector<std::string> skip;
  std::string select = "diffusers";
  std::optional<std::string> assemble;
  bool plain_names = false;
};

/// Declares the options of `pipeline` on `app`; parsing fills `into`, which must outlive it.
void declare(CLI::App& app, pipeline_arguments& into);

/// The pipelines of one command line, its rules checked.
struct pipelines_wanted {
  std::vector<hubcache::pipeline_request> requests;
  hubcache::settings config;
  std::string assemble;  ///< Absolute; empty: nothing is assembled.
  bool plain_names = false;
  bool dry_run = false;
  bool json = false;
  bool quiet = false;
};

/// @throws hubcache::error errc::invalid_argument for what cannot be meant.
[[nodiscard]] pipelines_wanted request_of(const pipeline_arguments& typed,
                                          const hubcache::settings& environment);

}  // namespace command
