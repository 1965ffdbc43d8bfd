#pragma once

#include <hubcache/error.hpp>
#include <hubcache/hash/hash_file.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/store/hub_layout.hpp>
#include <hubcache/upkeep/locked_repos.hpp>

#include <filesystem>
#include <utility>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL lock_file read_lock_file(const std::string& path) {
  std::error_code ec;
  const auto real = std::filesystem::canonical(path, ec).string();
  const auto text = ec ? std::string() : os::read_text(real, std::size_t{256} << 20U, ec);
  if (ec) throw_disk_error(ec, "read the lock file", path);
  try {
    return parse_lock_file(text);
  } catch (const error& e) {
    throw e.within(error_context{}.with_file(path));
  }
}

HUBCACHE_DECL void write_lock_file(const std::string& path, const lock_file& lock) {
  std::error_code ec;
  os::replace_text(path, format_lock_file(lock), 0666, ec);
  if (ec) throw_disk_error(ec, "write the lock file", path);
}

HUBCACHE_DECL locked_repo lock_of(const snapshot& done, const hash_set_ref& hashes,
                                  const std::stop_token& stop) {
  if (done.files.empty()) {
    throw error(errc::invalid_argument, "no file of the repo is selected: there is nothing to lock",
                error_context{}.with_repo(done.repo.display()));
  }
  locked_repo result;
  result.repo = done.repo;
  result.commit = done.commit;
  for (const auto& file : done.files) {
    both_digests found;
    found.sha256 = file.what.name;
    if (file.what.name.algorithm() != digest_algorithm::sha256) {
      std::error_code ec;
      const auto path = std::filesystem::canonical(done.path_of(file.path), ec).string();
      const auto opened = ec ? os::descriptor() : os::open_read(path, ec);
      if (!ec) found = hash_file_both(hashes, opened, file.what.size, stop, ec).value_or(found);
      if (ec) throw_disk_error(ec, "hash the file", done.path_of(file.path));
      if (found.git_sha1 != file.what.name) {
        throw error(errc::digest_mismatch,
                    "expected " + file.what.name.hex() + ", found " + found.git_sha1.hex(),
                    error_context{}.with_file(done.path_of(file.path)));
      }
    }
    result.files.emplace_back(file.path, file.what.size, found.sha256);
  }
  return result;
}

namespace detail {

/// What names and sizes tell of one locked file.
HUBCACHE_DECL void look_at_locked(checked_file& file, const locked_file& locked, bool rehash) {
  const auto settle = [&file](verdict outcome, std::string detail) {
    file.outcome = outcome;
    file.detail = std::move(detail);
  };
  std::error_code ec;
  const auto status = os::status(file.path, ec, true);
  if (!ec) file.payload = std::filesystem::canonical(file.path, ec).string();
  if (ec == std::errc::no_such_file_or_directory || ec == std::errc::not_a_directory) {
    return settle(verdict::missing, "it is not here");
  }
  if (ec || !status.regular) return settle(verdict::unreadable, ec ? ec.message() : "it is no file");
  file.identity = status.identity;
  if (status.identity.size != locked.size) {
    return settle(verdict::wrong_size, "it has " + std::to_string(status.identity.size) +
                                           " bytes, the lock file " + std::to_string(locked.size));
  }
  const auto blob = std::filesystem::read_symlink(file.path, ec).filename().string();
  const auto name = ec ? std::nullopt : digest::parse(blob);
  if (!name || name->algorithm() != digest_algorithm::sha256) return;
  if (*name != locked.sha256) {
    file.found = *name;
    return settle(verdict::corrupt, "it is " + name->hex() + ", the lock file has " + locked.sha256.hex());
  }
  if (!rehash) settle(verdict::ok, {});
}

}  // namespace detail

HUBCACHE_DECL verification plan_verify_lock(const lock_file& lock, const std::string& cache_dir,
                                            bool rehash) {
  verification result;
  for (const auto& one : lock.repos) {
    const hub_layout layout(cache_dir, one.repo);
    for (const auto& locked : one.files) {
      auto& file = result.files.emplace_back();
      file.repo = std::string(to_string(one.repo.type())) + "/" + one.repo.id();
      file.commit = one.commit;
      file.file = locked.path;
      file.path = layout.snapshot(one.commit) + "/" + locked.path;
      file.expected = locked.sha256;
      detail::look_at_locked(file, locked, rehash);
    }
  }
  return result;
}

}  // namespace hubcache::inline v0_1
