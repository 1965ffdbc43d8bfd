#pragma once

#include <hubcache/error.hpp>
#include <hubcache/fetch/fan_out.hpp>
#include <hubcache/fetch/on_workers.hpp>
#include <hubcache/format/safetensors_index.hpp>
#include <hubcache/inspect.hpp>
#include <hubcache/peek.hpp>
#include <hubcache/prepare.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <map>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

namespace detail {

/// What came of parsing the first bytes of a weight file.
struct parsed_header {
  parsed_header() = default;

  inspected_file file;
  std::string bytes;         // that were parsed
  std::uint64_t needed = 0;  // as of read_header()
};
static_assert(!std::is_aggregate_v<parsed_header>);

/// What came of checking an index against all other files.
struct checked_index {
  checked_index() = default;

  inspected_repo all;
  sorted_names names;
};
static_assert(!std::is_aggregate_v<checked_index>);

/// Whether the failure is one of the file that was asked for, so that others can be read all the same.
HUBCACHE_DECL bool is_of_one_file(errc reason) noexcept {
  switch (reason) {
    case errc::file_not_found:
    case errc::malformed_file:
    case errc::digest_mismatch:
    case errc::size_mismatch:
    case errc::not_cached:
      return true;
    default:
      return false;
  }
}

/// The failure in a few words, whether or not the server had any.
HUBCACHE_DECL std::string problem_of(const error& e) {
  return e.detail().empty() ? e.code().message() : e.detail();
}

/// About what tensors and metadata take in memory.
HUBCACHE_DECL std::uint64_t memory_of(const inspected_file& file) noexcept {
  std::uint64_t sum = 0;
  for (const auto& tensor : file.tensors) {
    sum += sizeof tensor + tensor.name.size() + tensor.shape.size() * sizeof(std::uint64_t);
  }
  for (const auto& item : file.metadata) sum += sizeof item + item.first.size() + item.second.size();
  return sum;
}

/// Reads the headers of one repo's files.
class header_reader {
 public:
  /// All outlive the reader.
  header_reader(services with, hub_source& hub, inspected_repo& into) : with_(with), hub_(hub), into_(into) {}

  asio::awaitable<void> read_all() {
    choose();
    const auto at_once = std::clamp<std::size_t>(into_.what.options.max_transfers, 1, 8);
    auto some = [this](std::size_t) { return read_some(); };
    co_await fan_out(std::min(at_once, wanted_.size()), std::move(some));
    for (auto& one : wanted_) {
      if (one.bytes > 0) co_await read(one, std::numeric_limits<std::uint64_t>::max());
    }
    copy_to_twins();
    for (std::size_t i = 0; i < into_.files.size(); ++i) {
      if (is_safetensors_index(into_.files[i].path)) co_await read_index(i);
    }
  }

 private:
  // Parsing takes up to ten times as much, eight times side by side: at most 240 MiB.
  static constexpr std::uint64_t long_header = std::uint64_t{3} << 20U;

  struct wanted_header {
    std::size_t file = 0;     // in into_.files
    std::uint64_t bytes = 0;  // its first ones that are to be read; 0 when all is known
  };

  /// Of files with the same content the first is read.
  void choose() {
    std::map<std::pair<std::size_t, std::uint64_t>, std::size_t> first;
    for (std::size_t i = 0; i < into_.files.size(); ++i) {
      const auto bytes = first_read(into_.files[i].path);
      if (bytes == 0) continue;
      const auto [at, fresh] = first.try_emplace({into_.what.entries[i].step, bytes}, i);
      if (fresh) {
        wanted_.push_back({i, bytes});
      } else {
        twins_.emplace_back(i, at->second);
      }
    }
  }

  asio::awaitable<void> read_some() {
    while (next_ < wanted_.size()) {
      auto& one = wanted_[next_++];
      co_await read(one, long_header);
    }
  }

  /// Reads one header, unless it turns out to be longer than `limit`: then `one` tells how many bytes to begin with.
  asio::awaitable<void> read(wanted_header& one, std::uint64_t limit) {
    auto& file = into_.files[one.file];
    try {
      parsed_header parsed;
      while (one.bytes > 0 && one.bytes <= limit) {
        parsed = co_await read_more(file, std::move(parsed.bytes), one.bytes);
        one.bytes = parsed.needed;
      }
      if (one.bytes == 0) file = std::move(parsed.file);
    } catch (const error& e) {
      if (!is_of_one_file(e.reason())) throw;
      one.bytes = 0;
      file.problem = problem_of(e);
    }
    if (one.bytes == 0) keep(file);
  }

  /// @param bytes  the first ones of the file, as many as there are
  /// @param wanted how many there should be
  asio::awaitable<parsed_header> read_more(const inspected_file& file, std::string bytes,
                                           std::uint64_t wanted) {
    const auto end = std::min(wanted, file.what.size);
    if (bytes.size() < end) {
      const content_part rest(bytes.size(), end);
      const auto more = co_await peek(with_, hub_, into_.what, *into_.what.listing.find(file.path), rest);
      bytes += more;
    }
    auto parse = [file = file, bytes = std::move(bytes)](const std::stop_token&) mutable {
      parsed_header result;
      result.needed = read_header(file, as_byte_view(bytes));
      result.file = std::move(file);
      result.bytes = std::move(bytes);
      return result;
    };
    co_return co_await on_workers(with_.pool, std::move(parse));
  }

  /// Counts what is kept of the file, or lets go of it if that would be too much.
  void keep(inspected_file& file) {
    const auto more = memory_of(file);
    if (more <= max_inspected_memory - kept_) {
      kept_ += more;
      return;
    }
    file.tensors = {};
    file.metadata = {};
    file.parameters = 0;
    file.problem = "its header and those before it tell more than is kept of one repo; choose fewer files";
  }

  void copy_to_twins() {
    for (const auto& [twin, original] : twins_) {
      auto& file = into_.files[twin];
      const auto& read = into_.files[original];
      file.format = read.format;
      file.tensors = read.tensors;
      file.metadata = read.metadata;
      file.parameters = read.parameters;
      file.problem = read.problem;
      keep(file);
    }
  }

  asio::awaitable<void> read_index(std::size_t number) {
    try {
      const auto& path = into_.files[number].path;
      auto text =
          co_await peek_whole(with_, hub_, into_.what, *into_.what.listing.find(path), max_safetensors_index);
      auto check = [text = std::move(text), number, all = std::move(into_),
                    names = std::move(names_)](const std::stop_token& stop) mutable {
        checked_index result;
        try {
          all.files[number].header_bytes = text.size();
          note_index(all.files[number], parse_safetensors_index(text), all, names, stop);
        } catch (const error& e) {
          all.files[number].problem = problem_of(e);
        }
        result.all = std::move(all);
        result.names = std::move(names);
        return result;
      };
      auto checked = co_await on_workers(with_.pool, std::move(check));
      into_ = std::move(checked.all);
      names_ = std::move(checked.names);
    } catch (const error& e) {
      if (!is_of_one_file(e.reason())) throw;
      into_.files[number].problem = problem_of(e);
    }
    keep(into_.files[number]);
  }

  services with_;
  hub_source& hub_;
  inspected_repo& into_;
  std::vector<wanted_header> wanted_;
  std::vector<std::pair<std::size_t, std::size_t>>
      twins_;             // file, and the one of the same content that is read
  std::size_t next_ = 0;  // of wanted_
  sorted_names names_;
  std::uint64_t kept_ = 0;
};

}  // namespace detail

HUBCACHE_DECL asio::awaitable<inspected_repo> inspect(services with, repo which, snapshot_options options) {
  if (!options.local_dir.empty()) {
    throw error(errc::invalid_argument, "what is inspected is not put anywhere; leave out the local folder");
  }
  hub_source hub(with.config, with.transport, with.observer);
  auto draft = co_await detail::draft_plan(with, hub, std::move(which), std::move(options));
  auto what = co_await detail::complete_plan(with, hub, std::move(draft));
  const auto begun = std::chrono::steady_clock::now();
  auto result = detail::begin_inspection(std::move(what));
  detail::header_reader headers(with, hub, result);
  co_await headers.read_all();
  auto sum = [done = std::move(result)](const std::stop_token&) mutable {
    detail::sum_up(done);
    return std::move(done);
  };
  result = co_await on_workers(with.pool, std::move(sum));
  result.what.requests = hub.counters().requests;
  result.what.bytes_wire = hub.counters().bytes_wire;
  result.what.seconds += detail::seconds_since(begun);
  co_return result;
}

}  // namespace hubcache::inline v0_1
