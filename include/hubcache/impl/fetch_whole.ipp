#pragma once

#include <hubcache/error.hpp>
#include <hubcache/fetch/content_range.hpp>
#include <hubcache/fetch/fetch_whole.hpp>
#include <hubcache/source/pause.hpp>

#include <algorithm>
#include <chrono>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL body_sink::verdict whole_sink::begin(const response_head& head) {
  const auto answer = judge_answer(head, {filled_, into_.size()}, into_.size(), problem_);
  range_ignored_ = answer == range_answer::range_ignored;
  return answer == range_answer::accepted ? verdict::take : verdict::stop;
}

HUBCACHE_DECL asio::awaitable<std::span<std::byte>> whole_sink::acquire() {
  if (!problem_.empty()) throw error(errc::size_mismatch, problem_);
  // Of a body without a length the transport learns the end only by asking for more.
  if (filled_ == into_.size()) co_return std::span(&beyond_, 1);
  co_return into_.subspan(filled_);
}

HUBCACHE_DECL void whole_sink::commit(std::size_t n) {
  if (filled_ < into_.size()) {
    filled_ += n;
  } else if (n > 0) {
    problem_ = "expected " + std::to_string(into_.size()) + " bytes, more arrive";
  }
}

namespace detail {

/// One content on its way into memory.
class whole_fetch {
 public:
  whole_fetch(fetch_services& with, error_context context, content what, whole_history& so_far)
      : with_(with),
        context_(std::move(context)),
        size_(static_cast<std::size_t>(what.size)),
        bytes_(new std::byte[size_]),  // not zeroed: every byte is overwritten before it is read
        so_far_(so_far) {}

  asio::awaitable<std::unique_ptr<std::byte[]>> run(const repo& which, const std::string& commit,
                                                    const std::string& path) {
    events::started news;
    news.file = path;
    news.bytes = size_;
    with_.observer(news);
    while (filled_ < size_) {  // an empty file is here without being asked for
      auto slot = co_await with_.slots.take(exchange_slots::lane::small);
      if (!slot) co_return nullptr;
      const auto failure = co_await exchange(which, commit, path, std::move(*slot));
      if (failure || range_ignored_) co_await recover(failure, path);
    }
    co_return std::move(bytes_);
  }

 private:
  /// One exchange, from the first missing byte on. @return null unless it failed
  asio::awaitable<std::shared_ptr<const error>> exchange(const repo& which, const std::string& commit,
                                                         const std::string& path, exchange_slots::slot slot) {
    const auto before = filled_;
    whole_sink sink(std::span(bytes_.get(), size_), filled_);
    const content_part rest(before, std::nullopt);
    const auto way = std::make_shared<found_route>();
    std::exception_ptr thrown;
    try {
      co_await with_.source.content(which, commit, path, rest, way, sink, server_wait_);
    } catch (const error&) {
      thrown = std::current_exception();
    }
    range_ignored_ = sink.range_ignored();
    if (way->has_value()) context_.url = so_far_.came_from = (*way)->where.redacted();
    note_arrived(slot, path, filled_ - before);
    std::shared_ptr<const error> failure;
    if (!sink.problem().empty()) {
      // Who sent too much is known from what the transport threw alone.
      if (thrown && !error_of(thrown)->context().url.empty()) {
        context_.url = so_far_.came_from = error_of(thrown)->context().url;
      }
      failure = failed(errc::size_mismatch, sink.problem());
    } else if (thrown && !range_ignored_) {
      failure = std::make_shared<const error>(error_of(thrown)->within(context_));
    } else if (filled_ != size_ && !range_ignored_) {
      failure = failed(errc::connection_lost,
                       "got " + std::to_string(filled_) + " of " + std::to_string(size_) + " bytes");
    }
    if (failure) slot.failed(failure->reason());
    co_return failure;
  }

  void note_arrived(exchange_slots::slot& slot, const std::string& path, std::size_t n) {
    if (n == 0) return;
    // Bytes that came before are no progress: who drops connections and ignores ranges would be asked for ever.
    if (filled_ > furthest_) network_.progress();
    furthest_ = std::max(furthest_, filled_);
    slot.received(n);
    with_.source.counters().bytes_wire += n;
    events::advanced news;
    news.file = path;
    news.bytes = n;
    with_.observer(news);
  }

  [[nodiscard]] std::shared_ptr<const error> failed(errc reason, std::string detail) const {
    return std::make_shared<const error>(reason, std::move(detail), context_);
  }

  /// Pauses before the next exchange, or throws the failure if there is none. Null: the range was ignored.
  asio::awaitable<void> recover(std::shared_ptr<const error> failure, const std::string& path) {
    events::retried news;
    news.file = path;
    news.reason = failure ? std::string(to_string(failure->reason())) : "range_ignored";
    auto pause = std::optional(std::chrono::milliseconds(0));
    if (failure) {
      const bool altered = failure->reason() == errc::size_mismatch;
      pause = next_attempt(with_.config, altered ? so_far_.integrity : network_, failure->reason(),
                           server_wait_, random_fraction());
      // What came with a wrong size is no part of this content.
      if (altered) news.lost = std::exchange(filled_, 0);
    } else {
      news.lost = std::exchange(filled_, 0);
    }
    if (!pause) throw *failure;
    server_wait_.reset();
    news.seconds = static_cast<double>(pause->count()) / 1000.0;
    with_.observer(news);
    // A run that has stopped meanwhile sits out no pause.
    const auto until = std::chrono::steady_clock::now() + *pause;
    for (auto now = until - *pause; now < until && !with_.slots.is_closed(exchange_slots::lane::small);
         now = std::chrono::steady_clock::now()) {
      co_await pause_until(
          std::min<std::chrono::steady_clock::time_point>(until, now + std::chrono::seconds(1)));
    }
  }

  fetch_services& with_;
  error_context context_;
  std::size_t size_;
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t filled_ = 0;
  std::size_t furthest_ = 0;    // the most that was ever filled
  bool range_ignored_ = false;  // by the last exchange
  waiting_time server_wait_;    // as the last exchange told
  retry_state network_;
  whole_history& so_far_;
};

}  // namespace detail

HUBCACHE_DECL asio::awaitable<std::unique_ptr<std::byte[]>> fetch_whole(fetch_services& with,
                                                                        const repo& which,
                                                                        const std::string& commit,
                                                                        const std::string& path, content what,
                                                                        whole_history& so_far) {
  error_context context;
  context.repo = which.display();
  context.file = path;
  detail::whole_fetch one(with, std::move(context), what, so_far);
  co_return co_await one.run(which, commit, path);
}

}  // namespace hubcache::inline v0_1
