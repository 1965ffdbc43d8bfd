#pragma once
/// @file
/// A Hub without a network, for tests of one's own code that loads models: its answers are made beforehand, and come
/// through the library's memory_transport.
///
///   plugins::canned_hub hub;
///   hub.put("acme/model", {{"config.json", "{}"}});
///   settings.endpoint = hub.endpoint();
///   hubcache::basic_cache<hubcache::memory_transport, hubcache::default_hashes, hubcache::default_link,
///                         hubcache::mapped_index> cache(executor, pool, settings, hub.network());
///
/// To take it over: copy this file. tests/plugins/load_model.cpp is a test that uses it.

#include <hubcache/hash/hash_set.hpp>
#include <hubcache/hub/endpoint.hpp>
#include <hubcache/hub/json_text.hpp>
#include <hubcache/transport/memory_transport.hpp>
#include <hubcache/url.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace plugins {

/// Models of small files, each with one commit, "main". What it does not have is answered by the Hub's 404.
/// @par Thread safety  Filled before, then used from one executor at a time, as its transports.
class canned_hub {
 public:
  using file_map = std::map<std::string, std::string>;  ///< Contents by path.

  [[nodiscard]] static hubcache::url endpoint() { return *hubcache::url::parse("http://hub.test"); }
  /// Adds a model, or replaces it.
  void put(const hubcache::repo& model, const file_map& files) {
    const std::string commit(40, 'c');
    const auto info = "{\"id\": \"" + model.id() + "\", \"sha\": \"" + commit + "\"}";
    std::string tree;
    for (const auto& [path, content] : files) {
      tree.append(tree.empty() ? "[" : ", ").append("{\"type\": \"file\", \"path\": ");
      hubcache::append_json_string(tree, path, true);
      tree.append(", \"oid\": \"").append(git_name(content).hex());
      tree.append("\", \"size\": ").append(std::to_string(content.size())).append("}");
      (*answers_)[hubcache::resolve_url(endpoint(), model, commit, path).text()] = content;
    }
    (*answers_)[hubcache::tree_url(endpoint(), model, commit).text()] = tree + "]";
    for (const auto& revision : {std::string("main"), commit})
      (*answers_)[hubcache::info_url(endpoint(), model, revision).text()] = info;
  }

  /// Changes every answer before it is sent, if set: for failures, and for bytes that are not the Hub's.
  std::function<void(const hubcache::http_request&, hubcache::http_response&)> alter;

  /// Its network. Transports share the answers, and may outlive this.
  [[nodiscard]] hubcache::memory_transport network() const {
    return hubcache::memory_transport(
        [answers = answers_, change = alter](const hubcache::http_request& asked) {
          hubcache::http_response answer;
          const auto found = answers->find(asked.target.text());
          answer.head.status = found == answers->end() ? 404 : 200;
          if (found == answers->end())
            answer.head.headers.add("X-Error-Code", "RepoNotFound");
          else
            answer.body = found->second;
          if (change) change(asked, answer);
          return answer;
        });
  }

 private:
  static hubcache::digest git_name(const std::string& content) {
    auto hasher = hubcache::default_hashes().make(hubcache::digest_algorithm::git_sha1, content.size());
    hasher.update(hubcache::as_byte_view(content));
    return hasher.finish();
  }

  std::shared_ptr<file_map> answers_ = std::make_shared<file_map>();  // bodies by URL
};

}  // namespace plugins
