/// Caches inside a program that has threads of its own: a team's cache and a private one share its io_context and its
/// worker threads, start none, and are asked for the same repo at once. It crosses the network once.
#include <hubcache.hpp>

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>

#include <atomic>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <syncstream>
#include <thread>
#include <utility>

namespace {

/// What the environment says, with the Hub cache in `folder`.
hubcache::settings settings_in(const std::string& folder) {
  auto config = hubcache::environment_settings();
  hubcache::change_cache_dir(config, std::filesystem::absolute(folder).string());
  return config;
}

/// A callback that tells how it went, and counts failures.
class report {
 public:
  report(std::string name, std::atomic<int>& failures) : name_(std::move(name)), failures_(failures) {}

  void operator()(const std::exception_ptr& failure, const hubcache::snapshot& got) const {
    std::osyncstream out(std::cout);
    if (const auto what = hubcache::error_of(failure)) {
      ++failures_;
      out << name_ << ": " << what->what() << '\n';
    } else {
      out << name_ << ": " << got.path << '\n' << name_ << ": " << to_string(got.totals) << '\n';
    }
  }

 private:
  std::string name_;
  std::atomic<int>& failures_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: 07_own_executor TEAM_CACHE PRIVATE_CACHE REPO\n";
    return 2;
  }
  // What the program has: a loop for its sockets and timers, and threads for work that blocks.
  asio::io_context loop;
  asio::thread_pool threads(2);

  // Destroyed in the reverse order: caches first, then their workers, then the executors.
  hubcache::workers pool([&threads](hubcache::job work) { asio::post(threads, std::move(work)); });
  std::atomic<int> failures = 0;
  try {
    // Two threads run the loop, so each cache gets a strand. With one thread, loop.get_executor() does.
    hubcache::cache team(asio::make_strand(loop), pool, settings_in(argv[1]));
    hubcache::cache own(asio::make_strand(loop), pool, settings_in(argv[2]));
    const hubcache::snapshot_options options;
    team.async_snapshot(argv[3], options, report("team", failures));
    own.async_snapshot(argv[3], options, report("private", failures));

    std::jthread second([&loop] { loop.run(); });
    loop.run();                               // returns when nothing is left to do
  } catch (const hubcache::error& failure) {  // settings that make no sense
    std::cerr << failure.what() << '\n';
    return 1;
  }
  return failures == 0 ? 0 : 1;
}
