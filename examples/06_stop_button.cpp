/// A window with a Stop button. The window's thread never waits: the download has a thread of its own, tells the
/// window what is new by posting to it, and ends when the button requests its stop token.
#include <hubcache.hpp>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <iostream>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <variant>

namespace {

/// Stands for a toolkit: functions that its thread runs one by one, as QMetaObject::invokeMethod(), g_idle_add() or
/// PostMessage() hand them over.
class window {
 public:
  /// From any thread.
  void post(std::function<void()> what) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(what));
    changed_.notify_one();
  }
  /// Until close() is called, by something that was posted.
  void run() {
    while (!closed_) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !waiting_.empty(); });
      const auto next = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      next();
    }
  }
  void close() { closed_ = true; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool closed_ = false;  // of the window's thread
};

/// Shows how a download of `repo` goes; Stop is pressed at that many percent. Returns the program's exit code.
int show_download(const std::string& repo, std::uint64_t press_at) {
  hubcache::cache cache;
  window gui;
  int code = 1;
  std::jthread download;  // last: it is joined before what it uses goes

  // These run on the window's thread.
  const auto show = [&](std::uint64_t percent) {
    std::cout << percent << " %\n";
    if (percent >= press_at) download.request_stop();  // somebody presses Stop; returns at once
  };
  const auto finish = [&](int how, const std::string& text) {
    code = how;
    std::cout << text << '\n';
    gui.close();
  };

  const auto work = [&](const std::stop_token& stop) {
    try {
      auto plan = cache.plan(repo, hubcache::snapshot_options(), stop);
      const auto total = plan.bytes_to_fetch();
      std::uint64_t done = 0, shown = 0;
      auto observer = [&](const hubcache::event& e) {  // on the cache's thread: it only posts
        using namespace hubcache::events;
        if (const auto* file = std::get_if<started>(&e)) done += file->resumed;  // from an earlier run
        if (const auto* file = std::get_if<advanced>(&e)) done += file->bytes;
        if (const auto* file = std::get_if<retried>(&e)) done -= std::min(done, file->lost);  // comes again
        const auto percent = total == 0 ? 0 : std::min<std::uint64_t>(100, done * 100 / total);
        if (percent != std::exchange(shown, percent)) gui.post([&show, percent] { show(percent); });
      };
      const auto got = cache.run(std::move(plan), observer, stop);
      gui.post([&finish, text = got.path] { finish(0, text); });
    } catch (const hubcache::error& failure) {
      const int how = failure.reason() == hubcache::errc::cancelled ? 130 : 1;
      gui.post([&finish, how, text = std::string(failure.what())] { finish(how, text); });
    }
  };
  download = std::jthread(work);
  gui.run();
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return show_download(argc > 1 ? argv[1] : "hf-internal-testing/tiny-random-gpt2",
                         argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 50);
  } catch (const hubcache::error& failure) {  // settings that make no sense
    std::cerr << failure.what() << '\n';
    return 1;
  }
}
