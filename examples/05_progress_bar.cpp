/// Progress in a bar of one's own: the plan tells how much will come, events tell what came. On a terminal the bar is
/// redrawn; in a log file it is one line per tenth.
#include <hubcache.hpp>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <string>
#include <unistd.h>
#include <variant>

namespace {

/// An observer: called on the cache's thread, one event at a time, while the caller waits in run().
class bar {
 public:
  explicit bar(std::uint64_t total) : total_(total) {}

  void operator()(const hubcache::event& e) {
    using namespace hubcache::events;
    if (const auto* file = std::get_if<started>(&e)) done_ += file->resumed;  // from an earlier run
    if (const auto* file = std::get_if<advanced>(&e)) done_ += file->bytes;
    if (const auto* file = std::get_if<retried>(&e)) done_ -= std::min(done_, file->lost);  // will come again
    if (const auto* news = std::get_if<warning>(&e)) std::cerr << '\n' << news->text << '\n';
    draw();
  }

 private:
  void draw() {
    if (total_ == 0) return;
    // A link that could not be made is fetched instead: more may come than was planned.
    const auto percent = std::min<std::uint64_t>(100, done_ * 100 / total_);
    if (percent / step_ == shown_ / step_) return;  // events are many, what can be seen of them is little
    shown_ = percent;
    const std::string filled(percent / 5, '#');
    std::cerr << (terminal_ ? "\r" : "") << '[' << filled << std::string(20 - filled.size(), '.') << "] "
              << percent << "% of " << hubcache::format_bytes(total_)
              << (terminal_ && percent < 100 ? "" : "\n") << std::flush;
  }

  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  std::uint64_t step_ = terminal_ ? 1 : 10;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  std::uint64_t shown_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    hubcache::cache cache;
    auto plan = cache.plan(argc > 1 ? argv[1] : "hf-internal-testing/tiny-random-gpt2");
    std::cerr << hubcache::format_bytes(plan.bytes_to_link()) << " are on this machine already, "
              << hubcache::format_bytes(plan.bytes_to_fetch()) << " to fetch\n";
    bar progress(plan.bytes_to_fetch());  // named: the run holds it by reference
    const auto snapshot = cache.run(std::move(plan), progress);
    std::cout << snapshot.path << '\n';
  } catch (const hubcache::error& failure) {
    std::cerr << '\n' << failure.what() << '\n';
    return 1;
  }
}
