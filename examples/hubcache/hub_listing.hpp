#pragma once
/// @file
/// What the Hub itself says of a commit, for checks of what lies here.

#include <hubcache/listing.hpp>
#include <hubcache/repo.hpp>
#include <hubcache/settings.hpp>

#include <string>

#include "foreground.hpp"

namespace command {

/// Asks the Hub for all files of `revision`; what it hides from this caller is masked. A signal cancels it.
/// @throws hubcache::error
[[nodiscard]] hubcache::listing ask_listing(foreground& here, const hubcache::settings& config,
                                            const hubcache::repo& which, const std::string& revision);

}  // namespace command
