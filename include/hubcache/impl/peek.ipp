#pragma once

#include <hubcache/error.hpp>
#include <hubcache/fetch/content_range.hpp>
#include <hubcache/fetch/on_workers.hpp>
#include <hubcache/hash/hash_set.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/peek.hpp>
#include <hubcache/source/pause.hpp>
#include <hubcache/source/retry.hpp>
#include <hubcache/store/local_layout.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1::detail {

HUBCACHE_DECL error_context context_of(const plan& draft, const file_entry& file) {
  return error_context{}.with_repo(draft.repo.display()).with_file(file.path);
}

/// Copies of one file on this machine, for a job: this repo's own, and those that a completed plan links it from.
class own_copies {
 public:
  own_copies(const plan& draft, const file_entry& file)
      : path_(file.path), name_(file.name()), size_(file.size), recorded_(draft.local()) {
    if (!name_) return;
    if (draft.plain_files) view_ = draft.view;
    blobs_.push_back(draft.layout.blob(*name_));
    for (const auto& tier : draft.tiers) blobs_.push_back(tier.blob(*name_));
    for (const auto& step : draft.steps) {
      if (step.what == content(*name_, size_)) add_places(step);
    }
  }

  /// The bytes of `wanted` in the first copy that has the right size; none if none has. Blocking.
  [[nodiscard]] std::optional<std::string> read(byte_range wanted) const {
    auto found = view_.empty() || (recorded_ && !is_recorded()) ? std::nullopt
                                                                : read_from(view_ + "/" + path_, wanted);
    for (auto blob = blobs_.begin(); !found && blob != blobs_.end(); ++blob) found = read_from(*blob, wanted);
    return found;
  }

 private:
  /// Files of other repos that may be linked, and that nobody edits: as good as a blob of this one.
  void add_places(const plan_step& step) {
    for (const auto& where : step.places) {
      if (where.store == mutability::immutable_store) blobs_.push_back(where.path);
    }
  }
  [[nodiscard]] bool is_recorded() const {
    const auto known = read_metadata(local_layout(view_), view_, path_);
    return known && known->etag == name_->hex();
  }
  [[nodiscard]] std::optional<std::string> read_from(const std::string& path, byte_range wanted) const {
    std::error_code ec;
    // A blob may be a symlink into the shared store of huggingface_hub.
    const auto real = std::filesystem::canonical(path, ec).string();
    const auto file = ec ? os::descriptor() : os::open_read(real, ec);
    if (ec || os::status(file, ec).identity.size != size_ || ec) return std::nullopt;
    std::string bytes(static_cast<std::size_t>(wanted.size()), '\0');
    const auto n = os::read_at(file, std::as_writable_bytes(std::span(bytes)), wanted.begin, ec);
    if (ec || n != bytes.size()) return std::nullopt;
    return bytes;
  }

  std::string path_;
  std::optional<digest> name_;  ///< None: the Hub hides it, and nothing is known to be a copy.
  std::uint64_t size_;
  bool recorded_;     ///< A local folder keeps records of its files.
  std::string view_;  ///< Empty unless it has the file itself.
  std::vector<std::string> blobs_;
};

/// Appends the bytes of one range to a text, also those of an answer that holds the whole file.
class part_sink final : public body_sink {
 public:
  /// @param into  has the first bytes of `wanted`, and gets more. Outlives the sink.
  part_sink(std::string& into, byte_range wanted, std::uint64_t size)
      : into_(into), wanted_(wanted), size_(size) {}

  [[nodiscard]] verdict begin(const response_head& head) override {
    const byte_range rest(wanted_.begin + into_.size(), wanted_.end);
    auto answer = judge_answer(head, rest, size_, problem_);
    if (answer == range_answer::range_ignored) {
      skip_ = rest.begin;
      answer = judge_answer(head, {0, size_}, size_, problem_);
    }
    return answer == range_answer::accepted ? verdict::take : verdict::stop;
  }
  [[nodiscard]] asio::awaitable<std::span<std::byte>> acquire() override {
    // Ends an answer that goes on behind the part.
    if (into_.size() == wanted_.size()) throw error(errc::cancelled, "the part is complete");
    co_return std::span(piece_);
  }
  void commit(std::size_t n) override {
    received_ += n;
    const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, n));
    skip_ -= skipped;
    const auto more = std::min<std::uint64_t>(n - skipped, wanted_.size() - into_.size());
    into_.append(reinterpret_cast<const char*>(piece_.data()) + skipped, static_cast<std::size_t>(more));
  }

  /// How the answer contradicts the listing; empty if it does not.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
  [[nodiscard]] std::uint64_t received() const noexcept { return received_; }

 private:
  std::string& into_;
  byte_range wanted_;
  std::uint64_t size_;
  std::uint64_t skip_ = 0;  // what comes before the part
  std::uint64_t received_ = 0;
  std::vector<std::byte> piece_ = std::vector<std::byte>(std::size_t{64} << 10U);
  std::string problem_;
};

/// One part of a file on its way from the Hub into memory.
class part_fetch {
 public:
  part_fetch(services with, hub_source& hub, const plan& draft, const file_entry& file, byte_range wanted)
      : with_(with),
        hub_(hub),
        draft_(draft),
        file_(file),
        wanted_(wanted),
        context_(context_of(draft, file)) {
    state_.patience = std::chrono::seconds(60);
  }

  asio::awaitable<std::string> run() {
    while (bytes_.size() < wanted_.size()) {
      const auto failure = co_await exchange();
      if (!failure) continue;
      // What came with a wrong size is no part of this content.
      if (failure->reason() == errc::size_mismatch) bytes_.clear();
      const auto pause =
          next_attempt(with_.config, state_, failure->reason(), server_wait_, random_fraction());
      if (!pause) throw *failure;
      const auto until = std::chrono::steady_clock::now() + *pause;
      if (server_wait_) {
        co_await hub_.wait_until(until);
      } else {
        co_await pause_until(until);
      }
    }
    co_return std::move(bytes_);
  }

 private:
  /// One exchange, from the first missing byte on. @return null unless it failed
  asio::awaitable<std::shared_ptr<const error>> exchange() {
    const auto before = bytes_.size();
    const content_part rest(wanted_.begin + before, wanted_.end);
    part_sink sink(bytes_, wanted_, file_.size);
    std::exception_ptr thrown;
    server_wait_.reset();
    try {
      co_await hub_.content(draft_.repo, draft_.listing.commit, file_.path, rest, way_, sink, server_wait_);
    } catch (const error&) {
      thrown = std::current_exception();
    }
    hub_.counters().bytes_wire += sink.received();
    if (bytes_.size() == wanted_.size()) co_return nullptr;
    // Bytes that came before are no progress.
    if (bytes_.size() > furthest_) state_.progress();
    furthest_ = std::max(furthest_, bytes_.size());
    if (way_->has_value()) context_.url = (*way_)->where.redacted();
    if (!sink.problem().empty()) {
      co_return std::make_shared<const error>(errc::size_mismatch, sink.problem(), context_);
    }
    if (thrown) co_return std::make_shared<const error>(error_of(thrown)->within(context_));
    co_return std::make_shared<const error>(
        errc::connection_lost,
        "got " + std::to_string(bytes_.size()) + " of " + std::to_string(wanted_.size()) + " bytes",
        context_);
  }

  services with_;
  hub_source& hub_;
  const plan& draft_;
  const file_entry& file_;
  byte_range wanted_;
  error_context context_;
  std::shared_ptr<found_route> way_ = std::make_shared<found_route>();
  std::string bytes_;
  std::size_t furthest_ = 0;  // the most that was ever there
  waiting_time server_wait_;  // as the last exchange told
  retry_state state_;
};

HUBCACHE_DECL void require_online(const services& with, const plan& draft, const file_entry& file) {
  if (with.config.offline)
    throw error(errc::not_cached, "the file is not in the cache", context_of(draft, file));
}

HUBCACHE_DECL asio::awaitable<std::string> peek(services with, hub_source& hub, const plan& draft,
                                                const file_entry& file, content_part part) {
  byte_range wanted;
  wanted.end = std::min(part.end.value_or(file.size), file.size);
  wanted.begin = std::min(part.begin, wanted.end);
  if (wanted.size() == 0) co_return std::string();
  auto look = [copies = own_copies(draft, file), wanted](const std::stop_token&) {
    return copies.read(wanted);
  };
  auto here = co_await on_workers(with.pool, std::move(look));
  if (here) co_return std::move(*here);
  require_online(with, draft, file);
  part_fetch one(with, hub, draft, file, wanted);
  co_return co_await one.run();
}

/// Bytes, and what they hash to.
using hashed_bytes = std::pair<std::string, digest>;

HUBCACHE_DECL hashed_bytes hash_bytes(const hash_set_ref& hashes, const content& what, std::string bytes) {
  auto stream = hashes.make(what.name.algorithm(), what.size);
  stream.update(as_byte_view(bytes));
  return {std::move(bytes), stream.finish()};
}

/// The whole of `what`, from the Hub, until it hashes to its name.
HUBCACHE_DECL asio::awaitable<std::string> fetch_verified(services with, hub_source& hub, const plan& draft,
                                                          const file_entry& file, content what) {
  for (retry_state integrity;;) {
    part_fetch one(with, hub, draft, file, {0, what.size});
    auto bytes = co_await one.run();
    auto hash = [hashes = with.hashes, what, bytes = std::move(bytes)](const std::stop_token&) mutable {
      return hash_bytes(hashes, what, std::move(bytes));
    };
    auto [text, found] = co_await on_workers(with.pool, std::move(hash));
    if (found == what.name) co_return std::move(text);
    const auto pause = next_attempt(with.config, integrity, errc::digest_mismatch, {}, random_fraction());
    if (!pause) {
      throw error(errc::digest_mismatch, "expected " + what.name.hex() + ", got " + found.hex(),
                  context_of(draft, file));
    }
    co_await pause_until(std::chrono::steady_clock::now() + *pause);
  }
}

HUBCACHE_DECL asio::awaitable<std::string> peek_whole(services with, hub_source& hub, const plan& draft,
                                                      const file_entry& file, std::uint64_t at_most) {
  if (file.size > at_most) {
    throw error(errc::malformed_file,
                "it has " + std::to_string(file.size) + " bytes; at most " + std::to_string(at_most) +
                    " are expected of a file of this kind",
                context_of(draft, file));
  }
  const auto name = file.name();
  if (!name) {
    require_online(with, draft, file);
    co_await hub.check_access(draft.repo, draft.listing.commit, file.path);
    throw error(errc::gated, "the Hub hides the hash of this file from this caller", context_of(draft, file));
  }
  const content what(*name, file.size);
  auto look = [copies = own_copies(draft, file), what, hashes = with.hashes](const std::stop_token&) {
    return hash_bytes(hashes, what, copies.read({0, what.size}).value_or(std::string()));
  };
  auto here = co_await on_workers(with.pool, std::move(look));
  if (here.second == what.name) co_return std::move(here.first);
  require_online(with, draft, file);
  co_return co_await fetch_verified(with, hub, draft, file, what);
}

}  // namespace hubcache::inline v0_1::detail
