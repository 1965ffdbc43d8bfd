#pragma once

#include <hubcache/bundle.hpp>
#include <hubcache/cache.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <exception>
#include <functional>
#include <string>
#include <support/machine.hpp>
#include <utility>
#include <vector>

namespace test {

/// What is to be fetched of one repo.
struct wanted_files {
  std::string repo;
  std::vector<hubcache::file_role> files;  ///< With the roles that they play; an empty one is none.
  hubcache::snapshot_options options;
};

/// A cache's policies on a machine, for the coroutines below the cache.
class planner {
 public:
  explicit planner(machine& here)
      : here_(here), network_(context_.get_executor(), {}), index_(here.config.state_dir + "/index") {}

  [[nodiscard]] hubcache::services services() {
    return {here_.config, network_, hashes_, links_, index_, pool_, observer_};
  }

  [[nodiscard]] asio::any_io_executor executor() { return context_.get_executor(); }
  /// What `operation` brings.
  template <class T>
  T get(asio::awaitable<T> operation) {
    T result{};
    std::exception_ptr failure;
    auto ended = [&](std::exception_ptr e, T value) {
      failure = std::move(e);
      result = std::move(value);
    };
    asio::co_spawn(context_, hubcache::detail::with_context(std::move(operation)),
                   asio::bind_cancellation_slot(stop.slot(), std::move(ended)));
    context_.restart();
    context_.run();
    if (failure) std::rethrow_exception(failure);
    return result;
  }

  /// Asks for the commits and listings of all, then plans them together.
  hubcache::bundle_plan plan(std::vector<wanted_files> all) { return get(draft(services(), std::move(all))); }
  hubcache::bundle run(hubcache::bundle_plan what) { return get(hubcache::run(services(), std::move(what))); }
  hubcache::bundle fetch(std::vector<wanted_files> all) { return run(plan(std::move(all))); }

  asio::cancellation_signal stop;
  std::function<void(const hubcache::event&)> on_event;  ///< Called besides the machine's log, if set.

 private:
  struct observer {
    void operator()(const hubcache::event& e) {
      self.here_.news(e);
      if (self.on_event) self.on_event(e);
    }
    planner& self;
  };

  static asio::awaitable<hubcache::bundle_plan> draft(hubcache::services with,
                                                      std::vector<wanted_files> all) {
    hubcache::hub_source hub(with.config, with.transport, with.observer);
    std::vector<hubcache::detail::part_draft> parts;
    for (auto& one : all) {
      hubcache::detail::part_draft part;
      for (auto& file : one.files) {
        one.options.files.push_back(file.path);
        if (!file.role.empty()) part.roles.push_back(std::move(file));
      }
      part.draft = co_await hubcache::detail::draft_plan(with, hub, one.repo, std::move(one.options));
      parts.push_back(std::move(part));
    }
    co_return co_await hubcache::detail::complete_bundle(with, hub, std::move(parts));
  }

  machine& here_;
  observer observer_{*this};
  asio::io_context context_{1};
  hubcache::workers pool_{2};
  hubcache::https_transport network_;
  hubcache::default_hashes hashes_;
  hubcache::default_link links_;
  hubcache::mapped_index index_;
};

}  // namespace test
