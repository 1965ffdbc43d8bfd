#include "inspect_report.hpp"

#include <hubcache/text.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "json_object.hpp"
#include "report.hpp"
#include "table.hpp"

namespace command {

namespace {

using enum table::align;

/// A number of parameters: "859.5M", "7.2B".
std::string format_count(std::uint64_t count) {
  if (count < 1000) return std::to_string(count);
  auto text = hubcache::format_bytes(count);
  if (text.back() == 'G') text.back() = 'B';
  return text;
}

/// "[320, 4, 3, 3]"
std::string format_shape(const std::vector<std::uint64_t>& shape) {
  std::string text;
  for (const auto dimension : shape) text += (text.empty() ? "" : ", ") + std::to_string(dimension);
  return "[" + text + "]";
}

/// "owner/name at 0123456789ab: 12 files, 5.6G"
std::string heading_of(const hubcache::inspected_repo& repo) {
  std::uint64_t bytes = 0;
  for (const auto& file : repo.files) bytes = hubcache::detail::bounded_sum(bytes, file.what.size);
  return repo.what.repo.display() + " at " + repo.what.listing.commit.substr(0, 12) + ": " +
         counted(repo.files.size(), "file") + ", " + hubcache::format_bytes(bytes);
}

/// Tensors of one type.
struct type_share {
  std::size_t tensors = 0;
  std::uint64_t parameters = 0;
  std::uint64_t bytes = 0;
};

std::map<std::string_view, type_share> types_of(std::span<const hubcache::inspected_file> files) {
  std::map<std::string_view, type_share> types;
  for (const auto& file : files) {
    for (const auto& tensor : file.tensors) {
      auto& type = types[tensor.type];
      ++type.tensors;
      type.parameters += hubcache::parameter_count(std::span(&tensor, 1));
      type.bytes += tensor.size;
    }
  }
  return types;
}

/// The names of a file's types, those with most bytes first: "Q4_K, Q6_K, F32".
std::string type_names(const hubcache::inspected_file& file) {
  std::vector<std::pair<std::uint64_t, std::string_view>> types;
  for (const auto& [name, share] : types_of(std::span(&file, 1))) types.emplace_back(share.bytes, name);
  std::sort(types.begin(), types.end(), [](const auto& a, const auto& b) {
    return std::pair(b.first, a.second) < std::pair(a.first, b.second);
  });
  std::string text;
  for (const auto& type : types) text.append(text.empty() ? "" : ", ").append(type.second);
  return text;
}

std::string file_table(const hubcache::inspected_repo& repo) {
  table rows({{"FILE"}, {"SIZE", right}, {"ACTION"}, {"TENSORS", right}, {"PARAMETERS", right}, {"TYPES"}});
  for (const auto& file : repo.files) {
    const bool read = !file.tensors.empty();
    rows.add({file.path, hubcache::format_bytes(file.what.size), std::string(verb(file.action)),
              read ? std::to_string(file.tensors.size()) : "", read ? format_count(file.parameters) : "",
              type_names(file)});
  }
  return rows.text();
}

std::string folder_table(const hubcache::inspected_repo& repo) {
  table rows({{"FOLDER"}, {"FILES", right}, {"SIZE", right}, {"TO DOWNLOAD", right}, {"PARAMETERS", right}});
  for (const auto& folder : repo.folders) {
    rows.add({folder.name.empty() ? "." : folder.name, std::to_string(folder.files),
              hubcache::format_bytes(folder.bytes), hubcache::format_bytes(folder.bytes_to_fetch),
              folder.parameters == 0 ? "" : format_count(folder.parameters)});
  }
  return rows.text();
}

std::string type_table(const hubcache::inspected_repo& repo) {
  table rows({{"TYPE"}, {"TENSORS", right}, {"PARAMETERS", right}, {"SIZE", right}});
  for (const auto& [name, share] : types_of(repo.files)) {
    rows.add({std::string(name), std::to_string(share.tensors), format_count(share.parameters),
              hubcache::format_bytes(share.bytes)});
  }
  return rows.text();
}

std::string tensor_table(const hubcache::inspected_repo& repo) {
  table rows({{"TENSOR"}, {"TYPE"}, {"SHAPE"}, {"SIZE", right}, {"FILE"}});
  for (const auto& file : repo.files) {
    for (const auto& tensor : file.tensors) {
      rows.add({hubcache::printable(tensor.name), tensor.type, format_shape(tensor.shape),
                hubcache::format_bytes(tensor.size), file.path});
    }
  }
  return rows.text();
}

std::string metadata_table(const hubcache::inspected_file& file) {
  table rows({{"KEY"}, {"VALUE"}});
  for (const auto& [key, value] : file.metadata) rows.add({key, value});
  return rows.text();
}

/// An object of texts; the keys are from outside, too.
std::string json_of(const std::vector<std::pair<std::string, std::string>>& texts) {
  std::string out = "{";
  for (const auto& [key, value] : texts) {
    out.append(out.size() > 1 ? ", " : "").append(json_string(key)).append(": ").append(json_string(value));
  }
  return out + "}";
}

std::string json_of(const hubcache::tensor_info& tensor) {
  json_object out;
  out.text("name", tensor.name)
      .text("dtype", tensor.type)
      .raw("shape", format_shape(tensor.shape))
      .number("offset", tensor.offset)
      .number("size", tensor.size);
  return std::move(out).close();
}

std::string json_of(const hubcache::inspected_file& file) {
  json_object out;
  out.text("path", file.path)
      .number("size", file.what.size)
      .text("digest", file.what.name.hex())
      .text("action", to_string(file.action))
      .text_or_null("format", file.format)
      .number("parameters", file.parameters)
      .number("header_bytes", file.header_bytes)
      .raw("metadata", json_of(file.metadata))
      .raw("tensors", json_array(file.tensors, [](const auto& tensor) { return json_of(tensor); }))
      .text_or_null("problem", file.problem);
  return std::move(out).close();
}

std::string json_of(const hubcache::inspected_folder& folder) {
  json_object out;
  out.text("name", folder.name)
      .number("files", folder.files)
      .number("bytes", folder.bytes)
      .number("bytes_to_fetch", folder.bytes_to_fetch)
      .number("parameters", folder.parameters);
  return std::move(out).close();
}

/// `part` of `whole` as "12.3%"; of nothing, all.
std::string percentage(std::uint64_t part, std::uint64_t whole) {
  const double share = whole == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(whole);
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%.1f%%", 100.0 * share);
  return text.data();
}

/// "1.7G (30.1% of A, 29.9% of B)"
std::string shares(const std::string& what, std::uint64_t both, std::uint64_t only_a, std::uint64_t only_b) {
  return what + " (" + percentage(both, both + only_a) + " of A, " + percentage(both, both + only_b) +
         " of B)";
}

/// A line for each name, the first ones or all.
std::string name_lines(const std::vector<std::string>& names, bool all) {
  constexpr std::size_t some = 10;
  const auto count = all ? names.size() : std::min(names.size(), some);
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "  " + hubcache::printable(names[i]) + "\n";
  if (count < names.size()) text += "  and " + std::to_string(names.size() - count) + " more (--tensors)\n";
  return text;
}

std::string side_json(const hubcache::inspected_repo& repo) {
  json_object out;
  out.text("repo_id", repo.what.repo.id())
      .text("repo_type", to_string(repo.what.repo.type()))
      .text("revision", repo.what.revision)
      .text("commit", repo.what.listing.commit);
  return std::move(out).close();
}

std::string shared_file_table(const hubcache::comparison& found, const hubcache::inspected_repo& a) {
  table rows({{"SIZE", right}, {"FILE OF A"}, {"FILE OF B"}});
  for (const auto& [in_a, in_b] : found.files) {
    rows.add({hubcache::format_bytes(a.find(in_a)->what.size), in_a, in_b});
  }
  return rows.text();
}

}  // namespace

std::string json_of(const hubcache::inspected_repo& repo) {
  const auto totals = hubcache::preview(repo.what).totals;
  json_object out;
  out.text("repo_id", repo.what.repo.id())
      .text("repo_type", to_string(repo.what.repo.type()))
      .text("revision", repo.what.revision)
      .text("commit", repo.what.listing.commit)
      .raw("files", json_array(repo.files, [](const auto& file) { return json_of(file); }))
      .raw("folders", json_array(repo.folders, [](const auto& folder) { return json_of(folder); }))
      .number("parameters", repo.parameters)
      .number("bytes_total", totals.bytes_total)
      .number("bytes_present", totals.bytes_present)
      .number("bytes_linked", totals.bytes_linked)
      .number("bytes_fetched", totals.bytes_fetched)
      .number("requests", totals.requests);
  return std::move(out).close();
}

std::string text_of(const hubcache::inspected_repo& repo, bool tensors) {
  const auto totals = hubcache::preview(repo.what).totals;
  std::string text = heading_of(repo);
  if (repo.parameters > 0) text += ", " + format_count(repo.parameters) + " parameters";
  text += "\n\n" + file_table(repo);
  if (repo.folders.size() > 1) text += "\n" + folder_table(repo);
  if (!types_of(repo.files).empty()) text += "\n" + type_table(repo);
  if (repo.files.size() == 1 && !repo.files.front().metadata.empty()) {
    text += "\n" + metadata_table(repo.files.front());
  }
  if (tensors) text += "\n" + tensor_table(repo);
  return text + "\nHere: " + hubcache::format_bytes(totals.bytes_present) + " present, " +
         hubcache::format_bytes(totals.bytes_linked) + " to link; " +
         hubcache::format_bytes(totals.bytes_fetched) + " to download\n";
}

std::string json_of(const hubcache::comparison& found, const hubcache::inspected_repo& a,
                    const hubcache::inspected_repo& b) {
  const auto pair = [](const auto& files) {
    json_object out;
    out.text("a", files.first).text("b", files.second);
    return std::move(out).close();
  };
  json_object out;
  out.raw("a", side_json(a))
      .raw("b", side_json(b))
      .raw("files", json_array(found.files, pair))
      .number("bytes_shared", found.bytes_shared)
      .number("bytes_only_a", found.bytes_only_a)
      .number("bytes_only_b", found.bytes_only_b)
      .raw("tensors_shared", json_array(found.tensors_shared, json_string))
      .raw("tensors_differ", json_array(found.tensors_differ, json_string))
      .number("tensors_only_a", found.tensors_only_a)
      .number("tensors_only_b", found.tensors_only_b);
  return std::move(out).close();
}

std::string text_of(const hubcache::comparison& found, const hubcache::inspected_repo& a,
                    const hubcache::inspected_repo& b, bool tensors) {
  std::string text = "A: " + heading_of(a) + "\nB: " + heading_of(b) + "\n\nThe same content: " +
                     shares(hubcache::format_bytes(found.bytes_shared), found.bytes_shared,
                            found.bytes_only_a, found.bytes_only_b) +
                     "\nOnly in A: " + hubcache::format_bytes(found.bytes_only_a) +
                     "\nOnly in B: " + hubcache::format_bytes(found.bytes_only_b) + "\n";
  if (!found.files.empty()) text += "\n" + shared_file_table(found, a);
  const auto both = found.tensors_shared.size();
  const auto others = found.tensors_differ.size();
  if (both + others + found.tensors_only_a + found.tensors_only_b == 0) return text;
  text += "\nTensors of equal name, type and shape: " +
          shares(std::to_string(both), both, others + found.tensors_only_a, others + found.tensors_only_b) +
          "\n" + (tensors ? name_lines(found.tensors_shared, true) : "") +
          "Of equal name, but other type or shape: " + std::to_string(others) + "\n" +
          name_lines(found.tensors_differ, tensors) + "Only in A: " + std::to_string(found.tensors_only_a) +
          "\nOnly in B: " + std::to_string(found.tensors_only_b) + "\n";
  return text +
         "Equal name, type and shape do not mean equal numbers: only files of the same content are the same "
         "bytes.\n";
}

}  // namespace command
