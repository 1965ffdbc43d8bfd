// Whole snapshots over networks as users have them: proxies, certificates, names and addresses that fail.
#include <hubcache/store/environment.hpp>

#include <doctest/doctest.h>

#include <map>
#include <support/hub/proxy.hpp>
#include <support/machine.hpp>
#include <support/mounted.hpp>

#include "transport/silent_address.hpp"

using embedded::certificate_kind;
using embedded::listener;
using hubcache::errc;
using test::machine;

namespace {

embedded::hub_options tls(certificate_kind kind = certificate_kind::good) {
  embedded::hub_options options;
  options.tls = true;
  options.certificate = kind;
  return options;
}

embedded::proxy_options asking_for(const std::string& credentials) {
  embedded::proxy_options options;
  options.credentials = credentials;
  return options;
}

/// The proxies that a program finds in these variables.
hubcache::proxy_settings proxies_of(std::map<std::string, std::string> environment) {
  const test::temp_folder home;
  environment["HOME"] = home.path();
  const auto lookup = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  };
  return hubcache::environment_settings(lookup).proxy;
}

std::string address_of(const embedded::proxy& proxy) { return "127.0.0.1:" + std::to_string(proxy.port()); }

bool tells(const hubcache::error& e, const std::string& text) {
  return std::string(e.what()).find(text) != std::string::npos;
}

/// While it lives, /etc/hosts is `text` for this process.
class hosts_file {
 public:
  explicit hosts_file(const std::string& text)
      : done_(test::has_private_mounts() &&
              ::mount(files_.write("hosts", text).c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr) == 0) {
    if (!done_) MESSAGE("skipped: needs root");
  }
  hosts_file(const hosts_file&) = delete;
  hosts_file& operator=(const hosts_file&) = delete;
  ~hosts_file() {
    if (done_) ::umount2("/etc/hosts", MNT_DETACH);
  }
  [[nodiscard]] bool done() const { return done_; }

 private:
  test::temp_folder files_;
  bool done_;
};

}  // namespace

TEST_CASE("a snapshot comes through an authenticated tunnel, and through nothing else") {
  embedded::hub hub(tls());
  hub.put(embedded::tiny());
  embedded::proxy through(asking_for("user:p@ss/w:rd"));
  machine here(hub);
  here.config.token = hubcache::secret("hf_reader");
  here.config.proxy = proxies_of({{"HTTPS_PROXY", "http://user:p%40ss%2Fw%3Ard@" + address_of(through)}});
  CHECK(test::holds(here.snapshot("acme/tiny"), embedded::tiny().files()));
  CHECK(through.tunnels() == hub.connections(listener::endpoint) + hub.connections(listener::cdn));
  CHECK(through.denied() == 0);
  CHECK(through.plain_authorizations() == 0);
}

TEST_CASE(
    "a proxy that refuses the credentials is named with what to do, asked once, and told nothing more") {
  embedded::hub hub(tls());
  hub.put(embedded::tiny());
  embedded::proxy through(asking_for("user:right"));
  machine here(hub);
  here.config.token = hubcache::secret("hf_reader");
  for (const std::string user : {"", "user:wrong@"}) {
    const auto asked = through.denied();
    here.config.proxy = proxies_of({{"ALL_PROXY", "http://" + user + address_of(through)}});
    const auto failure = here.failure("acme/tiny");
    REQUIRE(failure);
    CHECK(failure->reason() == errc::proxy_failed);
    CHECK(tells(*failure, "the proxy " + address_of(through) + " answered 407"));
    CHECK(tells(*failure, user.empty() ? "it wants credentials" : "it wants other credentials"));
    CHECK(tells(*failure, "HTTPS_PROXY"));
    CHECK_FALSE(tells(*failure, "wrong"));
    CHECK(through.denied() == asked + 1);
  }
  CHECK(hub.log().count() == 0);
}

TEST_CASE("NO_PROXY takes hosts out, each for itself") {
  embedded::hub hub(tls());
  hub.put(embedded::tiny());
  embedded::proxy through;
  {
    machine here(hub);
    here.config.proxy = proxies_of({{"https_proxy", through.url()}, {"no_proxy", "127.0.0.2"}});
    CHECK(test::holds(here.snapshot("acme/tiny"), embedded::tiny().files()));
    CHECK(through.tunnels() == hub.connections(listener::endpoint));
    CHECK(hub.connections(listener::cdn) > 0);
  }
  const auto before = through.tunnels();
  machine here(hub);
  here.config.proxy = proxies_of({{"https_proxy", through.url()}, {"no_proxy", "*"}});
  CHECK(test::holds(here.snapshot("acme/tiny"), embedded::tiny().files()));
  CHECK(through.tunnels() == before);
}

TEST_CASE("a certificate that cannot be trusted is refused with its fault and what to do, also in a tunnel") {
  struct bad {
    certificate_kind kind;
    const char* fault;
  };
  for (const auto& [kind, fault] : {bad{certificate_kind::expired, "certificate has expired"},
                                    bad{certificate_kind::wrong_host, "IP address mismatch"},
                                    bad{certificate_kind::self_signed, "self-signed certificate"}}) {
    embedded::hub hub(tls(kind));
    hub.put(embedded::tiny());
    const embedded::proxy through;
    machine here(hub);
    here.config.token = hubcache::secret("hf_reader");
    for (const bool tunnelled : {false, true}) {
      if (tunnelled) here.config.proxy = proxies_of({{"HTTPS_PROXY", through.url()}});
      const auto failure = here.failure("acme/tiny");
      REQUIRE(failure);
      CHECK(failure->reason() == errc::tls_failed);
      CHECK_MESSAGE(tells(*failure, fault), failure->what());
      CHECK(tells(*failure, "SSL_CERT_FILE"));
      CHECK_FALSE(tells(*failure, "hf_reader"));
    }
    CHECK(hub.log().count() == 0);
    CHECK_FALSE(std::filesystem::exists(here.repo_dir("acme/tiny") / "snapshots"));
  }
}

TEST_CASE("a Hub whose name is unknown is named; what is cached still serves") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  here.config.token = hubcache::secret("hf_reader");
  const auto before = here.snapshot("acme/tiny");
  here.config.endpoint = *hubcache::url::parse("https://no-such-hub.invalid");
  const auto failure = here.failure("acme/other");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::host_not_found);
  CHECK(tells(*failure, "no-such-hub.invalid"));
  CHECK_FALSE(tells(*failure, "hf_reader"));
  const auto after = here.snapshot("acme/tiny");
  CHECK(after.path == before.path);
  CHECK_FALSE(here.warnings().empty());
}

TEST_CASE("a Hub with a dead IPv6 address is reached over IPv4, whether the dead one refuses or is silent") {
  const hosts_file hosts("::1 hub.test\n127.0.0.1 hub.test\n");
  if (!hosts.done()) return;
  embedded::hub hub;
  hub.put(embedded::tiny());
  std::optional<scripted::silent_address> silent;
  const auto port = hub.endpoint().substr(hub.endpoint().rfind(':') + 1);
  for (const bool refuses : {true, false}) {
    if (!refuses) silent.emplace("::1", static_cast<std::uint16_t>(std::stoul(port)));
    machine here(hub);
    here.config.endpoint = *hubcache::url::parse("http://hub.test:" + port);
    here.config.attempts = 1;
    CHECK(test::holds(here.snapshot("acme/tiny"), embedded::tiny().files()));
  }
}
