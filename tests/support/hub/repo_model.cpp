#include "support/hub/repo_model.hpp"

#include <stdexcept>
#include <utility>

namespace embedded {

std::string_view plural(repo_type type) noexcept {
  switch (type) {
    case repo_type::dataset:
      return "datasets";
    case repo_type::space:
      return "spaces";
    case repo_type::model:
      break;
  }
  return "models";
}

std::uint64_t total_bytes(const file_map& files) {
  std::uint64_t sum = 0;
  for (const auto& [path, file] : files) sum += file.content.size();
  return sum;
}

repo_file regular(std::string bytes) { return {file_content::of(std::move(bytes)), false}; }
repo_file lfs(file_content content) { return {std::move(content), true}; }

std::string repo_model::commit(file_map files, std::string title, std::string_view branch) {
  const std::string ref = "refs/heads/" + std::string(branch);
  commit_model next;
  if (const auto at = refs.find(ref); at != refs.end()) next.parent = at->second;
  std::string text(plural(type));
  text += '\n' + id + '\n' + ref + '\n' + next.parent + '\n' + title + '\n';
  for (const auto& [path, file] : files)
    text += path + ' ' + file.content.fingerprint() + (file.lfs ? " lfs\n" : "\n");
  next.id = sha1_hex(text);
  next.title = std::move(title);
  next.files = std::move(files);
  refs[ref] = next.id;
  const std::string made = next.id;
  commits[made] = std::move(next);
  return made;
}

void repo_model::tag(std::string_view name, std::string commit_id) {
  refs["refs/tags/" + std::string(name)] = std::move(commit_id);
}

void repo_model::pull_request(int number, std::string commit_id) {
  refs["refs/pr/" + std::to_string(number)] = std::move(commit_id);
}

const commit_model* repo_model::find(std::string_view revision) const {
  const std::string name(revision == "HEAD" ? "main" : revision);
  for (const char* prefix : {"", "refs/heads/", "refs/tags/"}) {
    if (const auto at = refs.find(prefix + name); at != refs.end()) return &commits.at(at->second);
  }
  if (name.size() < 4) return nullptr;
  const auto first = commits.lower_bound(name);
  if (first == commits.end() || !first->first.starts_with(name)) return nullptr;
  const auto second = std::next(first);
  const bool unique = second == commits.end() || !second->first.starts_with(name);
  return unique ? &first->second : nullptr;
}

const commit_model& repo_model::last_change(const commit_model& tip, std::string_view path) const {
  const commit_model* at = &tip;
  const auto here = tip.files.find(path);
  while (here != tip.files.end() && !at->parent.empty()) {
    const commit_model& parent = commits.at(at->parent);
    const auto before = parent.files.find(path);
    if (before == parent.files.end() || before->second.oid() != here->second.oid()) break;
    at = &parent;
  }
  return *at;
}

const file_map& repo_model::files() const& {
  const commit_model* tip = find("main");
  if (tip == nullptr) throw std::logic_error("repo without commit: " + id);
  return tip->files;
}

}  // namespace embedded
