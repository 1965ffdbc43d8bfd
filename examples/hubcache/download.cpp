#include "download.hpp"

#include <hubcache/cache.hpp>
#include <hubcache/os/file.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "exit_code.hpp"
#include "report.hpp"

namespace command {

namespace {

/// One asynchronous call, run on the calling thread until it completes; a signal cancels it.
class foreground {
 public:
  explicit foreground(console& display) : display_(display) {}

  [[nodiscard]] asio::any_io_executor executor() { return context_.get_executor(); }

  /// `start` gets a completion handler for `void(std::exception_ptr, T)` and begins the operation with it.
  template <class T, class Start>
  T run(Start&& start) {
    asio::signal_set signals(context_, SIGINT, SIGTERM);
    signals.async_wait([this, &signals](const std::error_code& ec, int) {
      if (ec) return;
      signals.clear();
      exit_at_signals();
      cancel_.emit(asio::cancellation_type::terminal);
    });
    if (display_.live()) redraw();

    std::exception_ptr failure;
    std::optional<T> result;
    const auto complete = [&](std::exception_ptr thrown, T value) {
      failure = std::move(thrown);
      result = std::move(value);
      context_.stop();  // what is left, such as a name look-up, is of no use any more
    };
    start(asio::bind_cancellation_slot(cancel_.slot(), complete));
    context_.run();
    signals.clear();
    exit_at_signals();
    display_.erase();
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }

 private:
  void redraw() {
    display_.draw();
    tick_.expires_after(std::chrono::milliseconds(100));
    tick_.async_wait([this](const std::error_code& ec) {
      if (!ec) redraw();
    });
  }

  asio::cancellation_signal cancel_;  // first: what the context still holds at its end may refer to it
  asio::io_context context_{1};
  asio::steady_timer tick_{context_};
  console& display_;
};

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  hubcache::throw_disk_error(std::error_code(errno, std::generic_category()), "write the result", "stdout");
}

std::string path_of(const download_request& request, const hubcache::snapshot& result) {
  return request.single_file ? result.path_of(*request.single_file) : result.path;
}

void print_result(const download_request& request, const hubcache::snapshot& result) {
  const auto path = path_of(request, result);
  if (request.json) {
    print(json_of(result, path) + "\n");
  } else if (request.dry_run && !request.quiet) {
    print(preview_of(result) + "\n" + path + "\n");
  } else {
    print(path + "\n");
  }
}

/// Throws if the mapping file could not be written in the end, before anything is done for it.
void check_place_of(const std::string& mapping_file) {
  const auto folder = std::filesystem::path(hubcache::os::absolute_path(mapping_file)).parent_path().string();
  std::error_code ec;
  static_cast<void>(hubcache::os::status(folder, ec, true));
  if (ec) hubcache::throw_disk_error(ec, "use the folder of the cache mapping", folder);
}

/// Merges the mapping of `result` into the user's file, and tells which of his entries were wrong.
void complete_mapping(const std::string& file, const hubcache::snapshot& result, console& display) {
  hubcache::merge_mapping(file, result.mapping, result.stale_mapping);
  for (const auto& [name, path] : result.stale_mapping) {
    const auto now = result.mapping.find(name);
    display.warning(
        "the cache mapping's " + path + " is missing or does not hold " + name.hex() +
        (now == result.mapping.end() ? "; the entry was dropped" : "; it is " + now->second + " now"));
  }
}

hubcache::snapshot preview(foreground& here, hubcache::cache& cache, const download_request& request,
                           console& display) {
  const auto plan = here.run<hubcache::plan>(
      [&](auto handler) { cache.async_plan(request.repo, request.options, std::move(handler)); });
  for (const auto& text : plan.warnings) display.warning(text);
  return hubcache::preview(plan);
}

hubcache::snapshot fetch(foreground& here, hubcache::cache& cache, const download_request& request,
                         console& display) {
  return here.run<hubcache::snapshot>([&](auto handler) {
    cache.async_snapshot(request.repo, request.options, hubcache::observer_ref(display), std::move(handler));
  });
}

void exit_now(int) { ::_exit(static_cast<int>(exit_code::interrupted)); }

}  // namespace

void exit_at_signals() {
  std::signal(SIGINT, exit_now);
  std::signal(SIGTERM, exit_now);
}

void download(download_request request, console& display) {
  if (request.cache_mapping) {
    request.options.mapping = hubcache::read_mapping(*request.cache_mapping);
    check_place_of(*request.cache_mapping);
  }
  for (const auto& text : request.warnings) display.warning(text);

  foreground here(display);
  hubcache::workers pool;
  hubcache::cache cache(here.executor(), pool, request.config);
  const auto result =
      request.dry_run ? preview(here, cache, request, display) : fetch(here, cache, request, display);
  if (request.cache_mapping && !request.dry_run) complete_mapping(*request.cache_mapping, result, display);
  if (!request.json && !request.dry_run) display.success(summary_of(result));
  print_result(request, result);
}

}  // namespace command
