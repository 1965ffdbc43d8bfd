#pragma once

#include <hubcache/impl/repo.ipp>
#include <hubcache/select/gguf.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// "prefix-00002-of-00003.gguf" taken apart; a file that is not split is part 1 of 1.
struct gguf_part {
  std::string_view prefix;  ///< Of the path, without what numbers the part.
  unsigned number = 1;
  unsigned count = 1;

  /// What the parts of one set have in common.
  [[nodiscard]] std::pair<std::string_view, unsigned> set() const { return {prefix, count}; }
};

/// Takes five digits off the end of `text`.
HUBCACHE_DECL std::optional<unsigned> take_five_digits(std::string_view& text) noexcept {
  const auto digits = text.substr(text.size() - std::min<std::size_t>(text.size(), 5));
  unsigned value = 0;
  const bool all = std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (digits.size() < 5 || !all) return std::nullopt;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  text.remove_suffix(5);
  return value;
}

/// @pre `path` ends in ".gguf"
HUBCACHE_DECL gguf_part gguf_part_of(std::string_view path) noexcept {
  constexpr std::string_view of = "-of-";
  gguf_part whole;
  whole.prefix = path.substr(0, path.size() - std::string_view(".gguf").size());
  auto rest = whole.prefix;
  const auto count = take_five_digits(rest);
  if (!count || rest.size() < of.size() || !equal_without_case(rest.substr(rest.size() - of.size()), of))
    return whole;
  rest.remove_suffix(of.size());
  const auto number = take_five_digits(rest);
  if (!number || !rest.ends_with('-') || rest.size() == 1) return whole;
  gguf_part part;
  part.prefix = rest.substr(0, rest.size() - 1);
  part.number = *number;
  part.count = *count;
  return part;
}

HUBCACHE_DECL bool is_gguf_model(std::string_view path) {
  constexpr std::string_view others[] = {"mmproj", "imatrix", "mtp-", "eagle3-", "dflash-", "dspark-"};
  const auto name = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  return path.ends_with(".gguf") &&
         std::none_of(std::begin(others), std::end(others),
                      [name](std::string_view other) { return name.find(other) != name.npos; });
}

/// Whether `tag` stands in `path`, in any case, before a '.' or '-'.
HUBCACHE_DECL bool has_gguf_tag(std::string_view path, std::string_view tag) {
  for (std::size_t at = 0; at + tag.size() < path.size(); ++at) {
    const char next = path[at + tag.size()];
    if ((next == '.' || next == '-') && equal_without_case(path.substr(at, tag.size()), tag)) return true;
  }
  return false;
}

/// The first number in `text`; 0 if there is none, or one that no quantization has.
HUBCACHE_DECL int first_number(std::string_view text) noexcept {
  const auto digit = std::min(text.find_first_of("0123456789"), text.size());
  int value = 0;
  std::from_chars(text.data() + digit, text.data() + text.size(), value);
  return value;
}

/// The bits of a weight by the file's name: "x-Q4_K_M.gguf" has 4, "x.BF16-00001-of-00002.gguf" 16. @pre as above
HUBCACHE_DECL int gguf_bits(std::string_view path) noexcept {
  const auto prefix = gguf_part_of(path).prefix;
  const auto mark = prefix.find_last_of("-.");
  if (mark == prefix.npos) return 0;
  const auto last = prefix.substr(mark + 1);
  const bool plain =
      std::all_of(last.begin(), last.end(), [](char c) { return is_alphanumeric(c) || c == '_'; });
  return plain ? first_number(last) : 0;
}

/// The file that goes best with `model` of those whose path contains `kind`, from its folder or one above: the deepest;
/// then one with the tag, if one is given; then the nearest in bits to the tag or the model; then the first.
HUBCACHE_DECL std::string gguf_sidecar(std::span<const std::string> listing, std::string_view model,
                                       std::string_view kind, std::string_view tag = {}) {
  const int bits = tag.empty() ? gguf_bits(model) : first_number(tag);
  const auto tagged = "-" + std::string(tag) + ".";
  const auto is_tagged = [&tagged](std::string_view path) {
    return std::search(path.begin(), path.end(), tagged.begin(), tagged.end(),
                       [](char a, char b) { return lower_case(a) == lower_case(b); }) != path.end();
  };
  std::tuple<std::size_t, bool, int> best_rank;
  std::string best;
  for (const auto& path : listing) {
    const auto folder = std::string_view(path).substr(0, path.rfind('/') + 1);
    if (!path.ends_with(".gguf") || path.find(kind) == path.npos || !model.starts_with(folder)) continue;
    const std::tuple rank(folder.size(), !tag.empty() && is_tagged(path), -std::abs(gguf_bits(path) - bits));
    if (!best.empty() && rank <= best_rank) continue;
    best_rank = rank;
    best = path;
  }
  return best;
}

/// The model that `tag` means, by the default order if it is empty; nullptr if none fits.
HUBCACHE_DECL const gguf_choice* choice_of(const std::vector<gguf_choice>& choices, std::string_view tag) {
  constexpr std::string_view by_default[] = {"Q4_K_M", "Q8_0"};
  const auto tags = tag.empty() ? std::span<const std::string_view>(by_default)
                                : std::span<const std::string_view>(&tag, 1);
  for (const auto wanted : tags) {
    const auto found = std::find_if(choices.begin(), choices.end(), [wanted](const gguf_choice& choice) {
      return has_gguf_tag(choice.primary, wanted);
    });
    if (found != choices.end()) return &*found;
  }
  return tag.empty() && !choices.empty() ? &choices.front() : nullptr;
}

/// How many parts the set of `chosen` lacks; a part 00000 counts as well.
HUBCACHE_DECL std::size_t missing_gguf_parts(const gguf_choice& chosen) {
  const auto count = std::max(gguf_part_of(chosen.primary).count, 1U);
  std::set<unsigned> there;
  for (const auto& path : chosen.parts) {
    const auto number = gguf_part_of(path).number;
    if (number <= count) there.insert(number);
  }
  return count - std::min<std::size_t>(count, there.size());
}

HUBCACHE_DECL std::optional<gguf_selection> find_gguf(std::span<const std::string> listing,
                                                      const gguf_wish& wish) {
  gguf_selection result;
  if (std::find(listing.begin(), listing.end(), "preset.ini") != listing.end()) {
    result.preset = "preset.ini";
    result.warnings.emplace_back(
        "The repo has a preset.ini: it alone is fetched, not the models that it names.");
    return result;
  }
  const auto choices = gguf_choices(listing);
  const auto* const chosen = choice_of(choices, wish.tag);
  if (chosen == nullptr) return std::nullopt;
  result.primary = chosen->primary;
  result.parts = chosen->parts;
  result.mmproj = gguf_sidecar(listing, result.primary, "mmproj");
  if (wish.drafts) {
    std::set<std::string> drafts;
    for (const auto* kind : {"mtp-", "eagle3-", "dflash-", "dspark-"}) {
      drafts.insert(gguf_sidecar(listing, result.primary, kind, wish.tag));
    }
    std::copy_if(listing.begin(), listing.end(), std::back_inserter(result.drafts),
                 [&drafts](const std::string& path) { return drafts.contains(path); });
    if (result.drafts.empty()) {
      result.warnings.push_back("The repo has no draft heads for " + printable(result.primary) + ".");
    }
  }
  if (const auto missing = missing_gguf_parts(*chosen); missing > 0) {
    result.warnings.push_back("The repo lacks " + std::to_string(missing) + " of the " +
                              std::to_string(gguf_part_of(result.primary).count) + " parts of " +
                              printable(result.primary) + ".");
  }
  return result;
}

HUBCACHE_DECL error no_gguf_matches(std::span<const std::string> listing, const gguf_wish& wish,
                                    const std::vector<std::string>& choices) {
  constexpr std::size_t most = 50;
  if (choices.empty()) {
    const auto files = std::count_if(listing.begin(), listing.end(),
                                     [](const std::string& path) { return path.ends_with(".gguf"); });
    return {errc::file_not_found, files == 0 ? "there is no .gguf file"
                                             : "none of the " + std::to_string(files) +
                                                   " .gguf files is a model, or the first part of one"};
  }
  std::string text =
      "no GGUF model has the tag '" + wish.tag + "' before a '.' or '-' in its path; there are:";
  for (std::size_t i = 0; i < std::min(choices.size(), most); ++i) text.append("\n").append(choices[i]);
  if (choices.size() > most) text += "\nand " + std::to_string(choices.size() - most) + " more";
  return {errc::file_not_found, text + "\nchoose one by another tag"};
}

}  // namespace detail

HUBCACHE_DECL std::vector<file_role> gguf_selection::roles() const {
  std::map<std::string, std::string> by_path;  // a file that plays several roles has the first of them
  by_path.emplace(primary, "model");
  for (const auto& path : parts) by_path.emplace(path, "split");
  by_path.emplace(mmproj, "mmproj");
  for (const auto& path : drafts) by_path.emplace(path, "draft");
  by_path.emplace(preset, "preset");
  by_path.erase("");
  std::vector<file_role> result;
  for (const auto& [path, role] : by_path) result.emplace_back(path, role);
  return result;
}

HUBCACHE_DECL bool is_gguf_tag(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return detail::is_alphanumeric(c) || c == '.' || c == '_' || c == '-';
  });
}

HUBCACHE_DECL gguf_selection select_gguf(std::span<const std::string> listing, const gguf_wish& wish) {
  if (auto found = detail::find_gguf(listing, wish)) return std::move(*found);
  std::vector<std::string> names;
  for (const auto& choice : gguf_choices(listing)) names.push_back(printable(choice.primary));
  throw detail::no_gguf_matches(listing, wish, names);
}

HUBCACHE_DECL std::vector<gguf_choice> gguf_choices(std::span<const std::string> listing) {
  std::vector<gguf_choice> result;
  std::map<std::pair<std::string_view, unsigned>, std::size_t> sets;  // to their choices
  for (const auto& path : listing) {
    if (!detail::is_gguf_model(path)) continue;
    const auto part = detail::gguf_part_of(path);
    const bool split = part.count > 1;
    if (split && (part.number != 1 || !sets.emplace(part.set(), result.size()).second)) continue;
    auto& choice = result.emplace_back();
    choice.primary = path;
    if (!split) choice.parts.push_back(path);
  }
  for (const auto& path : listing) {
    if (!path.ends_with(".gguf")) continue;
    const auto set = sets.find(detail::gguf_part_of(path).set());
    if (set != sets.end()) result[set->second].parts.push_back(path);
  }
  return result;
}

}  // namespace hubcache::inline v0_1
