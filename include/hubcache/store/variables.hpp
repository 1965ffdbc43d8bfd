#pragma once
/// @file
/// Environment variables, looked up and converted as the Hub's clients convert them.

#include <hubcache/config.hpp>

#include <chrono>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>

namespace hubcache::inline v0_1 {

/// Looks a variable up; unset and empty are both none.
using variable_lookup = std::function<std::optional<std::string>(const std::string&)>;

/// Reads variables with the conversions that several of them share. Refers to the look-up.
class variables {
 public:
  /// Asks `lookup`, which outlives this.
  explicit variables(const variable_lookup& lookup) noexcept : lookup_(lookup) {}

  /// Empty if it is not set.
  [[nodiscard]] HUBCACHE_DECL std::string text(const std::string& name) const;
  /// The first of `names` that is set.
  [[nodiscard]] HUBCACHE_DECL std::string first(std::initializer_list<const char*> names) const;
  /// Whether one of `names` is 1, ON, YES or TRUE, in any case.
  [[nodiscard]] HUBCACHE_DECL bool flag(std::initializer_list<const char*> names) const;
  /// The variable `name` in lower case, else as it is: how curl and httpx read proxies.
  [[nodiscard]] HUBCACHE_DECL std::string either_case(const std::string& name) const;
  /// @throws error errc::invalid_argument unless it is unset or a whole number from 1 to 86400.
  [[nodiscard]] HUBCACHE_DECL std::chrono::milliseconds seconds(const std::string& name,
                                                                std::chrono::milliseconds otherwise) const;

  /// `value` with a leading "~" and any "$NAME" or "${NAME}" replaced; what is unknown stays, as in Python.
  [[nodiscard]] HUBCACHE_DECL std::string expanded(std::string value) const;
  /// The folder that `value` names: expanded, absolute, without a trailing '/'.
  [[nodiscard]] HUBCACHE_DECL std::string folder(const std::string& value) const;

  /// The user's home folder.
  [[nodiscard]] HUBCACHE_DECL std::string home() const;
  /// XDG_CACHE_HOME, or ~/.cache.
  [[nodiscard]] HUBCACHE_DECL std::string user_cache() const;
  /// HF_HOME, or huggingface/ in the user's cache folder.
  [[nodiscard]] HUBCACHE_DECL std::string hf_home() const;

 private:
  const variable_lookup& lookup_;
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/variables.ipp>
#endif
