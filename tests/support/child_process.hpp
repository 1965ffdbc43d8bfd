#pragma once

#include <csignal>
#include <functional>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

namespace test {

/// A forked process that runs `body`. Fork before the test starts threads.
class child_process {
 public:
  /// Sends one character to the parent and waits to be killed, so that what `body` opened stays open.
  using signal = std::function<void(char)>;

  explicit child_process(const std::function<void(const signal&)>& body) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    id_ = ::fork();
    if (id_ < 0) throw std::runtime_error("no process");
    if (id_ == 0) run(body, ends[1]);
    ::close(ends[1]);
    from_child_ = ends[0];
  }
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;
  ~child_process() {
    kill();
    ::close(from_child_);
  }

  /// The character that the child sent; 0 if it ended without.
  char next_signal() {
    char c = 0;
    return ::read(from_child_, &c, 1) == 1 ? c : '\0';
  }
  void kill() {
    if (id_ <= 0) return;
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
    id_ = 0;
  }

 private:
  [[noreturn]] static void run(const std::function<void(const signal&)>& body, int to_parent) {
    body([to_parent](char c) {
      if (::write(to_parent, &c, 1) != 1) ::_exit(1);
      for (;;) ::pause();
    });
    ::_exit(0);
  }

  pid_t id_ = -1;
  int from_child_ = -1;
};

}  // namespace test
