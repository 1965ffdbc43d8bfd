#include "foreground.hpp"

#include <unistd.h>

#include "exit_code.hpp"

namespace command {

namespace {

void exit_now(int) { ::_exit(static_cast<int>(exit_code::interrupted)); }

}  // namespace

void exit_at_signals() {
  std::signal(SIGINT, exit_now);
  std::signal(SIGTERM, exit_now);
}

}  // namespace command
