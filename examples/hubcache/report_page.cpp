#include "report_page.hpp"

#include <hubcache/hash/openssl.hpp>
#include <hubcache/text.hpp>
#include <hubcache/version.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "json_object.hpp"
#include "report_page_parts.hpp"

namespace command {

namespace {

// What a page lists; the rest is counted. Names are cut at the 200 characters of printable().
constexpr std::size_t most_neighbours = 20;
constexpr std::size_t most_refs = 20;
constexpr std::size_t most_duplicates = 300;
constexpr std::size_t most_places = 20;
constexpr std::size_t most_problems = 100;

template <class T>
std::span<const T> first_of(const std::vector<T>& items, std::size_t most) {
  return std::span(items).first(std::min(most, items.size()));
}

std::string json_name(std::string_view text) { return json_string(hubcache::printable(text)); }

std::string json_number(std::uint64_t value) { return std::to_string(value); }

/// [name, accessed, bytes by hold...]: trailing zeros are left out. Of several files their count stands for the name.
std::string json_of(const report_file& file) {
  std::string out = "[" + (file.name.empty() ? json_number(file.count) : json_name(file.name));
  out.append(",").append(std::to_string(file.accessed));
  std::size_t used = file.bytes.size();
  while (used > 0 && file.bytes[used - 1] == 0) --used;
  for (std::size_t i = 0; i < used; ++i) out.append(",").append(json_number(file.bytes[i]));
  return out + "]";
}

std::string json_of(const std::vector<report_file>& files) {
  return json_array(files, [](const report_file& file) { return json_of(file); });
}

std::string_view to_string(report_folder::sort what) {
  switch (what) {
    case report_folder::sort::named:
      return "named";
    case report_folder::sort::unnamed:
      return "unnamed";
    case report_folder::sort::unfinished:
      break;
  }
  return "unfinished";
}

std::string json_of(const report_folder& folder) {
  json_object out;
  out.text("what", to_string(folder.what))
      .raw("name", json_name(folder.name))
      .raw("files", json_of(folder.files));
  return std::move(out).close();
}

std::string json_of(const report_repo& repo) {
  json_object out;
  out.raw("label", json_name(repo.label))
      .number("on_disk", repo.usage.on_disk)
      .number("unique", repo.usage.unique)
      .number("apparent", repo.usage.apparent)
      .number("neighbours", repo.usage.shared_with.size())
      .raw("shared_with", json_array(first_of(repo.usage.shared_with, most_neighbours), json_number))
      .boolean("shared_outside", repo.usage.shared_outside)
      .raw("accessed", std::to_string(repo.accessed))
      .raw("modified", std::to_string(repo.modified))
      .number("files", repo.files)
      .number("revisions", repo.revisions)
      .number("partials", repo.partials)
      .number("ref_count", repo.refs.size())
      .raw("refs", json_array(first_of(repo.refs, most_refs), json_name))
      .raw("top", json_of(repo.top))
      .raw("folders", json_array(repo.folders, [](const report_folder& folder) { return json_of(folder); }));
  return std::move(out).close();
}

std::string json_of(const report_duplicate& duplicate) {
  const auto places =
      json_array(first_of(duplicate.places, most_places), [](const report_duplicate::place& place) {
        return "[" + json_number(place.repo) + "," + json_name(place.path) + "]";
      });
  json_object out;
  out.raw("name", json_name(duplicate.name))
      .number("size", duplicate.size)
      .number("saves", duplicate.saves)
      .number("copies", duplicate.places.size())
      .raw("places", places);
  return std::move(out).close();
}

std::string json_of(const hubcache::census_problem& problem) {
  json_object out;
  out.raw("path", json_name(problem.path)).raw("text", json_name(problem.text));
  return std::move(out).close();
}

std::string base64(hubcache::byte_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t k) {
      return k < bytes.size() ? std::to_integer<unsigned>(bytes[k]) : 0U;
    };
    const unsigned group = (byte(i) << 16U) | (byte(i + 1) << 8U) | byte(i + 2);
    for (const unsigned shift : {18U, 12U, 6U, 0U}) out += digits[(group >> shift) & 63U];
  }
  const auto missing = (3 - bytes.size() % 3) % 3;
  return out.replace(out.size() - missing, missing, missing, '=');
}

/// A Content-Security-Policy source that lets exactly `text` through.
std::string hash_source(std::string_view text) {
  hubcache::openssl_sha256 hasher;
  hasher.update(hubcache::as_byte_view(text));
  return "'sha256-" + base64(hasher.finish().bytes()) + "'";
}

/// `text` with each {{name}} replaced once; what is put in is not looked at again.
std::string filled(std::string_view text,
                   std::span<const std::pair<std::string_view, std::string_view>> values) {
  std::string out;
  while (true) {
    const auto open = text.find("{{");
    out += text.substr(0, open);
    if (open == text.npos) return out;
    const auto close = text.find("}}", open);
    const auto name = text.substr(open + 2, close - open - 2);
    out += std::find_if(values.begin(), values.end(), [&](const auto& value) {
             return value.first == name;
           })->second;
    text.remove_prefix(close + 2);
  }
}

}  // namespace

std::string report_json(const cache_report& report) {
  json_object out;
  out.text("hubcache", hubcache::version)
      .raw("cache_dir", json_name(report.cache_dir))
      .raw("taken", std::to_string(report.taken))
      .raw("bytes", json_array(report.bytes, json_number))
      .number("apparent", report.apparent)
      .number("saved", report.saved)
      .raw("repos", json_array(report.repos, [](const report_repo& repo) { return json_of(repo); }))
      .number("duplicate_count", report.duplicates.size())
      .raw("duplicates", json_array(first_of(report.duplicates, most_duplicates),
                                    [](const report_duplicate& duplicate) { return json_of(duplicate); }))
      .number("problem_count", report.problems.size())
      .raw("problems", json_array(first_of(report.problems, most_problems),
                                  [](const hubcache::census_problem& problem) { return json_of(problem); }));
  // A '<' stands in strings alone. Escaped, nothing in them can end the script element or begin a comment.
  std::string safe;
  for (const char c : std::move(out).close()) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

std::string report_page(const cache_report& report) {
  const auto policy = "default-src 'none'; style-src " + hash_source(report_page_parts::style) +
                      "; script-src " + hash_source(report_page_parts::script) +
                      "; base-uri 'none'; form-action 'none'";
  const auto data = report_json(report);
  const std::pair<std::string_view, std::string_view> values[] = {
      {"policy", policy},
      {"style", report_page_parts::style},
      {"script", report_page_parts::script},
      {"data", data},
  };
  return std::string(report_page_mark) + filled(report_page_parts::html, values);
}

}  // namespace command
