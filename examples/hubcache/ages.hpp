#pragma once
/// @file
/// How long ago something was, as `hf cache ls` writes it.

#include <cstdint>
#include <string>

namespace command {

/// "a few seconds ago", "3 hours ago". Both times in ns since 1970; what lies ahead is a few seconds ago, too.
[[nodiscard]] std::string age_of(std::int64_t then_ns, std::int64_t now_ns);

}  // namespace command
