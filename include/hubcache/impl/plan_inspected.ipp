#pragma once

#include <hubcache/format/gguf.hpp>
#include <hubcache/format/safetensors.hpp>
#include <hubcache/impl/weights.ipp>
#include <hubcache/plan/inspected.hpp>
#include <hubcache/select/weight_names.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <iterator>
#include <map>
#include <span>
#include <tuple>
#include <variant>

namespace hubcache::inline v0_1 {

namespace detail {

/// The first segment of the path; empty for a file in the root.
HUBCACHE_DECL std::string_view top_folder(std::string_view path) noexcept {
  const auto slash = path.find('/');
  return slash == path.npos ? std::string_view() : path.substr(0, slash);
}

/// Where tensors of equal name and shape are variants of each other.
HUBCACHE_DECL std::string_view variants_of(const inspected_file& file) noexcept {
  return file.format == "gguf" ? std::string_view() : top_folder(file.path);
}

/// The beginning of a text from a file, for people.
HUBCACHE_DECL std::string beginning_of(std::string_view text) {
  constexpr std::size_t limit = 200;
  auto shown = printable(text, limit + 1);
  auto cut = printable(text, limit);
  return shown.size() == cut.size() ? shown : cut + "...";
}

HUBCACHE_DECL std::string_view gguf_type_name(gguf_type type) noexcept {
  static constexpr std::string_view names[] = {"uint8",  "int8",    "uint16",  "int16",  "uint32",
                                               "int32",  "float32", "boolean", "string", "array",
                                               "uint64", "int64",   "float64"};
  return names[static_cast<std::size_t>(type)];
}

/// A value of GGUF metadata as text.
struct gguf_value_text {
  std::string operator()(std::uint64_t value) const { return std::to_string(value); }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(const std::string& value) const { return beginning_of(value); }
  std::string operator()(const gguf_array& value) const {
    return "[" + std::string(gguf_type_name(value.element)) + " x " + std::to_string(value.count) + "]";
  }
  /// GGUF's floats mostly have 32 bits: seven digits tell what they are.
  std::string operator()(double value) const {
    std::array<char, 32> digits{};
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::general, 7);
    return {digits.data(), end.ptr};
  }
};

HUBCACHE_DECL void note_header(inspected_file& file, safetensors_header&& header) {
  file.tensors = std::move(header.tensors);
  for (const auto& [key, value] : header.metadata)
    file.metadata.emplace_back(printable(key), beginning_of(value));
}

HUBCACHE_DECL void note_header(inspected_file& file, gguf_header&& header) {
  file.tensors = std::move(header.tensors);
  for (const auto& [key, value] : header.metadata) {
    file.metadata.emplace_back(printable(key), std::visit(gguf_value_text(), value));
  }
}

/// Takes over what came of reading. @return as read_header()
template <class Header>
std::uint64_t note_reading(inspected_file& file, header_reading<Header>&& reading) {
  if (reading.header) {
    note_header(file, std::move(*reading.header));
    file.parameters = parameter_count(file.tensors);
  }
  file.problem = std::move(reading.problem);
  return reading.needed;
}

HUBCACHE_DECL inspected_repo begin_inspection(plan what) {
  inspected_repo result;
  for (auto& file : preview(what).files) {
    auto& one = result.files.emplace_back();
    one.path = std::move(file.path);
    one.what = file.what;
    one.action = file.action;
  }
  result.what = std::move(what);
  return result;
}

HUBCACHE_DECL std::uint64_t first_read(std::string_view path) noexcept {
  // Shards of language models have 10 to 50 KiB, components of pipelines up to 200 KiB; the vocabulary of a language
  // model has 1 to 16 MiB.
  if (path.ends_with(".safetensors")) return std::uint64_t{64} << 10U;
  if (path.ends_with(".gguf")) return std::uint64_t{1} << 20U;
  return 0;
}

HUBCACHE_DECL std::uint64_t read_header(inspected_file& file, byte_view first_bytes) {
  file.header_bytes = first_bytes.size();
  if (file.path.ends_with(".safetensors")) {
    file.format = "safetensors";
    return note_reading(file, read_safetensors(first_bytes, file.what.size));  // which tells the whole length
  }
  file.format = "gguf";
  const auto needed = note_reading(file, read_gguf(first_bytes, file.what.size));
  const auto most = std::min(file.what.size, max_gguf_header);
  return needed == 0 ? 0 : std::min(std::max<std::uint64_t>(needed, 2 * first_bytes.size()), most);
}

HUBCACHE_DECL bool is_safetensors_index(std::string_view path) noexcept {
  return names_shard_index(path) && path.substr(path.rfind('/') + 1).find(".safetensors.") != path.npos;
}

/// The tensors that an index puts into each file, sorted by file.
HUBCACHE_DECL std::map<std::string_view, std::vector<std::string_view>> tensors_by_file(
    const safetensors_index& index) {
  std::map<std::string_view, std::vector<std::string_view>> result;
  for (const auto& [tensor, file] : index.weight_map) result[file].push_back(tensor);
  return result;
}

/// The names of the file's tensors.
HUBCACHE_DECL const std::vector<std::string_view>& names_in(const inspected_file& file, sorted_names& known) {
  const auto [at, fresh] = known.try_emplace(file.path);
  if (fresh) {
    at->second = names_of(file.tensors, &tensor_info::name);
    std::sort(at->second.begin(), at->second.end());
  }
  return at->second;
}

/// One of `wanted` that the sorted `names` lack; none if they have all.
HUBCACHE_DECL std::optional<std::string_view> missing_tensor(std::span<const std::string_view> names,
                                                             std::span<const std::string_view> wanted) {
  const auto missing = std::find_if(wanted.begin(), wanted.end(), [names](std::string_view name) {
    return !std::binary_search(names.begin(), names.end(), name);
  });
  if (missing == wanted.end()) return std::nullopt;
  return *missing;
}

HUBCACHE_DECL void note_index(inspected_file& file, const safetensors_index& index, const inspected_repo& in,
                              sorted_names& names, const std::stop_token& stop) {
  file.format = "index";
  for (const auto& [key, value] : index.metadata)
    file.metadata.emplace_back(printable(key), beginning_of(value));
  const auto folder = file.path.substr(0, file.path.rfind('/') + 1);
  for (const auto& [name, tensors] : tensors_by_file(index)) {
    if (stop.stop_requested()) return;
    const auto path = folder + std::string(name);
    if (in.what.listing.find(path) == nullptr) {
      file.problem =
          "the index names the file '" + printable(name) + "', which the repo does not have beside it";
      return;
    }
    const auto* shard = in.find(path);
    if (shard == nullptr || shard->format != "safetensors" || !shard->problem.empty()) continue;
    if (const auto tensor = missing_tensor(names_in(*shard, names), tensors)) {
      file.problem = "the index puts the tensor '" + printable(*tensor) + "' into '" + printable(name) +
                     "', which does not have it";
      return;
    }
  }
}

/// A tensor, and where those of equal name are variants of it.
struct scoped_tensor {
  std::string_view scope;
  const tensor_info* tensor = nullptr;

  [[nodiscard]] auto name() const { return std::tie(scope, tensor->name); }
  [[nodiscard]] auto form() const { return std::tie(tensor->shape, tensor->type); }
  [[nodiscard]] auto shaped() const { return std::tie(scope, tensor->name, tensor->shape); }
};

/// All tensors of `files`, each in the scope of its file; sorted by scope, name, shape and type.
template <class ScopeOf>
std::vector<scoped_tensor> scoped_tensors(const std::vector<inspected_file>& files, ScopeOf scope_of) {
  std::vector<scoped_tensor> result;
  for (const auto& file : files) {
    for (const auto& tensor : file.tensors) result.push_back({scope_of(file), &tensor});
  }
  std::sort(result.begin(), result.end(), [](const scoped_tensor& a, const scoped_tensor& b) {
    return std::pair(a.name(), a.form()) < std::pair(b.name(), b.form());
  });
  return result;
}

/// Calls `count(scope, parameters)` for each of the sorted tensors, variants once.
template <class Count>
void count_distinct(const std::vector<scoped_tensor>& sorted, Count count) {
  for (auto at = sorted.begin(); at != sorted.end(); ++at) {
    if (at != sorted.begin() && std::prev(at)->shaped() == at->shaped()) continue;
    count(at->scope, parameter_count(std::span(at->tensor, 1)));
  }
}

HUBCACHE_DECL void sum_up(inspected_repo& draft) {
  std::map<std::string_view, inspected_folder> folders;
  for (const auto& file : draft.files) {
    auto& folder = folders[top_folder(file.path)];
    ++folder.files;
    folder.bytes = bounded_sum(folder.bytes, file.what.size);
    if (file.action == file_action::fetched)
      folder.bytes_to_fetch = bounded_sum(folder.bytes_to_fetch, file.what.size);
  }
  const auto by_folder = [](const inspected_file& file) { return top_folder(file.path); };
  count_distinct(scoped_tensors(draft.files, by_folder), [&](std::string_view folder, std::uint64_t count) {
    auto& sum = folders[folder].parameters;
    sum = bounded_sum(sum, count);
  });
  draft.parameters = 0;
  count_distinct(scoped_tensors(draft.files, variants_of), [&](std::string_view, std::uint64_t count) {
    draft.parameters = bounded_sum(draft.parameters, count);
  });
  draft.folders.clear();
  for (auto& [name, folder] : folders) {
    folder.name = name;
    draft.folders.push_back(std::move(folder));
  }
}

/// The files by content, and those of equal content by path.
HUBCACHE_DECL std::vector<std::pair<content, std::string_view>> by_content(const inspected_repo& repo) {
  std::vector<std::pair<content, std::string_view>> result;
  for (const auto& file : repo.files) result.emplace_back(file.what, file.path);
  std::sort(result.begin(), result.end());
  return result;
}

HUBCACHE_DECL void compare_files(const inspected_repo& a, const inspected_repo& b, comparison& result) {
  const auto in_a = by_content(a);
  const auto in_b = by_content(b);
  const auto less = [](const auto& x, const auto& y) { return x.first < y.first; };
  const auto sum_distinct = [](const auto& files, auto wanted) {
    std::uint64_t sum = 0;
    for (auto at = files.begin(); at != files.end(); ++at) {
      if ((at == files.begin() || std::prev(at)->first != at->first) && wanted(*at)) sum += at->first.size;
    }
    return sum;
  };
  const auto in = [&less](const auto& files) {
    return [&](const auto& file) { return std::binary_search(files.begin(), files.end(), file, less); };
  };
  result.bytes_shared = sum_distinct(in_a, in(in_b));
  result.bytes_only_a = sum_distinct(in_a, std::not_fn(in(in_b)));
  result.bytes_only_b = sum_distinct(in_b, std::not_fn(in(in_a)));
  for (const auto& file : a.files) {
    const auto here = std::pair(file.what, std::string_view(file.path));
    const auto [first, last] = std::equal_range(in_b.begin(), in_b.end(), here, less);
    if (first == last) continue;
    const bool same = std::binary_search(first, last, here);
    result.files.emplace_back(file.path, same ? file.path : std::string(first->second));
  }
}

/// Whether two sorted runs of variants have one of equal type and shape.
HUBCACHE_DECL bool share_form(std::span<const scoped_tensor> a, std::span<const scoped_tensor> b) {
  while (!a.empty() && !b.empty()) {
    if (a.front().form() == b.front().form()) return true;
    auto& behind = a.front().form() < b.front().form() ? a : b;
    behind = behind.subspan(1);
  }
  return false;
}

/// Takes all variants of the first tensor off the front of `rest`.
HUBCACHE_DECL std::span<const scoped_tensor> take_variants(std::span<const scoped_tensor>& rest) {
  const auto end = std::find_if(rest.begin(), rest.end(),
                                [&](const scoped_tensor& one) { return one.name() != rest.front().name(); });
  const auto taken = rest.first(static_cast<std::size_t>(end - rest.begin()));
  rest = rest.subspan(taken.size());
  return taken;
}

HUBCACHE_DECL void compare_tensors(const inspected_repo& a, const inspected_repo& b, comparison& result) {
  const auto all_a = scoped_tensors(a.files, variants_of);
  const auto all_b = scoped_tensors(b.files, variants_of);
  std::span<const scoped_tensor> in_a(all_a);
  std::span<const scoped_tensor> in_b(all_b);
  while (!in_a.empty() && !in_b.empty()) {
    if (in_a.front().name() < in_b.front().name()) {
      static_cast<void>(take_variants(in_a));
      ++result.tensors_only_a;
    } else if (in_b.front().name() < in_a.front().name()) {
      static_cast<void>(take_variants(in_b));
      ++result.tensors_only_b;
    } else {
      const auto variants_a = take_variants(in_a);
      const auto variants_b = take_variants(in_b);
      const auto& one = variants_a.front();
      auto& names = share_form(variants_a, variants_b) ? result.tensors_shared : result.tensors_differ;
      names.push_back(std::string(one.scope) + (one.scope.empty() ? "" : "/") + one.tensor->name);
    }
  }
  for (; !in_a.empty(); ++result.tensors_only_a) static_cast<void>(take_variants(in_a));
  for (; !in_b.empty(); ++result.tensors_only_b) static_cast<void>(take_variants(in_b));
}

}  // namespace detail

HUBCACHE_DECL const inspected_file* inspected_repo::find(std::string_view path) const noexcept {
  const auto at =
      std::lower_bound(files.begin(), files.end(), path,
                       [](const inspected_file& file, std::string_view p) { return file.path < p; });
  return at != files.end() && at->path == path ? &*at : nullptr;
}

HUBCACHE_DECL comparison compare(const inspected_repo& a, const inspected_repo& b) {
  comparison result;
  detail::compare_files(a, b, result);
  detail::compare_tensors(a, b, result);
  return result;
}

}  // namespace hubcache::inline v0_1
