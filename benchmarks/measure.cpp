// Runs a command and appends one line to a file: wall, user and system seconds, peak RSS and peak anonymous memory in
// KiB, exit status; tab-separated. Times and peak RSS are of the command with all its children that ended; anonymous
// memory (RssAnon) is the largest sum over the processes running at one of the moments it was looked at, 5 ms apart.
// Usage: benchmark_measure OUT COMMAND [ARGUMENT...]
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <poll.h>
#include <string>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

/// KiB of a process and its children; 0 for what is gone.
long anonymous_kib(const std::string& pid) {
  long sum = 0;
  std::ifstream status("/proc/" + pid + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) sum = std::strtol(line.c_str() + 8, nullptr, 10);
  }
  std::ifstream children("/proc/" + pid + "/task/" + pid + "/children");
  for (std::string child; children >> child;) sum += anonymous_kib(child);
  return sum;
}

/// Waits for the end of `child`, looking at its memory meanwhile. Returns the peak in KiB.
long watch(pid_t child) {
  const int ended = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  pollfd wait{ended, POLLIN, 0};
  long peak = 0;
  while (::poll(&wait, 1, 5) <= 0) peak = std::max(peak, anonymous_kib(std::to_string(child)));
  ::close(ended);
  return peak;
}

double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fputs("usage: benchmark_measure OUT COMMAND [ARGUMENT...]\n", stderr), 2;
  std::signal(SIGINT, SIG_IGN);
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child < 0) return std::perror("fork"), 1;
  if (child == 0) {
    std::signal(SIGINT, SIG_DFL);
    ::execvp(argv[2], argv + 2);
    std::perror(argv[2]);
    ::_exit(127);
  }
  const long anonymous = watch(child);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  int state = 0;
  rusage used{};
  if (::wait4(child, &state, 0, &used) != child) return std::perror("wait4"), 1;
  const int code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
  std::FILE* out = std::fopen(argv[1], "a");
  if (out == nullptr) return std::perror(argv[1]), 1;
  std::fprintf(out, "%.6f\t%.6f\t%.6f\t%ld\t%ld\t%d\n", wall.count(), seconds(used.ru_utime),
               seconds(used.ru_stime), used.ru_maxrss, anonymous, code);
  return std::fclose(out) == 0 ? code : 1;
}
