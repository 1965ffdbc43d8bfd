#include "file_mirror.hpp"

#include <hubcache/error.hpp>
#include <hubcache/fetch/on_workers.hpp>
#include <hubcache/hub/json_text.hpp>
#include <hubcache/listing.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/repo.hpp>
#include <hubcache/store/hub_layout.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <mutex>
#include <stop_token>
#include <string_view>
#include <utility>
#include <vector>

namespace plugins {

using hubcache::errc;
using hubcache::error;
using hubcache::http_request;
using hubcache::http_response;

namespace {

/// `text` with %XX replaced by the byte.
std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned char byte = 0;
    const auto* const hex = text.data() + at + 1;
    if (text[at] == '%' && at + 2 < text.size() && std::from_chars(hex, hex + 2, byte, 16).ptr == hex + 2) {
      result += static_cast<char>(byte);
      at += 2;
    } else {
      result += text[at];
    }
  }
  return result;
}

std::string path_of(const std::string& folder) {
  constexpr std::string_view scheme = "file://";
  auto path = folder.starts_with(scheme) ? decoded(folder.substr(scheme.size())) : folder;
  if (!path.starts_with('/'))
    throw error(errc::invalid_argument,
                "a mirror is /ABSOLUTE/PATH or file:///ABSOLUTE/PATH, not " + hubcache::printable(folder));
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

/// What a request asks the Hub for.
struct question {
  enum class kind : unsigned char { info, tree, content };

  question() = default;

  kind what = kind::info;
  hubcache::repo repo;
  std::string revision;
  std::string path;  // of a content
};

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return segments;
}

/// Reads "[datasets/]OWNER/NAME/WORD/REVISION[/PATH]", where OWNER/ may be missing, as it stands in the URLs of
/// hub/endpoint.hpp. None for anything else.
std::optional<question> read_question(std::string_view rest) {
  question asked;
  const bool api = rest.starts_with("api/");
  auto segments = segments_of(api ? rest.substr(4) : rest);
  auto type = hubcache::repo_type::model;
  if (const auto named = segments.empty() ? std::nullopt : hubcache::parse_repo_type(segments.front())) {
    type = *named;
    segments.erase(segments.begin());
  }
  for (const std::size_t word : {std::size_t{2}, std::size_t{1}}) {
    if (segments.size() < word + 2) continue;
    if (api && segments.size() == word + 2 && segments[word] == "revision") {
      asked.what = question::kind::info;
    } else if (api && segments.size() == word + 2 && segments[word] == "tree") {
      asked.what = question::kind::tree;
    } else if (!api && segments.size() > word + 2 && segments[word] == "resolve") {
      asked.what = question::kind::content;
    } else {
      continue;
    }
    const auto id =
        word == 2 ? std::string(segments[0]).append("/").append(segments[1]) : std::string(segments[0]);
    asked.repo = hubcache::repo(decoded(id), type);
    asked.revision = decoded(segments[word + 1]);
    hubcache::check_revision(asked.revision);
    for (auto at = word + 2; at < segments.size(); ++at)
      asked.path.append(asked.path.empty() ? "" : "/").append(decoded(segments[at]));
    return asked;
  }
  return std::nullopt;
}

/// The question of a request to `endpoint`; none if it is none that a folder can answer.
std::optional<question> question_of(const http_request& request, const hubcache::url& endpoint) {
  if (!request.target.same_origin(endpoint) || (request.method != "GET" && request.method != "HEAD"))
    return std::nullopt;
  std::string_view root = endpoint.target();
  root = root.substr(0, root.find('?'));
  while (root.ends_with('/')) root.remove_suffix(1);
  std::string_view path = request.target.target();
  path = path.substr(0, path.find('?'));
  if (!path.starts_with(root)) return std::nullopt;
  path.remove_prefix(root.size());
  try {
    return path.starts_with('/') ? read_question(path.substr(1)) : std::nullopt;
  } catch (const error&) {  // no name that the Hub accepts
    return std::nullopt;
  }
}

enum class range_kind : unsigned char { whole, part, beyond };

/// Sets `first` and `size`, of the whole content before, to the part that a Range field asks for.
range_kind apply_range(std::string_view field, std::uint64_t& first, std::uint64_t& size) {
  constexpr std::string_view unit = "bytes=";
  const auto* const end = field.data() + field.size();
  std::uint64_t from = 0, last = UINT64_MAX;
  if (!field.starts_with(unit)) return range_kind::whole;
  const auto [dash, bad] = std::from_chars(field.data() + unit.size(), end, from);
  if (bad != std::errc{} || dash == end || *dash != '-') return range_kind::whole;
  if (dash + 1 != end && (std::from_chars(dash + 1, end, last).ptr != end || last < from))
    return range_kind::whole;
  if (from >= size) return range_kind::beyond;
  first = from;
  size = std::min(last, size - 1) - from + 1;
  return range_kind::part;
}

/// An answer, and the part of a file that is its body where it has no text.
struct answer {
  answer() = default;

  http_response response;
  std::shared_ptr<hubcache::os::descriptor> file;
  std::uint64_t first = 0;
  std::uint64_t size = 0;
};

answer text_answer(std::string text) {
  answer result;
  result.response.head.status = 200;
  result.response.body = std::move(text);
  return result;
}

/// What the folder lacks, as the Hub's 404 says it.
answer missing(const char* code, const std::string& message) {
  answer result;
  result.response.head.status = 404;
  result.response.head.headers.add("X-Error-Code", code);
  result.response.head.headers.add("X-Error-Message", "the mirror " + message);
  return result;
}

std::string in_json(std::string_view text) {
  std::string json;
  hubcache::append_json_string(json, text, true);
  return json;
}

std::string info_json(const hubcache::repo& which, const std::string& commit) {
  return "{\"id\": " + in_json(which.id()) + ", \"sha\": " + in_json(commit) +
         ", \"private\": false, \"gated\": false}";
}

std::string tree_json(const hubcache::listing& files) {
  std::string json = "[";
  for (const auto* file : files.as_reported()) {
    if (json.size() > 1) json += ", ";
    const auto size = std::to_string(file->size);
    json.append("{\"type\": \"file\", \"path\": ").append(in_json(file->path));
    json.append(", \"oid\": ").append(in_json(file->blob_id)).append(", \"size\": ").append(size);
    if (file->lfs)
      json.append(", \"lfs\": {\"oid\": ")
          .append(in_json(file->sha256->hex()))
          .append(", \"size\": " + size + "}");
    if (!file->xet_hash.empty()) json.append(", \"xetHash\": ").append(in_json(file->xet_hash));
    json += "}";
  }
  return json += "]";
}

}  // namespace

struct file_mirror::state {
  state(hubcache::workers& workers, hubcache::url hub, std::string path,
        std::optional<hubcache::any_transport> further)
      : pool(workers), endpoint(std::move(hub)), folder(std::move(path)), next(std::move(further)) {}

  using listing_ptr = std::shared_ptr<const hubcache::listing>;

  // Blocking, on workers.
  [[nodiscard]] answer look_up(const question& asked, std::string_view range);
  [[nodiscard]] answer content(const hubcache::hub_layout& layout, const hubcache::file_entry& file,
                               const std::string& commit, std::string_view range) const;
  [[nodiscard]] listing_ptr listing_of(const std::string& tree, const std::string& commit);
  [[nodiscard]] hubcache::os::descriptor open(const std::string& path, std::error_code& ec) const;

  hubcache::workers& pool;
  const hubcache::url endpoint;
  const std::string folder;
  std::optional<hubcache::any_transport> next;

 private:
  std::mutex mutex_;
  std::map<std::string, listing_ptr> listings_;  // by path; a commit's never changes
};

file_mirror::state::listing_ptr file_mirror::state::listing_of(const std::string& tree,
                                                               const std::string& commit) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = listings_.find(tree); known != listings_.end()) return known->second;
  }
  auto read = hubcache::read_tree(tree, commit);
  if (!read) return nullptr;
  const std::lock_guard lock(mutex_);
  return listings_[tree] = std::make_shared<const hubcache::listing>(std::move(*read));
}

/// Symlinks within the folder are followed: a Hub cache may share blobs by them.
hubcache::os::descriptor file_mirror::state::open(const std::string& path, std::error_code& ec) const {
  namespace fs = std::filesystem;
  const auto real = fs::canonical(path, ec).string();
  if (ec) return {};
  const auto root = fs::canonical(folder, ec).string();
  if (!ec && !real.starts_with(root + "/"))
    ec = std::make_error_code(std::errc::too_many_symbolic_link_levels);
  return ec ? hubcache::os::descriptor() : hubcache::os::open_read(real, ec);
}

answer file_mirror::state::look_up(const question& asked, std::string_view range) {
  const hubcache::hub_layout layout(folder, asked.repo);
  std::error_code ec;
  if (!hubcache::os::status(layout.repo_dir(), ec).directory)
    return missing("RepoNotFound",
                   folder + " does not have this repo: " + layout.repo_dir() + " is no folder");
  const auto commit =
      hubcache::is_commit(asked.revision) ? asked.revision : hubcache::read_ref(layout, asked.revision);
  const auto files = commit ? listing_of(layout.tree(*commit), *commit) : nullptr;
  if (!files)
    return missing("RevisionNotFound",
                   folder + (commit ? " has no listing of this commit: trees/" + *commit + ".json"
                                    : " has no commit for this revision in refs/"));
  if (asked.what == question::kind::info) return text_answer(info_json(asked.repo, *commit));
  if (asked.what == question::kind::tree) return text_answer(tree_json(*files));
  const auto* const file = files->find(asked.path);
  return file ? content(layout, *file, *commit, range)
              : missing("EntryNotFound", folder + " does not list this file");
}

answer file_mirror::state::content(const hubcache::hub_layout& layout, const hubcache::file_entry& file,
                                   const std::string& commit, std::string_view range) const {
  const auto name = file.name();
  if (!name) return missing("EntryNotFound", folder + " does not know this file's digest");
  std::error_code ec, other;
  const auto path = layout.blob(*name);
  auto opened = open(path, ec);
  if (ec == std::errc::no_such_file_or_directory)
    opened = open(layout.snapshot(commit) + "/" + file.path, other);
  if (!opened) {
    const bool outside = ec == std::errc::too_many_symbolic_link_levels;
    return missing("EntryNotFound", "cannot give this file: " + path +
                                        (outside ? " leads out of the mirror" : ": " + ec.message()));
  }
  const auto size = hubcache::os::status(opened, ec).identity.size;
  if (size != file.size)
    return missing("EntryNotFound", "cannot give this file: " + path + " has " + std::to_string(size) +
                                        " of its " + std::to_string(file.size) + " bytes");
  answer result;
  auto& head = result.response.head;
  result.size = size;
  head.status = 200;
  head.headers.add("ETag", "\"" + name->hex() + "\"");
  head.headers.add("X-Repo-Commit", commit);
  const auto kind = apply_range(range, result.first, result.size);
  if (kind == range_kind::part) {
    head.status = 206;
    head.headers.add("Content-Range", "bytes " + std::to_string(result.first) + "-" +
                                          std::to_string(result.first + result.size - 1) + "/" +
                                          std::to_string(size));
  } else if (kind == range_kind::beyond) {
    head.status = 416;
    head.headers.add("Content-Range", "bytes */" + std::to_string(size));
    result.size = 0;
  }
  result.file = std::make_shared<hubcache::os::descriptor>(std::move(opened));
  return result;
}

namespace {

/// The next piece of the body, read on `pool`.
asio::awaitable<std::string> read_piece(hubcache::workers& pool,
                                        std::shared_ptr<hubcache::os::descriptor> file, std::uint64_t offset,
                                        std::uint64_t left) {
  constexpr std::uint64_t most = 1024 * 1024;
  auto read = [file, offset, size = static_cast<std::size_t>(std::min(left, most))](std::stop_token) {
    std::string bytes(size, '\0');
    std::error_code ec;
    const auto n = hubcache::os::read_at(*file, std::as_writable_bytes(std::span(bytes)), offset, ec);
    if (ec || n < size)
      throw error(errc::connection_lost,
                  ec ? "cannot read the mirror: " + ec.message() : "the mirror's file shrank");
    return bytes;
  };
  co_return co_await hubcache::on_workers(pool, std::move(read));
}

asio::awaitable<http_response> deliver(hubcache::workers& pool, const http_request& request, answer found,
                                       hubcache::body_sink& sink) {
  using verdict = hubcache::body_sink::verdict;
  auto& response = found.response;
  const auto text = std::exchange(response.body, std::string());
  const auto size = found.file ? found.size : text.size();
  response.head.content_length = size;
  const auto chosen = sink.begin(response.head);
  if (chosen == verdict::stop || request.method == "HEAD") co_return response;
  while (response.body_bytes < size) {
    const auto done = response.body_bytes;
    auto piece = text;
    if (found.file) piece = co_await read_piece(pool, found.file, found.first + done, size - done);
    response.body_bytes += piece.size();
    if (chosen == verdict::take) {
      co_await hubcache::write_to(sink, piece);
      continue;
    }
    const auto room = request.body_limit - response.body.size();
    response.body.append(piece, 0, room);
    if (piece.size() > room) break;
  }
  co_return response;
}

}  // namespace

file_mirror::file_mirror(hubcache::workers& pool, hubcache::url endpoint, const std::string& folder,
                         std::optional<hubcache::any_transport> next)
    : state_(std::make_shared<state>(pool, std::move(endpoint), path_of(folder), std::move(next))) {}

asio::awaitable<http_response> file_mirror::exchange(const http_request& request, hubcache::body_sink& sink) {
  return run(state_, request, sink);  // no coroutine itself: its frame would need this when it begins
}

asio::awaitable<http_response> file_mirror::run(std::shared_ptr<state> mirror, const http_request& request,
                                                hubcache::body_sink& sink) {
  hubcache::error_context where;
  where.url = request.target.redacted();
  try {
    auto asked = question_of(request, mirror->endpoint);
    auto found = missing("EntryNotFound", mirror->folder + " answers look-ups and downloads alone");
    if (asked) {
      const std::string range(request.headers.find("Range").value_or(""));
      auto look = [mirror, range, question = std::move(*asked)](std::stop_token) {
        return mirror->look_up(question, range);
      };
      found = co_await hubcache::on_workers(mirror->pool, std::move(look));
    }
    const bool absent = found.response.head.status == 404;
    if (absent && mirror->next) co_return co_await mirror->next->exchange(request, sink);
    co_return co_await deliver(mirror->pool, request, std::move(found), sink);
  } catch (const error& failure) {
    throw failure.within(where);
  }
}

}  // namespace plugins
