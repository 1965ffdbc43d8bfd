/// A model manager: what is cached, what it costs, when it was used; downloads beside each other in the background;
/// removal that respects pins and whatever is in use. Commands come from stdin, a line each.
#include <hubcache.hpp>
#include <hubcache/upkeep/removal.hpp>
#include <hubcache/upkeep/survey.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <sstream>
#include <stop_token>
#include <string>
#include <syncstream>
#include <thread>

namespace {

using hubcache::format_bytes;

/// A line on stdout, from any thread.
void say(const std::string& text) { std::osyncstream(std::cout) << text << '\n'; }

/// A download on a thread of its own. Its destructor asks it to stop, and waits.
class download {
 public:
  download(hubcache::cache& cache, const std::string& repo)
      : thread_([this, &cache, repo](const std::stop_token& stop) { run(cache, repo, stop); }) {}

  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] std::string state() const { return format_bytes(done_) + " of " + format_bytes(total_); }
  void cancel() { thread_.request_stop(); }
  void wait() { thread_.join(); }

 private:
  void run(hubcache::cache& cache, const std::string& repo, const std::stop_token& stop) {
    auto observer = [this](const hubcache::event& e) { note(e); };
    try {
      say(repo + ": " + cache.snapshot(repo, hubcache::snapshot_options(), observer, stop).path);
    } catch (const hubcache::error& failure) {
      say(repo + ": " + failure.what());
    }
    ended_ = true;
  }
  void note(const hubcache::event& e) {  // on the cache's thread
    using namespace hubcache::events;
    if (const auto* news = std::get_if<planned>(&e)) total_ = news->bytes_to_fetch;
    if (const auto* news = std::get_if<started>(&e)) done_ += news->resumed;
    if (const auto* news = std::get_if<advanced>(&e)) done_ += news->bytes;
    if (const auto* news = std::get_if<retried>(&e)) done_ -= news->lost;
  }

  std::atomic<std::uint64_t> done_ = 0, total_ = 0;
  std::atomic<bool> ended_ = false;
  std::jthread thread_;  // last: it uses the others
};

class manager {
 public:
  void list() {
    const auto now = look();
    const auto usage = usage_of(now.seen, now.map);
    for (std::size_t i = 0; i < usage.size(); ++i) {
      const auto& used = now.book.used[i];  // by revision
      say(now.seen.repos[i].label() + "  " + format_bytes(usage[i].apparent) + ", frees " +
          format_bytes(usage[i].unique) +
          (used.empty() ? "" : ", used " + age(*std::max_element(used.begin(), used.end())) + " ago") +
          (now.book.pinned_repos[i] ? ", pinned" : ""));
    }
    std::erase_if(downloads_, [](const auto& one) { return one.second.ended(); });
    for (const auto& [repo, one] : downloads_) say(repo + "  downloading: " + one.state());
  }
  void get(const std::string& repo) {
    std::erase_if(downloads_, [](const auto& one) { return one.second.ended(); });
    if (!downloads_.try_emplace(repo, cache_, repo).second) say(repo + ": is on its way");
  }
  void cancel(const std::string& repo) {
    if (const auto known = downloads_.find(repo); known != downloads_.end()) known->second.cancel();
  }
  void wait() {
    for (auto& [repo, one] : downloads_) one.wait();
    downloads_.clear();
  }
  void remove(const std::string& repo) {
    const auto now = look();
    auto named = find_targets(now.seen, {repo});
    for (const auto& text : named.unknown) say(text);
    const auto what = plan_named_removal(now.seen, now.map, now.book, std::move(named.chosen));
    for (const auto& text : what.withheld) say(text);  // it is being downloaded, or mapped
    const auto done = carry_out(what, cache_.config().state_dir, cache_.index());
    for (const auto& name : done.removed) say("removed " + name);
    for (const auto& text : done.kept) say(text);
    for (const auto& problem : done.failures) say(problem.path + ": " + problem.text);
  }
  void pin(const std::string& repo) {
    const auto named = find_targets(look().seen, {repo});
    for (const auto& text : named.unknown) say(text);
    std::error_code ec;
    for (const auto& one : named.found) book_.add_pin(one, ec);
    if (ec) say("cannot be pinned: " + ec.message());
  }
  void unpin(const std::string& repo) {
    std::error_code ec;
    for (const auto& one : find_pins(book_.pins(cache_.config().cache_dir).pins, repo))
      book_.remove_pin(one, ec);
    if (ec) say("cannot be unpinned: " + ec.message());
  }

 private:
  /// Blocking; reads names, not contents.
  hubcache::survey look() { return take_survey(cache_.config(), disk_); }

  static std::string age(std::int64_t ns) {
    using namespace std::chrono;
    const auto passed = system_clock::now().time_since_epoch() - nanoseconds(ns);
    return std::to_string(duration_cast<minutes>(passed).count()) + " min";
  }

  hubcache::cache cache_;
  hubcache::ledger book_{cache_.config().state_dir};
  hubcache::workers disk_{8};                  // they wait for the disk, not for a core
  std::map<std::string, download> downloads_;  // after the cache: they end first
};

}  // namespace

int main() {
  try {
    manager models;
    const std::map<std::string, void (manager::*)(const std::string&)> commands{{"get", &manager::get},
                                                                                {"cancel", &manager::cancel},
                                                                                {"rm", &manager::remove},
                                                                                {"pin", &manager::pin},
                                                                                {"unpin", &manager::unpin}};
    for (std::string line; std::getline(std::cin, line) && line != "quit";) {
      std::istringstream words(line);
      std::string command, repo;
      words >> command >> repo;
      try {
        if (const auto known = commands.find(command); known != commands.end() && !repo.empty()) {
          (models.*known->second)(repo);
        } else if (command == "ls") {
          models.list();
        } else if (command == "wait") {
          models.wait();
        } else {
          say("ls, get REPO, cancel REPO, wait, rm REPO, pin REPO, unpin REPO, quit");
        }
      } catch (const hubcache::error& failure) {
        say(failure.what());
      }
    }
  } catch (const hubcache::error& failure) {  // settings that make no sense
    std::cerr << failure.what() << '\n';
    return 1;
  }
}
