#pragma once
/// @file
/// The configuration files of pipeline components: what class they are of.

#include <hubcache/config.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace hubcache::inline v0_1 {

/// A class as model_index.json names it.
struct component_class {
  component_class() = default;

  std::string library;  ///< "diffusers" or "transformers".
  std::string name;  ///< Of the class.

  friend bool operator==(const component_class&, const component_class&) = default;
};
static_assert(!std::is_aggregate_v<component_class>);

/// What `text`, the bytes of a file called `file`, says of the class: config.json ("_class_name" of diffusers, else
/// the first of "architectures" of transformers), scheduler_config.json ("_class_name"), tokenizer_config.json
/// ("tokenizer_class"), preprocessor_config.json ("image_processor_type", "feature_extractor_type", else
/// "processor_class"). None for other files, and if it says none. Safe with any bytes.
[[nodiscard]] HUBCACHE_DECL std::optional<component_class> class_in_config(std::string_view file,
                                                                           std::string_view text);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/component_config.ipp>
#endif
