#pragma once

#include <unistd.h>

namespace test {

/// While it lives, a process of root acts as a user who owns nothing; modes bind others anyway.
class unprivileged {
 public:
  unprivileged() : root_(::geteuid() == 0 && ::seteuid(65534) == 0) {}
  unprivileged(const unprivileged&) = delete;
  unprivileged& operator=(const unprivileged&) = delete;
  ~unprivileged() {
    if (root_ && ::seteuid(0) != 0) ::_exit(1);
  }

 private:
  bool root_;
};

}  // namespace test
