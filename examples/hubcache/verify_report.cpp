#include "verify_report.hpp"

#include <hubcache/plan/snapshot.hpp>

#include "json_object.hpp"
#include "progress.hpp"
#include "table.hpp"

namespace command {

namespace {

using hubcache::verdict;

/// A verdict as people read it.
std::string words_of(verdict outcome) {
  return outcome == verdict::wrong_size ? "wrong size" : std::string(to_string(outcome));
}

std::string json_of(const hubcache::quarantine_step& step) {
  json_object out;
  out.text("path", step.file.path)
      .text_or_null("moved_to", step.moved_to)
      .raw("entries", json_array(step.entries, json_string))
      .text_or_null("problem", step.problem);
  return std::move(out).close();
}

std::string json_of(const hubcache::snapshot_files& files) {
  json_object out;
  out.text("repo", files.type + "/" + files.id)
      .text("commit", files.commit)
      .raw("files", json_array(files.files, json_string));
  return std::move(out).close();
}

}  // namespace

std::string json_of(const hubcache::checked_file& file) {
  json_object out;
  out.text("path", file.path)
      .text_or_null("repo", file.repo)
      .text_or_null("commit", file.commit)
      .text_or_null("file", file.file)
      .text("verdict", to_string(file.outcome))
      .text_or_null("expected", file.expected ? file.expected->hex() : "")
      .text_or_null("found", file.found ? file.found->hex() : "")
      .text_or_null("detail", file.detail);
  return std::move(out).close();
}

bool verify_result::fails(verdict outcome) const noexcept {
  return is_failure(outcome) || (outcome == verdict::absent && absent_fails) ||
         (outcome == verdict::extra && extra_fails);
}

bool verify_result::tells(verdict outcome) const noexcept {
  return fails(outcome) || outcome == verdict::edited || outcome == verdict::uncheckable;
}

std::string line_of(const hubcache::checked_file& file) {
  auto name = file.repo;
  if (!file.file.empty()) name += (name.empty() ? "" : " ") + file.file;
  return words_of(file.outcome) + ": " + sanitised(name) + ": " + sanitised(file.detail) + " (" +
         sanitised(file.path) + ")\n";
}

std::string summary_of(const verify_result& result) {
  const auto counts = result.files.counts();
  std::string rest;
  std::size_t hashed = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto outcome = static_cast<verdict>(i);
    const bool looked_at = outcome == verdict::ok || outcome == verdict::corrupt ||
                           outcome == verdict::wrong_size || outcome == verdict::edited;
    if (looked_at) hashed += counts[i];
    if (counts[i] == 0 || outcome == verdict::ok) continue;
    rest += (rest.empty() ? "; " : ", ") + std::to_string(counts[i]) + " " + words_of(outcome);
  }
  return "Verified " + counted(hashed, "file") + ", " + hubcache::format_bytes(result.files.bytes) + rest;
}

std::string json_of(const verify_result& result) {
  std::vector<hubcache::checked_file> findings;
  for (const auto& file : result.files.files) {
    if (result.tells(file.outcome)) findings.push_back(file);
  }
  json_object counts;
  const auto numbers = result.files.counts();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    counts.number(to_string(static_cast<verdict>(i)), numbers[i]);
  }
  json_object out;
  out.boolean("complete", result.files.complete)
      .number("bytes", result.files.bytes)
      .number("bytes_resumed", result.files.resumed)
      .raw("counts", std::move(counts).close())
      .raw("findings", json_array(findings, [](const auto& file) { return json_of(file); }))
      .raw("quarantined", json_array(result.moved.steps, [](const auto& step) { return json_of(step); }))
      .raw("fetched", json_array(result.fetched, [](const auto& files) { return json_of(files); }))
      .number("remaining", result.remaining)
      .boolean("dry_run", result.dry_run);
  return std::move(out).close();
}

}  // namespace command
