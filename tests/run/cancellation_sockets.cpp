#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <run/interrupted.hpp>
#include <support/hub/proxy.hpp>

using test::interruption;

namespace {

using story = test::story<hubcache::https_transport>;

/// A Hub behind sockets, and the story that asks for its repo.
struct scene {
  explicit scene(const embedded::hub_options& options = {}) : hub(options) {
    what.repo = embedded::one_file(1'300'000);
    hub.put(what.repo);
    what.network = [](const asio::any_io_executor& executor, const hubcache::settings& config) {
      return hubcache::https_transport(executor, hubcache::detail::transport_settings(config));
    };
    what.prepare = [this](hubcache::settings& config, hubcache::snapshot_options&) {
      config.endpoint = *hubcache::url::parse(hub.endpoint());
      config.proxy = proxy;
      if (hub.ca_pem().empty()) return;
      config.ca_file = std::filesystem::path(config.cache_dir).replace_filename("ca.pem").string();
      std::ofstream(config.ca_file) << hub.ca_pem();
    };
  }

  embedded::hub hub;
  hubcache::proxy_settings proxy;
  story what;
};

embedded::hub_options secure() {
  embedded::hub_options options;
  options.tls = true;
  return options;
}

}  // namespace

TEST_CASE("an operation over sockets is cancelled before any step") {
  scene s;
  CHECK(test::interrupt_everywhere(s.what, interruption::cancel_at_step, 5) > 10);
}

TEST_CASE("TLS handshakes, proxy tunnels and what follows are cancelled before any step") {
  scene s(secure());
  const embedded::proxy tunnels;
  s.proxy.https = hubcache::url::parse(tunnels.url());
  CHECK(test::interrupt_everywhere(s.what, interruption::cancel_at_step, 5) > 10);
  CHECK(tunnels.tunnels() > 10);
}

TEST_CASE("TLS handshakes, proxy tunnels and what follows are destroyed before any step") {
  scene s(secure());
  const embedded::proxy tunnels;
  s.proxy.https = hubcache::url::parse(tunnels.url());
  CHECK(test::interrupt_everywhere(s.what, interruption::destroy_at_step, 7) > 10);
}
