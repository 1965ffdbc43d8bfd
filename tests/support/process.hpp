#pragma once

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <map>
#include <string>
#include <support/temp_folder.hpp>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace test {

/// A child process with its output in files.
class process {
 public:
  /// Starts `arguments[0]` with exactly these variables, PATH and HOME excepted, which are inherited.
  process(std::vector<std::string> arguments, std::map<std::string, std::string> environment) {
    for (const char* name : {"PATH", "HOME", "ASAN_OPTIONS", "TSAN_OPTIONS"}) {
      if (const char* value = std::getenv(name)) environment.emplace(name, value);
    }
    std::vector<std::string> variables;
    for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
    auto argv = pointers(arguments);
    auto envp = pointers(variables);
    const auto out = folder_ / "out";
    const auto err = folder_ / "err";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(::open(out.c_str(), O_CREAT | O_WRONLY, 0600), 1);
      ::dup2(::open(err.c_str(), O_CREAT | O_WRONLY, 0600), 2);
      ::dup2(::open("/dev/null", O_RDONLY), 0);
      ::execve(argv[0], argv.data(), envp.data());
      ::_exit(127);
    }
  }
  process(const process&) = delete;
  process& operator=(const process&) = delete;
  ~process() {
    if (!ended_) {
      signal(SIGKILL);
      wait();
    }
  }

  void signal(int number) const { ::kill(pid_, number); }
  /// The exit code, or 128 and the signal that ended it.
  int wait() {
    int status = 0;
    while (!ended_ && ::waitpid(pid_, &status, 0) != pid_) {
    }
    if (!ended_) code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    ended_ = true;
    return code_;
  }
  /// Waits, and returns the most anonymous memory seen meanwhile, in KiB.
  std::size_t wait_and_watch_memory() {
    std::size_t most = 0;
    int status = 0;
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
      const auto text = read_file("/proc/" + std::to_string(pid_) + "/status");
      if (const auto at = text.find("RssAnon:"); at != text.npos) {
        most = std::max<std::size_t>(most, std::strtoul(text.c_str() + at + 8, nullptr, 10));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    ended_ = true;
    return most;
  }
  [[nodiscard]] std::string out() const { return read_file(folder_ / "out"); }
  [[nodiscard]] std::string err() const { return read_file(folder_ / "err"); }

 private:
  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (auto& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
  }

  temp_folder folder_;
  pid_t pid_ = -1;
  bool ended_ = false;
  int code_ = -1;
};

/// How a command ended, and what it said.
struct outcome {
  int code = 0;
  std::string out;
  std::string err;

  /// Whether `text` stands on stdout, or on stderr.
  [[nodiscard]] bool tells(const std::string& text) const { return out.find(text) != out.npos; }
  [[nodiscard]] bool warns(const std::string& text) const { return err.find(text) != err.npos; }
};

/// Waits for `child` to end.
inline outcome outcome_of(process& child) {
  const int code = child.wait();
  return {code, child.out(), child.err()};
}

}  // namespace test
