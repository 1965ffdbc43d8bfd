#pragma once
/// @file
/// An executor and workers driven by hand, for tests of what can happen between any two steps.

#include <hubcache/work/workers.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <cstddef>
#include <deque>
#include <filesystem>
#include <iterator>
#include <utility>

namespace test {

/// Which of the steps that are ready comes first.
enum class turn { of_jobs, of_handlers };

/// An io_context and workers of which one handler, or one job, runs at a time: a step. Used from one thread.
class stepped {
 public:
  explicit stepped(turn first) : first_(first) {}
  stepped(const stepped&) = delete;
  stepped& operator=(const stepped&) = delete;
  /// As own workers and an own context end: the jobs first, then the handlers. None of them runs.
  ~stepped() { drop_jobs(); }

  [[nodiscard]] asio::any_io_executor executor() { return context_.get_executor(); }
  [[nodiscard]] hubcache::workers& pool() { return pool_; }

  /// Runs one step that is ready; false if none is.
  bool step() {
    if (context_.stopped()) context_.restart();
    if (first_ == turn::of_jobs && run_job()) return true;
    return context_.poll_one() == 1 || run_job();
  }
  /// Runs all steps that are ready. @return whether nothing is outstanding then
  bool settle() {
    while (step()) {
    }
    return context_.stopped() && jobs_.empty();
  }
  /// Calls `body` on the executor: what it dispatches, as cancellation is, happens at once. It may call step().
  template <class F>
  void inside(F body) {
    context_.restart();
    bool ran = false;
    asio::post(context_, [&] {
      ran = true;
      body();
    });
    while (!ran) context_.poll_one();  // what a closed socket left behind may come first
  }
  void run_jobs() {
    while (run_job()) {
    }
  }
  void drop_jobs() {
    while (!jobs_.empty()) std::exchange(jobs_, {});  // what a dropped job owned may post others
  }

 private:
  bool run_job() {
    if (jobs_.empty()) return false;
    auto next = std::move(jobs_.front());
    jobs_.pop_front();
    next();
    return true;
  }

  turn first_;
  asio::io_context context_;
  std::deque<hubcache::job> jobs_;
  hubcache::workers pool_{[this](hubcache::job next) { jobs_.push_back(std::move(next)); }};
};

/// Descriptors that this process has open.
inline std::size_t open_descriptors() {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                                                std::filesystem::directory_iterator()));
}

}  // namespace test
