/// Looks before it fetches, then fetches on the program's own executor, with progress; Ctrl-C cancels.
#include <hubcache.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/use_awaitable.hpp>

#include <cstdint>
#include <iostream>
#include <string>

namespace {

asio::awaitable<void> load(hubcache::cache& cache, std::string repo, std::uint64_t budget) {
  hubcache::snapshot_options options;
  options.allow = {{"*.json", "*.safetensors"}};
  auto plan = co_await cache.async_plan(repo, options, asio::use_awaitable);
  std::cout << "to link " << hubcache::format_bytes(plan.bytes_to_link()) << ", to fetch "
            << hubcache::format_bytes(plan.bytes_to_fetch()) << '\n';
  if (plan.bytes_to_fetch() > budget) co_return;

  // Observers are passed by name: they are held by reference while the operation runs.
  auto observer = [](const hubcache::event& e) {
    if (const auto* news = std::get_if<hubcache::events::fetched>(&e))
      std::cout << "fetched " << news->file << '\n';
  };
  const auto snapshot = co_await cache.async_run(std::move(plan), observer, asio::use_awaitable);
  std::cout << snapshot.path << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  try {
    asio::io_context context(1);
    hubcache::workers pool(2);
    hubcache::cache cache(context.get_executor(), pool,
                          hubcache::environment_settings());  // starts no thread

    asio::cancellation_signal cancel;
    asio::signal_set interrupted(context, SIGINT);
    interrupted.async_wait([&](const std::error_code& ec, int) {
      if (!ec) cancel.emit(asio::cancellation_type::terminal);
    });

    int code = 0;
    auto done = [&](const std::exception_ptr& failure) {
      interrupted.cancel();
      if (const auto what = hubcache::error_of(failure)) {
        std::cerr << what->what() << '\n';
        code = 1;
      }
    };
    asio::co_spawn(context, load(cache, argc > 1 ? argv[1] : "CompVis/stable-diffusion-v1-4", 20'000'000'000),
                   asio::bind_cancellation_slot(cancel.slot(), done));
    context.run();
    return code;
  } catch (const hubcache::error& failure) {  // settings that make no sense
    std::cerr << failure.what() << '\n';
    return 1;
  }
}
