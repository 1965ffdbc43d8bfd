// Preloaded, it makes every file system one without locks: NO_LOCKS_ERRNO tells how they are refused.
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

int refuse() {
  const char* code = std::getenv("NO_LOCKS_ERRNO");
  errno = code != nullptr ? std::atoi(code) : ENOLCK;
  return -1;
}

int forward(int file, int command, void* argument) {
  const bool locks = command == F_SETLK || command == F_SETLKW || command == F_GETLK ||
                     command == F_OFD_SETLK || command == F_OFD_SETLKW || command == F_OFD_GETLK;
  return locks ? refuse() : static_cast<int>(::syscall(SYS_fcntl, file, command, argument));
}

}  // namespace

extern "C" int flock(int /*file*/, int /*operation*/) { return refuse(); }

extern "C" int fcntl(int file, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  return forward(file, command, argument);
}

extern "C" int fcntl64(int file, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  return forward(file, command, argument);
}
