#include <hubcache/select/gguf.hpp>

#include <algorithm>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "require.hpp"

namespace {

using paths = std::vector<std::string>;

/// What the rules say of one path, by regular expressions.
struct split_name {
  std::string prefix;
  int number = 1;
  int count = 1;
};

split_name split_of(const std::string& path) {
  static const std::regex pattern("^([\\s\\S]+)-([0-9]{5})-of-([0-9]{5})\\.gguf$", std::regex::icase);
  split_name result;
  std::smatch found;
  if (std::regex_match(path, found, pattern)) {
    result = {found[1], std::stoi(found[2]), std::stoi(found[3])};
  }
  return result;
}

bool can_be_picked(const std::string& path) {
  static const std::regex pattern("(mmproj|imatrix|mtp-|eagle3-|dflash-|dspark-)[^/]*$");
  const auto split = split_of(path);
  return path.ends_with(".gguf") && !std::regex_search(path, pattern) &&
         (split.count <= 1 || split.number == 1);
}

bool has_tag(const std::string& path, const std::string& tag) {
  const auto literal = std::regex_replace(tag, std::regex("\\."), "\\.");
  return std::regex_search(path, std::regex(literal + "[.-]", std::regex::icase));
}

/// The definition of what is picked.
std::optional<std::string> naive_pick(const paths& listing, const std::string& tag) {
  for (const auto& wanted : tag.empty() ? paths{"Q4_K_M", "Q8_0"} : paths{tag}) {
    for (const auto& path : listing) {
      if (can_be_picked(path) && has_tag(path, wanted)) return path;
    }
  }
  const auto first = std::find_if(listing.begin(), listing.end(), can_be_picked);
  return tag.empty() && first != listing.end() ? std::optional(*first) : std::nullopt;
}

paths naive_parts(const paths& listing, const std::string& primary) {
  const auto whole = split_of(primary);
  if (whole.count <= 1) return {primary};
  paths result;
  std::copy_if(listing.begin(), listing.end(), std::back_inserter(result), [&whole](const std::string& path) {
    const auto part = split_of(path);
    return path.ends_with(".gguf") && part.prefix == whole.prefix && part.count == whole.count;
  });
  return result;
}

void require_as_defined(const paths& listing, const hubcache::gguf_wish& wish) {
  std::optional<hubcache::gguf_selection> got;
  try {
    got = hubcache::select_gguf(listing, wish);
  } catch (const hubcache::error& e) {
    fuzz::require(e.reason() == hubcache::errc::file_not_found);
  }
  if (got && !got->preset.empty()) return;
  const auto expected = naive_pick(listing, wish.tag);
  fuzz::require(got.has_value() == expected.has_value());
  if (!got) return;
  fuzz::require(got->primary == *expected);
  fuzz::require(got->parts == naive_parts(listing, *expected));
}

}  // namespace

// First line: a tag; every other: a path. Of short listings the model is that of the rules; all must end.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = fuzz::as_text(data, size);
  hubcache::gguf_wish wish{std::string(fuzz::take_part(text))};
  if (!hubcache::is_gguf_tag(wish.tag)) wish.tag.clear();
  wish.drafts = true;
  paths listing;
  while (!text.empty()) {
    const std::string path(fuzz::take_part(text));
    if (std::find(listing.begin(), listing.end(), path) == listing.end()) listing.push_back(path);
  }
  for (const auto& choice : hubcache::gguf_choices(listing)) {
    fuzz::require(std::find(choice.parts.begin(), choice.parts.end(), choice.primary) != choice.parts.end());
  }
  if (size <= 300) {
    require_as_defined(listing, wish);
  } else if (hubcache::detail::find_gguf(listing, wish)) {
    const auto roles = hubcache::select_gguf(listing, wish).roles();
    fuzz::require(std::is_sorted(roles.begin(), roles.end()) && !roles.empty());
  }
  return 0;
}
