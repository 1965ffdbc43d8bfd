#pragma once
/// @file
/// Operations of a cache interrupted between any two steps, and what must hold afterwards.

#include <hubcache/cache.hpp>
#include <hubcache/store/content_lock.hpp>
#include <hubcache/store/hub_layout.hpp>
#include <hubcache/store/ledger.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <support/hub/repo_model.hpp>
#include <support/machine.hpp>
#include <support/stepped.hpp>
#include <support/temp_folder.hpp>
#include <thread>
#include <vector>

namespace test {

/// How an operation is interrupted.
enum class interruption {
  cancel_at_step,      ///< Terminal cancellation between two steps.
  cancel_in_event,     ///< The same, from within the observer.
  destroy_at_step,     ///< The cache and its executor are destroyed; jobs that have not begun are dropped.
  destroy_after_jobs,  ///< The same, after the jobs that were posted have run.
};

/// An operation and the machine that it runs on.
template <class Transport>
struct story {
  std::function<Transport(const asio::any_io_executor&, const hubcache::settings&)> network;
  embedded::repo_model repo{"acme/none"};  ///< What is asked for.
  hubcache::snapshot_options options;
  bool only_plans = false;
  /// Changes settings and options for one machine, and what is on it before.
  std::function<void(hubcache::settings&, hubcache::snapshot_options&)> prepare;
  /// Takes away what makes the operation wait without an end; none if nothing does.
  std::function<void()> release;
  std::function<void(const hubcache::event&)> observe = [](const hubcache::event&) {};
  /// How long a step may let wait for itself: for sockets, and for pauses.
  std::chrono::milliseconds patience{2000};
  /// Within how many steps a cancelled operation ends.
  std::size_t soon = 100;
  /// Bytes that an interruption must not lose, nor make cross the network twice; none if all bytes may.
  std::optional<std::uint64_t> durable;
};

/// The bytes of every file of a repo, by path.
using file_texts = std::map<std::string, std::string>;

inline file_texts texts_of(const embedded::repo_model& repo) {
  file_texts texts;
  for (const auto& [path, file] : repo.files()) texts.emplace(path, file.content.text());
  return texts;
}

/// Whether the file `path` holds exactly `text`.
inline bool file_holds(const std::string& path, const std::string& text) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes(text.size() + 1, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return static_cast<std::size_t>(in.gcount()) == text.size() && bytes.starts_with(text);
}

/// A cache that is driven by hand.
template <class Transport>
struct stepped_cache {
  using cache_type = hubcache::basic_cache<Transport, hubcache::default_hashes, hubcache::default_link,
                                           hubcache::mapped_index>;
  stepped_cache(const story<Transport>& what, const hubcache::settings& config, turn first)
      : steps(first), cache(steps.executor(), steps.pool(), config, what.network(steps.executor(), config)) {}

  stepped steps;
  cache_type cache;
};

/// What has become of an operation.
struct outcome {
  void operator()(const hubcache::event& e) {
    if (const auto* news = std::get_if<hubcache::events::advanced>(&e)) arrived += news->bytes;
    if (std::holds_alternative<hubcache::events::warning>(e)) ++warnings;
    ++events;
    if (observe) observe(e);
  }

  bool ended = false;
  std::shared_ptr<const hubcache::error> failure;
  hubcache::snapshot result;
  std::uint64_t arrived = 0;
  std::size_t events = 0;
  std::size_t warnings = 0;
  std::function<void(const hubcache::event&)> observe;
};

/// One run of a story on a machine of its own, with one interruption.
template <class Transport>
class trial {
 public:
  trial(const story<Transport>& what, const file_texts& texts, turn first)
      : story_(what), texts_(texts), first_(first), options_(what.options) {
    config_.endpoint = *hubcache::url::parse("http://hub.test");
    config_.cache_dir = home_ / "hub";
    config_.state_dir = home_ / "hubcache";
    config_.retry_pause = std::chrono::milliseconds(2);
    config_.fsync = hubcache::fsync_mode::none;
    if (story_.prepare) story_.prepare(config_, options_);
  }

  /// Interrupts the operation after `count` steps or events, checks what is left, and completes it.
  /// @return whether it was interrupted: false if it ended before
  bool run(interruption how, std::size_t count) {
    engine_.emplace(story_, config_, first_);
    const bool interrupted = interrupt(how, count);
    if (how == interruption::destroy_after_jobs) engine_->steps.run_jobs();
    if (how == interruption::destroy_at_step) engine_->steps.drop_jobs();
    if (how == interruption::destroy_at_step || how == interruption::destroy_after_jobs) {
      engine_.reset();
      if (!interrupted) return false;
    } else {
      CHECK((!seen_.failure || seen_.failure->reason() == hubcache::errc::cancelled));
      CHECK(engine_->steps.settle());
    }
    if (story_.release) story_.release();
    check_locks();
    check_names();
    complete(how);
    engine_.reset();
    // A server in this process takes a moment to close its ends.
    const auto until = std::chrono::steady_clock::now() + story_.patience;
    while (open_descriptors() > descriptors_ && std::chrono::steady_clock::now() < until)
      std::this_thread::yield();
    CHECK(open_descriptors() <= descriptors_);
    return interrupted;
  }

 private:
  void start(outcome& into, asio::cancellation_slot slot) {
    auto& cache = engine_->cache;
    const hubcache::repo which(story_.repo.id);
    into.observe = story_.observe;
    const auto end = [&into](const std::exception_ptr& failure) {
      into.ended = true;
      into.failure = hubcache::error_of(failure);
    };
    if (story_.only_plans) {
      auto planned = [end](const std::exception_ptr& failure, const hubcache::plan&) { end(failure); };
      return cache.async_plan(which, options_, asio::bind_cancellation_slot(slot, planned));
    }
    auto ran = [end, &into](const std::exception_ptr& failure, hubcache::snapshot got) {
      end(failure);
      into.result = std::move(got);
    };
    cache.async_snapshot(which, options_, into, asio::bind_cancellation_slot(slot, ran));
  }

  /// Waits for a step.
  bool step(std::chrono::milliseconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!engine_->steps.step()) {
      if (std::chrono::steady_clock::now() >= until) return false;
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    return true;
  }

  bool interrupt(interruption how, std::size_t count) {
    const bool cancels = how == interruption::cancel_at_step || how == interruption::cancel_in_event;
    bool interrupted = false, waited = false;
    std::size_t steps_after = 0, warnings_before = 0;
    const auto emit = [&] {
      interrupted = true;
      warnings_before = seen_.warnings;
      stop_.emit(asio::cancellation_type::terminal);
    };
    auto body = [&] {
      start(seen_, stop_.slot());
      if (how == interruption::cancel_in_event) {
        seen_.observe = [&](const hubcache::event& e) {
          story_.observe(e);
          if (!interrupted && seen_.events > count) emit();
        };
      }
      for (std::size_t n = 0; !seen_.ended; ++n) {
        if (how != interruption::cancel_in_event && n == count) {
          if (!cancels) interrupted = true;
          if (!cancels) return;
          emit();
        }
        // After its cancellation nothing is waited for any more.
        if (interrupted) ++steps_after;
        if (step(interrupted ? std::chrono::milliseconds(0) : story_.patience)) continue;
        waited = !interrupted && story_.release;
        if (!waited) break;
        emit();
      }
    };
    engine_->steps.inside(body);
    seen_.observe = nullptr;
    if (cancels) REQUIRE(seen_.ended);
    CHECK(steps_after <= story_.soon);
    // Nothing is told of jobs that a stop has cut short.
    if (how == interruption::cancel_at_step && interrupted && !story_.release)
      CHECK(seen_.warnings == warnings_before);
    return interrupted && !waited;
  }

  /// Nobody holds a lock of a content, or a lease of the repo.
  void check_locks() {
    const hubcache::hub_layout layout(config_.cache_dir, hubcache::repo(story_.repo.id));
    for (const auto& one : story_.repo.files()) {
      const auto name = *hubcache::digest::parse(one.second.etag());
      std::error_code ec;
      CHECK_MESSAGE(hubcache::content_lock::try_lock(config_.state_dir, name, layout.lock(name), ec),
                    one.first);
      CHECK_FALSE(ec);
    }
    std::error_code ec;
    CHECK(hubcache::ledger(config_.state_dir)
              .try_lease(layout.cache_dir(), hubcache::repo(story_.repo.id).folder(),
                         hubcache::os::lock_mode::exclusive, ec));
  }

  /// Every final name stands for its whole content, every unfinished file is one that the next run resumes, and the
  /// ref is there only if all entries are.
  void check_names() {
    const hubcache::hub_layout layout(config_.cache_dir, hubcache::repo(story_.repo.id));
    const auto& files = story_.repo.files();
    for (const auto& path : names_ending(layout.blobs_dir(), "")) {
      const auto name = path.substr(path.rfind('/') + 1);
      const bool unfinished = name.ends_with(".incomplete");
      bool known = false;
      for (const auto& [entry, file] : files) {
        const auto expected = *hubcache::digest::parse(file.etag());
        if (unfinished) known = known || path == layout.partial(expected);
        if (!unfinished && name == file.etag()) known = known || file_holds(path, texts_.at(entry));
      }
      CHECK_MESSAGE(known, path);
    }
    for (const auto& [entry, text] : texts_) {
      const auto path = options_.local_dir + "/" + entry;
      if (!options_.local_dir.empty() && std::filesystem::exists(path))
        CHECK_MESSAGE(file_holds(path, text), path);
    }
    const auto commit = story_.repo.find("main")->id;
    const std::filesystem::path view = layout.snapshot(commit);
    const bool finished = hubcache::read_ref(layout, "main").has_value();
    for (const auto& one : texts_) {
      const auto& [entry, text] = one;
      if (std::filesystem::is_symlink(view / entry) || finished)
        CHECK_MESSAGE(file_holds((view / entry).string(), text), one.first);
    }
  }

  /// Runs the operation again, to its end: by the same cache if it is still there.
  void complete(interruption how) {
    if (!engine_) engine_.emplace(story_, config_, first_);
    outcome again;
    engine_->steps.inside([&] {
      start(again, {});
      again.observe = nullptr;
      const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
      while (!again.ended && std::chrono::steady_clock::now() < until)
        static_cast<void>(step(story_.patience));
    });
    REQUIRE(again.ended);
    REQUIRE_MESSAGE(!again.failure, again.failure->what());
    CHECK(engine_->steps.settle());
    if (story_.only_plans) return;
    check_result(again.result);
    CHECK(names_ending(home_.path(), ".incomplete").empty());
    if (story_.durable && how != interruption::destroy_at_step && how != interruption::destroy_after_jobs)
      CHECK(seen_.arrived + again.result.totals.bytes_wire == *story_.durable);
    if (story_.durable) CHECK(again.result.totals.bytes_wire <= *story_.durable);
  }

  void check_result(const hubcache::snapshot& got) {
    CHECK(!got.files.empty());
    if (options_.files.empty()) CHECK(got.files.size() == texts_.size());
    for (const auto& file : got.files) {
      CHECK_MESSAGE(file_holds(got.path_of(file.path), texts_.at(file.path)), file.path);
    }
  }

  const std::size_t descriptors_ = open_descriptors();
  const story<Transport>& story_;
  const file_texts& texts_;
  turn first_;
  temp_folder home_;
  hubcache::settings config_;
  hubcache::snapshot_options options_;
  asio::cancellation_signal stop_;
  outcome seen_;
  std::optional<stepped_cache<Transport>> engine_;
};

/// Interrupts a story at every step (or event), for both orders of steps, until it ends before.
/// @param stride  of the steps; 1 when HUBCACHE_TEST_FULL is set
/// @return how often it was interrupted
template <class Transport>
std::size_t interrupt_everywhere(const story<Transport>& what, interruption how, std::size_t stride = 4) {
  if (std::getenv("HUBCACHE_TEST_FULL") != nullptr) stride = 1;
  const auto texts = texts_of(what.repo);
  std::size_t interruptions = 0;
  for (const auto first : {turn::of_jobs, turn::of_handlers}) {
    // Once undisturbed: what a process opens once for all is open then.
    trial<Transport>(what, texts, first).run(how, std::size_t(-1));
    for (std::size_t count = first == turn::of_jobs ? 0 : stride / 2;; count += stride) {
      CAPTURE(static_cast<int>(first));
      CAPTURE(count);
      if (!trial<Transport>(what, texts, first).run(how, count)) break;
      ++interruptions;
    }
  }
  MESSAGE("interrupted ", interruptions, " times");
  return interruptions;
}

}  // namespace test
