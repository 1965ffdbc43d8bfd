#pragma once
/// @file
/// The expressions of `cache ls --filter` and `--sort`, as `hf cache ls` reads them.

#include <cstdint>
#include <functional>
#include <string_view>

#include "cache_rows.hpp"

namespace command {

using row_filter = std::function<bool(const cache_row&)>;
using row_order = std::function<bool(const cache_row&, const cache_row&)>;

/// Reads KEY OP VALUE: size by bytes ("10GB", base 1000), accessed and modified by age ("30d": more than that ago
/// is >), type and refs by equality.
/// @param now_ns since 1970; ages are taken then.
/// @throws hubcache::error errc::invalid_argument that names what is valid.
[[nodiscard]] row_filter parse_filter(std::string_view text, std::int64_t now_ns);

/// Reads KEY[:asc|desc]; names ascend, all else descends unless told otherwise. A strict weak order.
/// @throws hubcache::error errc::invalid_argument that names what is valid.
[[nodiscard]] row_order parse_order(std::string_view text);

}  // namespace command
