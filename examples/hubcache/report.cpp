#include "report.hpp"

#include <hubcache/link/hard_link.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>

#include "json_object.hpp"
#include "table.hpp"

namespace command {

namespace {

std::string json_of_refusal(const hubcache::link_refusal& refusal) {
  json_object out;
  out.text("kind", to_string(refusal.kind)).text("reason", refusal.reason);
  return std::move(out).close();
}

std::string json_of(const hubcache::snapshot_file& file) {
  json_object out;
  out.text("path", file.path)
      .number("size", file.what.size)
      .text("digest", file.what.name.hex())
      .text("action", to_string(file.action))
      .text_or_null("link", file.link ? to_string(*file.link) : "")
      .text_or_null("source", file.source)
      .raw("refused", file.link ? json_array(file.refused, json_of_refusal) : "null");
  return std::move(out).close();
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

/// What the table calls an action that has not happened yet.
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

/// "[dry-run] Will download 11 files (out of 26) totalling 5.6G."
std::string promise(const hubcache::snapshot& result, hubcache::file_action action, std::uint64_t bytes) {
  const auto files = std::count_if(result.files.begin(), result.files.end(),
                                   [action](const auto& file) { return file.action == action; });
  return "[dry-run] Will " + std::string(verb(action)) + " " +
         counted(static_cast<std::size_t>(files), "file") + " (out of " +
         std::to_string(result.files.size()) + ") totalling " + hubcache::format_bytes(bytes) + ".\n";
}

}  // namespace

std::string json_of(const hubcache::snapshot& result, std::string_view path) {
  const auto files =
      json_array(result.files, [](const hubcache::snapshot_file& file) { return json_of(file); });
  std::array<char, 48> seconds{};
  std::snprintf(seconds.data(), seconds.size(), "%.3f", result.totals.seconds);

  json_object out;
  out.text("path", path)
      .text("repo_id", result.repo.id())
      .text("repo_type", to_string(result.repo.type()))
      .text("revision", result.revision)
      .text("commit", result.commit)
      .raw("files", files)
      .number("bytes_total", result.totals.bytes_total)
      .number("bytes_present", result.totals.bytes_present)
      .number("bytes_linked", result.totals.bytes_linked)
      .number("bytes_fetched", result.totals.bytes_fetched)
      .number("bytes_wire", result.totals.bytes_wire)
      .number("requests", result.totals.requests)
      .number("disk_delta", result.totals.disk_delta)
      .raw("seconds", seconds.data())
      .boolean("dry_run", result.dry_run);
  return std::move(out).close();
}

std::string json_of(const hubcache::error& failure) {
  const auto& where = failure.context();
  const auto status = where.http_status == 0 ? std::string("null") : std::to_string(where.http_status);
  json_object inner;
  inner.text("code", name_of(failure.reason()))
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
  std::map<hubcache::link_kind, std::size_t> links;
  for (const auto& file : result.files) {
    if (file.link) ++links[*file.link];
  }
  std::string text = result.repo.display() + " at " + result.commit.substr(0, 12) + ": " +
                     counted(result.files.size(), "file") + ", " + to_string(result.totals);
  for (const auto& [kind, count] : links) {
    text.append(kind == links.begin()->first ? "; linked by " : ", ")
        .append(to_string(kind))
        .append(" (" + std::to_string(count) + ")");
  }
  return text + "; " + hubcache::format_bytes(result.totals.disk_delta) + " more on disk";
}

std::vector<std::string> refusals_of(const hubcache::snapshot& result) {
  struct fall_back {
    std::size_t files = 0;
    std::string from;  // of the first file
  };
  std::map<std::string, fall_back> reasons;
  for (const auto& file : result.files) {
    // A copy of what is small costs nothing worth a line.
    if (!file.link || file.what.size < hubcache::hard_link::smallest) continue;
    for (const auto& refusal : file.refused) {
      auto& reason = reasons[std::string(participle(*file.link)) + ", not " +
                             std::string(participle(refusal.kind)) + ": " + refusal.reason];
      if (reason.files++ == 0) reason.from = file.source.substr(0, file.source.rfind('/'));
    }
  }
  std::vector<std::string> lines;
  for (const auto& [text, reason] : reasons) {
    lines.push_back(text + " (" + counted(reason.files, "file") + ", from " + reason.from + ")");
  }
  return lines;
}

std::string preview_of(const hubcache::snapshot& result) {
  using enum hubcache::file_action;
  std::string text = promise(result, fetched, result.totals.bytes_fetched);
  if (result.totals.bytes_linked > 0) text += promise(result, linked, result.totals.bytes_linked);

  table files({{"FILE"}, {"SIZE", table::align::right}, {"ACTION"}});
  for (const auto& file : result.files) {
    files.add({file.path, hubcache::format_bytes(file.what.size), std::string(verb(file.action))});
  }
  return text + "\n" + files.text();
}

}  // namespace command
