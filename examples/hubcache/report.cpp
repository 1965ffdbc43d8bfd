#include "report.hpp"

#include <hubcache/link/hard_link.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "table.hpp"

namespace command {

namespace {

std::string json_of_refusal(const hubcache::link_refusal& refusal) {
  json_object out;
  out.text("kind", to_string(refusal.kind)).text("reason", refusal.reason);
  return std::move(out).close();
}

/// Of one run: one, or the parts of a bundle.
using snapshots = std::span<const hubcache::snapshot>;

json_object object_of(const hubcache::snapshot_file& file) {
  json_object out;
  out.text("path", file.path)
      .number("size", file.what.size)
      .text("digest", file.what.name.hex())
      .text("action", to_string(file.action))
      .text_or_null("link", file.link ? to_string(*file.link) : "")
      .text_or_null("source", file.source)
      .raw("refused", file.link ? json_array(file.refused, json_of_refusal) : "null");
  return out;
}

std::string json_of(const hubcache::bundle_file& one) {
  auto out = object_of(one.file);
  out.text_or_null("role", one.role).text_or_null("sha256", one.sha256 ? one.sha256->hex() : "");
  return std::move(out).close();
}

void add_totals(json_object& out, const hubcache::snapshot_totals& totals, bool dry_run) {
  std::array<char, 48> seconds{};
  std::snprintf(seconds.data(), seconds.size(), "%.3f", totals.seconds);
  out.number("bytes_total", totals.bytes_total)
      .number("bytes_present", totals.bytes_present)
      .number("bytes_linked", totals.bytes_linked)
      .number("bytes_fetched", totals.bytes_fetched)
      .number("bytes_wire", totals.bytes_wire)
      .number("requests", totals.requests)
      .number("disk_delta", totals.disk_delta)
      .raw("seconds", seconds.data())
      .boolean("dry_run", dry_run);
}

/// @param files  JSON of the files of `result`
json_object object_of(const hubcache::snapshot& result, std::string_view path, const std::string& files,
                      const hubcache::snapshot_totals& totals) {
  json_object out;
  out.text_or_null("path", path)
      .text("repo_id", result.repo.id())
      .text("repo_type", to_string(result.repo.type()))
      .text("revision", result.revision)
      .text("commit", result.commit)
      .raw("files", files);
  add_totals(out, totals, result.dry_run);
  return out;
}

/// JSON of the files of a part.
std::string files_of(const hubcache::bundle& all, std::size_t part) {
  std::vector<hubcache::bundle_file> files;
  std::copy_if(all.files.begin(), all.files.end(), std::back_inserter(files),
               [part](const auto& file) { return file.part == part; });
  return json_array(files, [](const hubcache::bundle_file& file) { return json_of(file); });
}

std::string_view participle(hubcache::link_kind kind) {
  switch (kind) {
    case hubcache::link_kind::reflink:
      return "reflinked";
    case hubcache::link_kind::hard_link:
      return "hard-linked";
    case hubcache::link_kind::symlink:
      return "symlinked";
    case hubcache::link_kind::copy:
      break;
  }
  return "copied";
}

std::size_t files_in(snapshots all) {
  std::size_t count = 0;
  for (const auto& one : all) count += one.files.size();
  return count;
}

/// "[dry-run] Will download 11 files (out of 26) totalling 5.6G."
std::string promise(snapshots all, hubcache::file_action action, std::uint64_t bytes) {
  std::size_t files = 0;
  for (const auto& one : all) {
    files += static_cast<std::size_t>(std::count_if(
        one.files.begin(), one.files.end(), [action](const auto& file) { return file.action == action; }));
  }
  return "[dry-run] Will " + std::string(verb(action)) + " " + counted(files, "file") + " (out of " +
         std::to_string(files_in(all)) + ") totalling " + hubcache::format_bytes(bytes) + ".\n";
}

std::string promises(snapshots all, const hubcache::snapshot_totals& totals) {
  using enum hubcache::file_action;
  auto text = promise(all, fetched, totals.bytes_fetched);
  if (totals.bytes_linked > 0) text += promise(all, linked, totals.bytes_linked);
  return text + "\n";
}

std::string subject_of(const hubcache::snapshot& one) {
  return one.repo.display() + " at " + one.commit.substr(0, 12);
}

std::string summary(const std::string& subject, snapshots all, const hubcache::snapshot_totals& totals) {
  std::map<hubcache::link_kind, std::size_t> links;
  for (const auto& one : all) {
    for (const auto& file : one.files) {
      if (file.link) ++links[*file.link];
    }
  }
  std::string text = subject + ": " + counted(files_in(all), "file") + ", " + to_string(totals);
  for (const auto& [kind, count] : links) {
    text.append(kind == links.begin()->first ? "; linked by " : ", ")
        .append(to_string(kind))
        .append(" (" + std::to_string(count) + ")");
  }
  return text + "; " + hubcache::format_bytes(totals.disk_delta) + " more on disk";
}

std::vector<std::string> refusals(snapshots all) {
  struct fall_back {
    std::size_t files = 0;
    std::string from;  // of the first file
  };
  std::map<std::string, fall_back> reasons;
  const auto note = [&reasons](const hubcache::snapshot_file& file) {
    // A copy of what is small costs nothing worth a line.
    if (!file.link || file.what.size < hubcache::hard_link::smallest) return;
    for (const auto& refusal : file.refused) {
      auto& reason = reasons[std::string(participle(*file.link)) + ", not " +
                             std::string(participle(refusal.kind)) + ": " + refusal.reason];
      if (reason.files++ == 0) reason.from = file.source.substr(0, file.source.rfind('/'));
    }
  };
  for (const auto& one : all) std::for_each(one.files.begin(), one.files.end(), note);
  std::vector<std::string> lines;
  for (const auto& [text, reason] : reasons) {
    lines.push_back(text + " (" + counted(reason.files, "file") + ", from " + reason.from + ")");
  }
  return lines;
}

}  // namespace

std::string_view verb(hubcache::file_action action) {
  switch (action) {
    case hubcache::file_action::present:
      return "present";
    case hubcache::file_action::linked:
      return "link";
    case hubcache::file_action::fetched:
      break;
  }
  return "download";
}

std::string json_of(const hubcache::snapshot& result, std::string_view path) {
  const auto files =
      json_array(result.files, [](const hubcache::snapshot_file& file) { return object_of(file).close(); });
  return object_of(result, path, files, result.totals).close();
}

json_object object_of(const hubcache::bundle& result, std::string_view path) {
  if (result.parts.size() == 1 && !path.empty())
    return object_of(result.parts[0], path, files_of(result, 0), result.totals);
  std::vector<std::string> repos;
  for (std::size_t k = 0; k < result.parts.size(); ++k) {
    const auto& part = result.parts[k];
    repos.push_back(object_of(part, part.path, files_of(result, k), part.totals).close());
  }
  json_object out;
  out.text_or_null("path", path).raw("repos", json_array(repos, [](const std::string& text) {
                                       return text;
                                     }));
  add_totals(out, result.totals, result.dry_run);
  return out;
}

std::string json_of(const hubcache::bundle& result, std::string_view path) {
  return object_of(result, path).close();
}

std::string json_of(const hubcache::error& failure) {
  const auto& where = failure.context();
  const auto status = where.http_status == 0 ? std::string("null") : std::to_string(where.http_status);
  json_object inner;
  inner.text("code", to_string(failure.reason()))
      .text("message", failure.what())
      .text_or_null("repo", where.repo)
      .text_or_null("file", where.file)
      .raw("http_status", status)
      .text_or_null("request_id", where.request_id);
  json_object out;
  out.raw("error", std::move(inner).close());
  return std::move(out).close();
}

std::string summary_of(const hubcache::snapshot& result) {
  return summary(subject_of(result), snapshots(&result, 1), result.totals);
}

std::string summary_of(const hubcache::bundle& result) {
  const auto subject =
      result.parts.size() == 1 ? subject_of(result.parts[0]) : counted(result.parts.size(), "repo");
  return summary(subject, result.parts, result.totals);
}

std::vector<std::string> refusals_of(const hubcache::snapshot& result) {
  return refusals(snapshots(&result, 1));
}

std::vector<std::string> refusals_of(const hubcache::bundle& result) { return refusals(result.parts); }

std::string promises_of(const hubcache::bundle& result) { return promises(result.parts, result.totals); }

std::string preview_of(const hubcache::snapshot& result) {
  table files({{"FILE"}, {"SIZE", table::align::right}, {"ACTION"}});
  for (const auto& file : result.files) {
    files.add({file.path, hubcache::format_bytes(file.what.size), std::string(verb(file.action))});
  }
  return promises(snapshots(&result, 1), result.totals) + files.text();
}

std::string preview_of(const hubcache::bundle& result) {
  const bool several = result.parts.size() > 1;
  std::vector<table::column> columns{{"FILE"}, {"SIZE", table::align::right}, {"ACTION"}, {"ROLE"}};
  if (several) columns.insert(columns.begin(), {"REPO"});
  table files(std::move(columns));
  for (const auto& [part, role, file, sha256] : result.files) {
    std::vector<std::string> cells{file.path, hubcache::format_bytes(file.what.size),
                                   std::string(verb(file.action)), role};
    if (several) cells.insert(cells.begin(), result.parts[part].repo.display());
    files.add(std::move(cells));
  }
  return promises(result.parts, result.totals) + files.text();
}

}  // namespace command
