#include <hubcache/error.hpp>
#include <hubcache/hub/endpoint.hpp>
#include <hubcache/store/environment.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <support/temp_folder.hpp>
#include <sys/stat.h>

namespace fs = std::filesystem;
using hubcache::errc;
using hubcache::settings;
using hubcache::store;
using hubcache::store_kind;
using hubcache::store_origin;
using test::temp_folder;
using namespace std::chrono_literals;

namespace {

using variables = std::map<std::string, std::string>;

/// The settings of an environment with a home of its own and nothing but `set`.
settings read(variables set) {
  set.emplace("HOME", "/home/user");
  return hubcache::environment_settings([&set](const std::string& name) -> std::optional<std::string> {
    const auto at = set.find(name);
    if (at == set.end() || at->second.empty()) return std::nullopt;
    return at->second;
  });
}

/// What is said about an environment that makes no sense; empty if it does.
std::string complaint(const variables& set) {
  try {
    read(set);
  } catch (const hubcache::error& e) {
    CHECK(e.reason() == errc::invalid_argument);
    return e.what();
  }
  return {};
}

bool mentions(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("An empty environment means the public Hub and ~/.cache/huggingface") {
  const auto config = read({});
  CHECK(config.cache_dir == "/home/user/.cache/huggingface/hub");
  CHECK(config.state_dir == "/home/user/.cache/huggingface/hubcache");
  CHECK(config.endpoint.text() == "https://huggingface.co/");
  CHECK(config.token.empty());
  CHECK_FALSE(config.offline);
  CHECK(config.use_symlinks);
  CHECK(config.metadata_timeout == 10s);
  CHECK(config.download_timeout == 10s);
  CHECK_FALSE(config.proxy.http);
  CHECK_FALSE(config.proxy.https);
  CHECK(config.user_agent.empty());
}

TEST_CASE("XDG_CACHE_HOME moves the default, HF_HOME overrides it, HF_HUB_CACHE the Hub cache alone") {
  variables set{{"XDG_CACHE_HOME", "/xdg"}};
  CHECK(read(set).cache_dir == "/xdg/huggingface/hub");
  set["HF_HOME"] = "/hf";
  CHECK(read(set).cache_dir == "/hf/hub");
  CHECK(read(set).state_dir == "/hf/hubcache");
  set["HUGGINGFACE_HUB_CACHE"] = "/legacy";
  CHECK(read(set).cache_dir == "/legacy");
  set["HF_HUB_CACHE"] = "/cache";
  CHECK(read(set).cache_dir == "/cache");
  CHECK(read(set).state_dir == "/hf/hubcache");
}

TEST_CASE("Folders expand ~, $NAME and ${NAME}; what is unknown stays as it is") {
  const auto cache = [](const std::string& value) {
    return read({{"HF_HUB_CACHE", value}, {"DATA", "/data"}, {"TILDE", "~"}}).cache_dir;
  };
  CHECK(cache("~") == "/home/user");
  CHECK(cache("~/hub") == "/home/user/hub");
  CHECK(cache("$DATA/hub") == "/data/hub");
  CHECK(cache("/x/${DATA}y") ==
        "/x/data"
        "y");
  CHECK(cache("/a/$UNKNOWN/b") == "/a/$UNKNOWN/b");
  CHECK(cache("/a/${DATA") == "/a/${DATA");
  CHECK(cache("/a/$") == "/a/$");
  CHECK(cache("/a/~/b") == "/a/~/b");
  CHECK(cache("/a/$TILDE") == "/a/~");
  CHECK(read({{"HF_HOME", "~/hf"}}).cache_dir == "/home/user/hf/hub");
  CHECK(read({{"XDG_CACHE_HOME", "$HOME/x"}}).cache_dir == "/home/user/x/huggingface/hub");
}

TEST_CASE("Folders become absolute and normal") {
  CHECK(read({{"HF_HUB_CACHE", "/a/../b/"}}).cache_dir == "/b");
  CHECK(read({{"HF_HUB_CACHE", "hub"}}).cache_dir == (fs::current_path() / "hub").string());
}

TEST_CASE("hubcache's state never lies among the repos of the Hub cache") {
  CHECK(read({{"HF_HOME", "/data"}, {"HF_HUB_CACHE", "/data"}}).state_dir == "/data/.locks/hubcache");
  CHECK(read({{"HF_HOME", "/data/hf"}, {"HF_HUB_CACHE", "/data"}}).state_dir == "/data/.locks/hubcache");
  CHECK(read({{"HF_HOME", "/data"}, {"HF_HUB_CACHE", "/database"}}).state_dir == "/data/hubcache");
}

TEST_CASE("State lies below HF_HOME on a local file system") {
  const temp_folder folder;
  CHECK(hubcache::default_state_dir(folder / "hf", "/user-cache") == folder / "hf/hubcache");
}

TEST_CASE("HF_ENDPOINT may have a prefix; slashes at its end do not matter") {
  const auto api = [](const std::string& endpoint) {
    return info_url(read({{"HF_ENDPOINT", endpoint}}).endpoint, "a/b").text();
  };
  CHECK(api("https://mirror.example") == "https://mirror.example/api/models/a/b");
  CHECK(api("https://mirror.example/") == "https://mirror.example/api/models/a/b");
  CHECK(api("http://127.0.0.1:8080/hf") == "http://127.0.0.1:8080/hf/api/models/a/b");
  CHECK(api("http://127.0.0.1:8080/hf//") == "http://127.0.0.1:8080/hf/api/models/a/b");
}

TEST_CASE("An endpoint that is no http(s) URL is refused by name, without showing what may be a secret") {
  for (const char* endpoint : {"huggingface.co", "ftp://h", "https://", "https://h/?q=hunter2",
                               "https://user:hunter2@host", "https://h:99999"}) {
    CAPTURE(endpoint);
    const auto text = complaint({{"HF_ENDPOINT", endpoint}});
    CHECK(mentions(text, "HF_ENDPOINT"));
    CHECK_FALSE(mentions(text, "hunter2"));
    CHECK_THROWS_AS((void)hubcache::parse_endpoint(endpoint), hubcache::error);
  }
}

TEST_CASE(
    "The token is HF_TOKEN, then its legacy name, then the token file; line ends and blanks are trimmed") {
  const temp_folder home;
  variables set{{"HF_HOME", home.path().string()}};
  CHECK(read(set).token.empty());
  home.write("token", "hf_file\r\n");
  CHECK(read(set).token.reveal() == "hf_file");
  set["HUGGING_FACE_HUB_TOKEN"] = "hf_legacy";
  CHECK(read(set).token.reveal() == "hf_legacy");
  set["HF_TOKEN"] = "\n \thf_new\r\n";
  CHECK(read(set).token.reveal() == "hf_new");
}

TEST_CASE("A blank token counts as none, and the token file is read") {
  const temp_folder home;
  home.write("token", "hf_file");
  CHECK(read({{"HF_HOME", home.path().string()}, {"HF_TOKEN", " \r\n"}}).token.reveal() == "hf_file");
  home.write("token", "\n");
  CHECK(read({{"HF_HOME", home.path().string()}}).token.empty());
}

TEST_CASE("HF_TOKEN_PATH names the token file, which may be a symlink") {
  const temp_folder home;
  home.write("..data/token", "hf_mounted\n");
  fs::create_symlink("..data/token", home / "secret");
  CHECK(read({{"HF_TOKEN_PATH", home / "secret"}}).token.reveal() == "hf_mounted");
  CHECK(read({{"HF_TOKEN_PATH", "$AT/..data/token"}, {"AT", home.path().string()}}).token.reveal() ==
        "hf_mounted");
}

TEST_CASE("A token file that is missing or no file is no token") {
  const temp_folder home;
  REQUIRE(::mkfifo((home / "fifo").c_str(), 0600) == 0);
  for (const char* name : {"none", ".", "fifo"}) {
    CAPTURE(name);
    CHECK(read({{"HF_TOKEN_PATH", home / name}}).token.empty());
  }
}

TEST_CASE("A token file that holds something else is refused by its path, without showing it") {
  const temp_folder home;
  home.write("large", "hunter2" + std::string(100'000, 'x'));
  home.write("lines", "hf_hunter2\nhf_other\n");
  home.write("binary", std::string("\0\1hunter2\xff", 10));
  home.write("spaces", "hf_hunter2 # mine");
  for (const char* name : {"large", "lines", "binary", "spaces"}) {
    const auto text = complaint({{"HF_TOKEN_PATH", home / name}});
    CAPTURE(text);
    CHECK(mentions(text, home / name));
    CHECK_FALSE(mentions(text, "hunter2"));
  }
}

TEST_CASE("A token that could break a header is refused without showing it") {
  for (const char* token :
       {"hf_\r\nhunter2", "hf_hunter2 x", "hf_\thunter2", "hf_hunter2\x7f", "hf_hunter2\xc3\xa9"}) {
    const auto text = complaint({{"HF_TOKEN", token}});
    CHECK(mentions(text, "HF_TOKEN"));
    CHECK_FALSE(mentions(text, "hunter2"));
  }
}

TEST_CASE("HF_HUB_DISABLE_IMPLICIT_TOKEN leaves every token alone") {
  const temp_folder home;
  home.write("token", "hf_file");
  CHECK(
      read({{"HF_HOME", home.path().string()}, {"HF_TOKEN", "hf_x"}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"}})
          .token.empty());
}

TEST_CASE("A flag is set by 1, ON, YES or TRUE in any case, and by nothing else") {
  for (const char* value : {"1", "ON", "on", "Yes", "TRUE", "true"}) {
    CAPTURE(value);
    CHECK(read({{"HF_HUB_OFFLINE", value}}).offline);
    CHECK(read({{"TRANSFORMERS_OFFLINE", value}}).offline);
    CHECK_FALSE(read({{"HF_HUB_DISABLE_SYMLINKS", value}}).use_symlinks);
  }
  for (const char* value : {"0", "off", "no", "2", "y", " 1", "truee"}) {
    CAPTURE(value);
    CHECK_FALSE(read({{"HF_HUB_OFFLINE", value}}).offline);
    CHECK(read({{"HF_HUB_DISABLE_SYMLINKS", value}}).use_symlinks);
  }
}

TEST_CASE("Timeouts are whole seconds, for metadata and content apart") {
  const auto config = read({{"HF_HUB_ETAG_TIMEOUT", "3"}, {"HF_HUB_DOWNLOAD_TIMEOUT", "86400"}});
  CHECK(config.metadata_timeout == 3s);
  CHECK(config.download_timeout == 86'400s);
}

TEST_CASE("A timeout that makes no sense is refused by name") {
  for (const char* name : {"HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT"}) {
    for (const char* value : {"0", "-1", "1.5", "ten", "10s", " 10", "86401", "99999999999999999999"}) {
      CAPTURE(value);
      CHECK(mentions(complaint({{name, value}}), name));
    }
  }
}

TEST_CASE("Proxies are read in either case, lower first; credentials are kept apart and decoded") {
  const auto config = read({{"HTTP_PROXY", "http://upper:1"},
                            {"http_proxy", "http://lower:2/"},
                            {"HTTPS_PROXY", "http://user:p%40ss%2Fw%3Ard@proxy.example:3128"},
                            {"no_proxy", "localhost,.example"}});
  REQUIRE(config.proxy.http);
  CHECK(config.proxy.http->origin() == "http://lower:2");
  CHECK(config.proxy.http_credentials.empty());
  REQUIRE(config.proxy.https);
  CHECK(config.proxy.https->origin() == "http://proxy.example:3128");
  CHECK(config.proxy.https_credentials.reveal() == "user:p@ss/w:rd");
  CHECK(config.proxy.no_proxy == "localhost,.example");
}

TEST_CASE("ALL_PROXY serves the schemes that have no proxy of their own") {
  const auto config = read({{"all_proxy", "http://all:1"}, {"HTTPS_PROXY", "http://own:2"}});
  REQUIRE(config.proxy.http);
  CHECK(config.proxy.http->host() == "all");
  REQUIRE(config.proxy.https);
  CHECK(config.proxy.https->host() == "own");
}

TEST_CASE("A proxy may leave out the scheme, and an escape that is none stays") {
  const auto config = read({{"HTTPS_PROXY", "u%zz%4:p%@proxy.example:3128"}});
  REQUIRE(config.proxy.https);
  CHECK(config.proxy.https->origin() == "http://proxy.example:3128");
  CHECK(config.proxy.https_credentials.reveal() == "u%zz%4:p%");
}

TEST_CASE("A proxy of another kind is refused by the variable's own name, without its credentials") {
  for (const char* name : {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}) {
    for (const char* value : {"socks5://u:hunter2@h:1", "https://u:hunter2@h", "http://u:hunter2@",
                              "http://u:1/hunter2@h", "http://h:x"}) {
      CAPTURE(value);
      const auto text = complaint({{name, value}});
      CHECK(mentions(text, name));
      CHECK_FALSE(mentions(text, "hunter2"));
    }
  }
}

TEST_CASE("A general proxy that would not be used is not looked at") {
  CHECK(
      complaint({{"ALL_PROXY", "socks5://h:1"}, {"HTTP_PROXY", "http://h:2"}, {"HTTPS_PROXY", "http://h:2"}})
          .empty());
}

TEST_CASE("Certificates and the origin of the user agent are taken as they are") {
  const auto config =
      read({{"SSL_CERT_FILE", "/ca.pem"}, {"SSL_CERT_DIR", "/certs"}, {"HF_HUB_USER_AGENT_ORIGIN", "ci"}});
  CHECK(config.ca_file == "/ca.pem");
  CHECK(config.ca_dir == "/certs");
  CHECK(config.user_agent == "origin/ci");
}

TEST_CASE("Stores are those of HUBCACHE_STORES, of stores.toml, added ones, then found ones, each once") {
  const temp_folder home;
  home.write(".cache/huggingface/hubcache/stores.toml",
             "[[store]]\npath = '/team'\nkind = 'hub-cache'\nread-only = true\n[[store]]\npath = '/first'\n");
  home.write(".cache/huggingface/hubcache/folders", "/added\n/team\n");
  fs::create_directories(home / ".ollama/models");
  fs::create_directories(home / ".cache/huggingface/hub");
  const variables set{{"HOME", home.path().string()},
                      {"HUBCACHE_STORES", "folder=/first:ollama=~/.ollama/models"}};
  auto stores = read(set).stores;
  std::erase_if(stores, [](const auto& s) { return s.path.starts_with("/usr/share/"); });
  REQUIRE(stores.size() == 4);
  CHECK(stores[0].path == "/first");
  CHECK(stores[0].kind == store_kind::folder);
  CHECK(stores[1].path == home / ".ollama/models");
  CHECK(stores[1].origin == store_origin::configured);
  CHECK(stores[2].path == "/team");
  CHECK(stores[2].read_only);
  CHECK(stores[3].path == "/added");
  CHECK(stores[3].origin == store_origin::added);
}

TEST_CASE("The search for stores of other tools can be switched off") {
  const temp_folder home;
  fs::create_directories(home / ".ollama/models");
  variables set{{"HOME", home.path().string()}};
  const auto ollama = store(store_kind::ollama, home / ".ollama/models", store_origin::found);
  const auto found = read(set).stores;
  CHECK(std::find(found.begin(), found.end(), ollama) != found.end());
  set["HUBCACHE_CONFIG"] = home.write("elsewhere.toml", "find = false");
  CHECK(read(set).stores.empty());
}

TEST_CASE("Another cache than the default one makes the default a store; its name decides nothing") {
  const temp_folder home;
  const auto standard = home / ".cache/huggingface/hub";
  fs::create_directories(standard);
  fs::create_directory_symlink(standard, home / "link");
  const auto is_listed = [](const settings& config, const std::string& path) {
    return std::any_of(config.stores.begin(), config.stores.end(),
                       [&](const store& s) { return s.path == path; });
  };
  auto config = read({{"HOME", home.path().string()}});
  CHECK_FALSE(is_listed(config, standard));
  CHECK(is_listed(read({{"HOME", home.path().string()}, {"HF_HUB_CACHE", home / "other"}}), standard));
  CHECK_FALSE(is_listed(read({{"HOME", home.path().string()}, {"HF_HUB_CACHE", home / "link"}}), standard));

  change_cache_dir(config, home / "other");
  CHECK(config.cache_dir == home / "other");
  CHECK(is_listed(config, standard));
  change_cache_dir(config, standard);
  CHECK_FALSE(is_listed(config, standard));
  CHECK_FALSE(is_listed(config, home / "other"));  // it does not exist
}

TEST_CASE("A configuration of stores that makes no sense is refused, naming where it stands") {
  const temp_folder home;
  const auto file = home.write("bad.toml", "find = true\nstores = []\n");
  CHECK(mentions(complaint({{"HUBCACHE_CONFIG", file}}), file + ", line 2"));
  CHECK(mentions(complaint({{"HUBCACHE_STORES", "relative"}}), "HUBCACHE_STORES"));
}

TEST_CASE("The process's own environment is readable") {
  CHECK_FALSE(hubcache::environment_settings().cache_dir.empty());
}

TEST_CASE("HUBCACHE_REQUIRE names what every download must meet") {
  using hubcache::requirement;
  CHECK(read({}).require.empty());
  CHECK(read({{"HUBCACHE_REQUIRE", "safetensors,scan"}}).require ==
        (requirement::safetensors | requirement::scan));
  CHECK(mentions(complaint({{"HUBCACHE_REQUIRE", "safe"}}), "HUBCACHE_REQUIRE"));
}
