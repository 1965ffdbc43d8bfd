// What a call of the C API tells while it runs, and how it is cancelled.
#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <future>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "user.hpp"

using c_user::ask;
using c_user::make;
using c_user::user;

namespace {

/// A progress function with a body of the test's.
struct listener {
  explicit listener(std::function<int(const hubcache_progress&)> b) : body(std::move(b)) {}
  static int call(void* self, const hubcache_progress* news) {
    return static_cast<listener*>(self)->body(*news);
  }
  void listen_to(const c_user::request_ptr& asked) {
    REQUIRE(hubcache_request_on_progress(asked.get(), call, this, nullptr) == HUBCACHE_OK);
  }

  std::function<int(const hubcache_progress&)> body;
};

c_user::request_ptr cancellable(const char* repo, const c_user::token_ptr& by) {
  auto asked = ask(repo);
  REQUIRE(hubcache_request_cancelled_by(asked.get(), by.get(), nullptr) == HUBCACHE_OK);
  return asked;
}

/// Whether the next download brings acme/tiny, without fetching what came before.
bool resumes(user& u, const c_user::cache_ptr& cache) {
  u.hub.clear_faults();
  const auto got = make(hubcache_download, cache, ask("acme/tiny"));
  return got.code == HUBCACHE_OK &&
         test::read_file(std::string(got.result->path) + "/model.safetensors") ==
             embedded::tiny().files().at("model.safetensors").content.text() &&
         got.result->totals->bytes_wire < got.result->totals->bytes_total;
}

hubcache_cancel_token* at_signal = nullptr;

}  // namespace

TEST_CASE("progress comes on the calling thread, begins with the plan and ends with all bytes") {
  user u;
  const auto cache = user::open();
  const auto asked = ask("acme/tiny");
  std::map<int, int> phases;
  std::vector<std::uint64_t> totals;
  std::uint64_t done = 0;
  bool elsewhere = false;
  std::string first;
  std::map<std::string, std::uint64_t> files;
  listener all([&, here = std::this_thread::get_id()](const hubcache_progress& news) {
    elsewhere = elsewhere || std::this_thread::get_id() != here;
    if (phases[news.phase]++ == 0 && news.phase == HUBCACHE_PHASE_PLANNED) first = news.repo;
    if (news.phase == HUBCACHE_PHASE_FETCHED) files[news.file] = news.file_bytes_done;
    totals.push_back(news.bytes_total);
    done = news.bytes_done;
    return 0;
  });
  all.listen_to(asked);
  const auto got = make(hubcache_download, cache, asked);
  REQUIRE(got.code == HUBCACHE_OK);
  CHECK_FALSE(elsewhere);
  CHECK(first == "acme/tiny");
  CHECK(phases[HUBCACHE_PHASE_PLANNED] == 1);
  CHECK(files.at("model.safetensors") == 100'000);
  CHECK(done == got.result->totals->bytes_wire);
  CHECK(totals.back() == done);
}

TEST_CASE("what is linked is told with its source") {
  user u;
  const auto cache = user::open();
  REQUIRE(make(hubcache_pipeline, cache, ask("runwayml/stable-diffusion-v1-5")).code == HUBCACHE_OK);
  const auto asked = ask("CompVis/stable-diffusion-v1-4");
  std::map<std::string, std::string> linked;
  listener all([&](const hubcache_progress& news) {
    if (news.phase == HUBCACHE_PHASE_LINKED) linked[news.file] = news.text;
    return 0;
  });
  all.listen_to(asked);
  REQUIRE(make(hubcache_pipeline, cache, asked).code == HUBCACHE_OK);
  CHECK(linked["vae/diffusion_pytorch_model.safetensors"].find("runwayml") != std::string::npos);
}

TEST_CASE("the bytes of a pipeline from several repos are known from its first plan on") {
  user u;
  embedded::repo_model whole("acme/parts");
  const auto part = [](const std::string& repo, const std::string& folder) {
    return R"([null, null, {"pretrained_model_name_or_path": ")" + repo + R"(", "subfolder": ")" + folder +
           R"(", "type_hint": ["diffusers", "Any"]}])";
  };
  whole.commit({{"modular_model_index.json",
                 embedded::regular(R"({"_class_name": "ModularPipeline", "unet": )" +
                                   part("CompVis/stable-diffusion-v1-4", "unet") + R"(, "vae": )" +
                                   part("runwayml/stable-diffusion-v1-5", "vae") + "}")}});
  u.hub.put(std::move(whole));
  const auto asked = ask("acme/parts");
  std::set<std::string> repos;
  std::set<std::uint64_t> totals;
  std::uint64_t done = 0;
  listener all([&](const hubcache_progress& news) {
    if (news.phase == HUBCACHE_PHASE_PLANNED) repos.insert(news.repo);
    if (!repos.empty()) totals.insert(news.bytes_total);
    done = news.bytes_done;
    return 0;
  });
  all.listen_to(asked);
  const auto got = make(hubcache_pipeline, user::open(), asked);
  REQUIRE(got.code == HUBCACHE_OK);
  CHECK(repos.size() == 3);
  CHECK(totals == std::set<std::uint64_t>{got.result->totals->bytes_fetched});
  CHECK(done == got.result->totals->bytes_fetched);
}

TEST_CASE("what another call brings meanwhile is linked, and awaited no more") {
  user u;
  auto files = embedded::file_map{{"own.bin", embedded::lfs(embedded::file_content::generated(9, 5'000))}};
  files["model.safetensors"] = embedded::tiny().files().at("model.safetensors");
  embedded::repo_model twin("acme/twin");
  twin.commit(files);
  u.hub.put(std::move(twin));
  std::promise<void> begun;
  std::promise<void> released;
  embedded::fault_action held;
  held.apply = [&begun, gate = released.get_future().share()](embedded::exchange&) {
    begun.set_value();
    gate.wait_for(std::chrono::minutes(1));
  };
  u.hub.inject(embedded::fault(held).on(embedded::listener::cdn));
  const auto cache = user::open();
  c_user::outcome first;
  std::thread other([&] {
    first = make(hubcache_download, cache, ask("acme/tiny", {{"file", "model.safetensors"}}));
  });
  begun.get_future().wait();
  const auto asked = ask("acme/twin");
  std::uint64_t planned = 0;
  std::uint64_t total = 0;
  std::uint64_t done = 0;
  std::string linked;
  listener all([&, waited = false](const hubcache_progress& news) mutable {
    if (news.phase == HUBCACHE_PHASE_WARNING && !std::exchange(waited, true)) released.set_value();
    if (news.phase == HUBCACHE_PHASE_PLANNED) planned = news.bytes_total;
    if (news.phase == HUBCACHE_PHASE_LINKED) linked = news.file;
    total = news.bytes_total;
    done = news.bytes_done;
    return 0;
  });
  all.listen_to(asked);
  const auto second = make(hubcache_download, cache, asked);
  other.join();
  CHECK(first.code == HUBCACHE_OK);
  REQUIRE(second.code == HUBCACHE_OK);
  CHECK(linked == "model.safetensors");
  CHECK(planned == 105'000);
  CHECK(total == 5'000);
  CHECK(done == 5'000);
}

TEST_CASE("a progress function that returns nonzero when all is done lets the call succeed") {
  user u;
  const auto cache = user::open();
  const auto commit = u.hub.get("acme/tiny").find("main")->id;
  REQUIRE(make(hubcache_download, cache, ask("acme/tiny")).code == HUBCACHE_OK);
  const auto asked = ask("acme/tiny", {{"revision", commit}});
  int calls = 0;
  listener all([&](const hubcache_progress&) { return ++calls; });
  all.listen_to(asked);
  CHECK(make(hubcache_download, cache, asked).code == HUBCACHE_OK);
  CHECK(calls == 1);
}

TEST_CASE("a progress function may make calls on the same cache") {
  user u;
  const auto cache = user::open();
  const auto asked = ask("acme/tiny");
  int inner = -1;
  listener all([&](const hubcache_progress& news) {
    if (news.phase == HUBCACHE_PHASE_PLANNED) inner = make(hubcache_gguf, cache, ask("acme/m-GGUF")).code;
    return 0;
  });
  all.listen_to(asked);
  CHECK(make(hubcache_download, cache, asked).code == HUBCACHE_OK);
  CHECK(inner == HUBCACHE_OK);
}

TEST_CASE("a progress function that returns nonzero cancels, is told no more, and the next call resumes") {
  user u;
  u.stall();
  const auto cache = user::open();
  const auto asked = ask("acme/tiny");
  bool cancelled = false;
  int after = 0;
  listener all([&](const hubcache_progress& news) {
    if (cancelled) ++after;
    cancelled = cancelled || (news.phase == HUBCACHE_PHASE_WAITING && news.bytes_done > 0);
    return cancelled ? 1 : 0;
  });
  all.listen_to(asked);
  const auto got = make(hubcache_download, cache, asked);
  CHECK(got.code == HUBCACHE_ERROR_CANCELLED);
  CHECK(got.result == nullptr);
  CHECK(got.error->name == std::string("cancelled"));
  CHECK(after == 0);
  CHECK(resumes(u, cache));
}

TEST_CASE("a progress function that throws cancels: no exception crosses") {
  user u;
  const auto cache = user::open();
  const auto asked = ask("acme/tiny");
  listener all([](const hubcache_progress&) -> int { throw std::runtime_error("in spite of the contract"); });
  all.listen_to(asked);
  u.stall();
  CHECK(make(hubcache_download, cache, asked).code == HUBCACHE_ERROR_CANCELLED);
}

TEST_CASE("a transfer that stands still is cancelled from another thread, and the next call resumes") {
  user u;
  u.stall();
  const auto cache = user::open();
  const auto token = c_user::new_token();
  const auto asked = cancellable("acme/tiny", token);
  std::promise<void> arrived;
  listener all([&, told = false](const hubcache_progress& news) mutable {
    if (news.phase == HUBCACHE_PHASE_ADVANCED && !std::exchange(told, true)) arrived.set_value();
    return 0;
  });
  all.listen_to(asked);
  std::thread other([&] {
    arrived.get_future().wait();
    hubcache_cancel(token.get());
  });
  const auto got = make(hubcache_download, cache, asked);
  other.join();
  CHECK(got.code == HUBCACHE_ERROR_CANCELLED);
  CHECK(resumes(u, cache));
}

TEST_CASE("every kind of call is cancelled, whoever else uses the cache goes on") {
  user u;
  const auto cache = user::open();
  u.hub.inject(embedded::fault(embedded::stall_in_body(1000, std::chrono::minutes(1)))
                   .on(embedded::listener::cdn)
                   .repeated(embedded::fault::always));
  const auto token = c_user::new_token();
  std::promise<void> begun[2];
  c_user::outcome ended[2];
  const auto run = [&](c_user::fetching_call call, const char* repo, std::size_t which) {
    const auto asked = cancellable(repo, token);
    listener all([&, told = false](const hubcache_progress& news) mutable {
      if (news.phase == HUBCACHE_PHASE_STARTED && !std::exchange(told, true)) begun[which].set_value();
      return 0;
    });
    all.listen_to(asked);
    ended[which] = make(call, cache, asked);
  };
  std::thread first([&] { run(hubcache_gguf, "acme/m-GGUF", 0); });
  std::thread second([&] { run(hubcache_pipeline, "CompVis/stable-diffusion-v1-4", 1); });
  begun[0].get_future().wait();
  begun[1].get_future().wait();
  hubcache_cancel(token.get());
  const auto bystander = make(hubcache_download, cache, ask("acme/tiny", {{"file", "config.json"}}));
  first.join();
  second.join();
  CHECK(ended[0].code == HUBCACHE_ERROR_CANCELLED);
  CHECK(ended[1].code == HUBCACHE_ERROR_CANCELLED);
  CHECK(bystander.code == HUBCACHE_OK);
}

TEST_CASE("a token that was used cancels later calls, too, before they ask for anything") {
  user u;
  const auto cache = user::open();
  const auto token = c_user::new_token();
  hubcache_cancel(token.get());
  CHECK(make(hubcache_download, cache, cancellable("acme/tiny", token)).code == HUBCACHE_ERROR_CANCELLED);
  CHECK(u.hub.log().count() == 0);
}

TEST_CASE("a signal handler may cancel") {
  user u;
  u.stall();
  const auto cache = user::open();
  const auto token = c_user::new_token();
  const auto asked = cancellable("acme/tiny", token);
  at_signal = token.get();
  const auto before = std::signal(SIGUSR1, [](int) { hubcache_cancel(at_signal); });
  listener all([](const hubcache_progress& news) {
    if (news.phase == HUBCACHE_PHASE_STARTED) std::raise(SIGUSR1);
    return 0;
  });
  all.listen_to(asked);
  CHECK(make(hubcache_download, cache, asked).code == HUBCACHE_ERROR_CANCELLED);
  std::signal(SIGUSR1, before);
}
