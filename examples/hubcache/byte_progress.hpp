#pragma once
/// @file
/// Progress of blocking work that knows how many bytes it has read, and of how many.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "console.hpp"
#include "foreground.hpp"

namespace command {

/// A callable `void(done, total)` for the library; any thread, one call at a time. What it shows is shown by `here`,
/// on its own thread; both outlive the work. Copies share their state.
class byte_progress {
 public:
  /// @param doing  what is going on: "verifying"
  byte_progress(foreground& here, console& display, std::string doing);
  void operator()(std::uint64_t done, std::uint64_t total) const;

 private:
  struct state;
  static void show(state& self, std::uint64_t done, std::uint64_t total);

  foreground& here_;
  std::shared_ptr<state> state_;
};

}  // namespace command
