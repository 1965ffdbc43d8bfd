#include "byte_progress.hpp"

#include <hubcache/plan/snapshot.hpp>

#include <utility>

namespace command {

struct byte_progress::state {
  state(console& d, std::string text) : display(d), doing(std::move(text)) {}

  console& display;
  std::string doing;
  std::uint64_t shown = 0;
  bool begun = false;
  std::chrono::steady_clock::time_point told = std::chrono::steady_clock::now();
};

byte_progress::byte_progress(foreground& here, console& display, std::string doing)
    : here_(here), state_(std::make_shared<state>(display, std::move(doing))) {}

void byte_progress::operator()(std::uint64_t done, std::uint64_t total) const {
  asio::post(here_.executor(), [self = state_, done, total] { show(*self, done, total); });
}

void byte_progress::show(state& self, std::uint64_t done, std::uint64_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (self.display.live()) {
    // The live display is that of downloads.
    if (!std::exchange(self.begun, true)) {
      hubcache::events::started news;
      news.file = self.doing;
      news.bytes = total;
      news.resumed = done;
      self.display(news);
    } else {
      hubcache::events::advanced news;
      news.file = self.doing;
      news.bytes = done - self.shown;
      self.display(news);
    }
    self.shown = done;
  } else if (self.display.lines() && now - self.told >= std::chrono::seconds(5)) {
    self.display.note(self.doing + ": " + hubcache::format_bytes(done) + " of " +
                      hubcache::format_bytes(total));
    self.told = now;
  }
}

}  // namespace command
