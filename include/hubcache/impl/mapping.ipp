#pragma once

#include <hubcache/error.hpp>
#include <hubcache/hub/json_text.hpp>
#include <hubcache/hub/parse.hpp>
#include <hubcache/os/lock.hpp>
#include <hubcache/store/mapping.hpp>
#include <hubcache/text.hpp>

#include <chrono>
#include <filesystem>
#include <thread>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL cache_mapping read_mapping(const std::string& path) {
  const auto malformed = [&path](const std::string& detail) {
    return error(errc::invalid_mapping, detail, error_context{}.with_file(path));
  };
  std::error_code ec;
  const auto file = os::status(path, ec, true);
  if (ec == std::errc::no_such_file_or_directory) return {};
  if (!ec && !file.regular) throw malformed("it is no regular file");
  const auto real = ec ? path : std::filesystem::canonical(path, ec).string();
  const auto text = ec ? std::string{} : os::read_text(real, std::size_t{256} << 20U, ec);
  if (ec) throw_disk_error(ec, "read the cache mapping", path);

  const auto pairs = parse_string_map(text);
  if (!pairs) throw malformed("expected a JSON object of the form {\"<sha256>\": \"<path>\"}");
  const auto folder = std::filesystem::path(real).parent_path();
  cache_mapping result;
  for (const auto& [key, value] : *pairs) {
    const auto name = digest::parse(key);
    if (!name || name->algorithm() != digest_algorithm::sha256) {
      throw malformed("expected keys of 64 lower-case hex digits, found \"" + printable(key, 80) + "\"");
    }
    if (value.empty() || value.find('\0') != value.npos)
      throw malformed("the path of " + key + " is empty or has a NUL");
    result[*name] = (folder / value).lexically_normal().string();
  }
  return result;
}

HUBCACHE_DECL std::string format_mapping(const cache_mapping& mapping) {
  std::string text = "{";
  for (const auto& [name, path] : mapping) {
    text += text.size() == 1 ? "\n  \"" : ",\n  \"";
    text.append(name.hex()).append("\": ");
    append_json_string(text, path, false);
  }
  return text.append("\n}\n");
}

HUBCACHE_DECL void merge_mapping(const std::string& path, const cache_mapping& entries,
                                 const cache_mapping& dropped) {
  std::error_code ec;
  // The lock has a name of its own: the mapping itself is replaced by rename.
  const auto real = std::filesystem::weakly_canonical(path, ec).string();
  std::optional<os::file_lock> lock;
  for (int i = 0; !ec && !lock && i < 200; ++i) {
    if (i > 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    lock = os::file_lock::try_lock(real + ".lock", os::lock_mode::exclusive, ec);
  }
  if (!ec && !lock) ec = std::make_error_code(std::errc::timed_out);
  if (ec) throw_disk_error(ec, "lock the cache mapping", path);
  lock->remove_on_release();

  auto merged = read_mapping(real);
  for (const auto& [name, where] : dropped) {
    if (const auto at = merged.find(name); at != merged.end() && at->second == where) merged.erase(at);
  }
  for (const auto& [name, where] : entries) {
    const auto [at, fresh] = merged.try_emplace(name, where);
    if (!fresh && at->second != where && !os::status(at->second, ec, true).regular) at->second = where;
  }
  const auto existing = os::status(real, ec);
  os::replace_text(real, format_mapping(merged), ec ? 0666 : existing.mode, ec);
  if (ec) throw_disk_error(ec, "write the cache mapping", path);
}

}  // namespace hubcache::inline v0_1
