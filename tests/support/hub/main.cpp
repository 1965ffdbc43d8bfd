/// @file
/// embedded-hub: a Hub on this machine, for demos and benchmarks. Prints one line when it is ready, serves
/// until SIGINT or SIGTERM, then prints what it was asked.

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/hub/fixtures.hpp"
#include "support/hub/server.hpp"
#include "support/hub/site_files.hpp"

namespace {

/// What benchmarks/run.sh commands asks for, all sizes divided by `divisor`.
std::vector<embedded::repo_model> benchmark_repos(std::uint64_t divisor) {
  using embedded::file_content;
  std::vector<embedded::repo_model> repos;
  const auto put = [&repos](const char* id, embedded::file_map files) {
    repos.emplace_back(id).commit(std::move(files));
  };
  const auto lfs_file = [](std::uint64_t seed, std::uint64_t size) {
    return embedded::lfs(file_content::generated(seed, size));
  };
  put("acme/one", {{"model.safetensors", lfs_file(7, (std::uint64_t{4} << 30U) / divisor)}});
  // Eight shards that two repos share, and a head of its own in each: 89 % of the bytes are the same.
  embedded::file_map llm = embedded::sharded_llm(810'000'000 / divisor, 8).files();
  embedded::file_map tuned = llm;
  llm.insert_or_assign("head.safetensors", lfs_file(8, 100'000'000 / divisor));
  tuned.insert_or_assign("head.safetensors", lfs_file(9, 100'000'000 / divisor));
  put("acme/llm-7b", std::move(llm));
  put("acme/llm-7b-tuned", std::move(tuned));
  const auto many = std::max<std::uint64_t>(10'001 / divisor, 100);
  put("acme/many", embedded::many_files(many).files());
  put("acme/many-twin", embedded::many_files(many).files());
  // Alone the first of the pair has 1.75 GB.
  repos.push_back(std::move(embedded::stable_diffusion_pair(3'139'000'000 / divisor).front()));
  embedded::file_map parts;
  for (std::uint64_t i = 0; i < 400; ++i) {
    parts.emplace("part-" + std::to_string(1000 + i) + ".bin", lfs_file(300'000 + i, 2'500'000 / divisor));
  }
  put("acme/parts", std::move(parts));
  // For slow networks; never so small that a round trip is all.
  put("acme/far",
      {{"model.safetensors", lfs_file(10, std::max<std::uint64_t>(160'000'000 / divisor, 4'000'000))}});
  return repos;
}

std::vector<embedded::repo_model> scenario(const std::string& name, std::uint64_t total_bytes) {
  std::vector<embedded::repo_model> repos;
  const bool all = name == "all";
  if (all || name == "sd") repos = embedded::stable_diffusion_pair(total_bytes);
  if (all || name == "tiny") repos.push_back(embedded::tiny());
  if (all) repos.push_back(embedded::many_files(1000));
  if (name.starts_with("many:")) repos.push_back(embedded::many_files(std::stoul(name.substr(5))));
  if (all || name == "llm") {
    repos.push_back(embedded::sharded_llm(total_bytes));
    repos.push_back(embedded::quantised_llm(total_bytes));
  }
  if (name.starts_with("bench:")) repos = benchmark_repos(std::max(1UL, std::stoul(name.substr(6))));
  if (repos.empty()) throw std::invalid_argument("no such scenario: " + name);
  return repos;
}

/// One answer in `one_in` goes wrong, each time another way.
void inject_faults(embedded::hub& hub, unsigned one_in) {
  using namespace std::chrono_literals;
  const std::vector<embedded::fault_action> ways{
      embedded::close_without_answer(true),
      embedded::status(500),
      embedded::status(503),
      embedded::both(embedded::status(429), embedded::set_header("Retry-After", "1")),
      embedded::drop_after_bytes(70),
      embedded::drop_after_body(100'000, true),
      embedded::stall_in_body(50'000, 2s),
      embedded::drip(300'000),
      embedded::ignore_range(),
      embedded::other_bytes(),
      embedded::wrong_content_length(1000),
  };
  const auto share = one_in * static_cast<unsigned>(ways.size());
  for (auto way : ways) {
    way.applies = [applies = std::move(way.applies), share](const embedded::exchange& asked) {
      thread_local std::minstd_rand dice{std::random_device{}()};
      return (!applies || applies(asked)) && dice() % share == 0;
    };
    hub.inject(embedded::fault(std::move(way)).repeated(embedded::fault::always));
  }
}

void report(const std::vector<embedded::request_record>& records) {
  for (const auto where : {embedded::listener::endpoint, embedded::listener::cdn}) {
    std::uint64_t requests = 0, with_token = 0, contents = 0, bytes = 0, faults = 0;
    for (const auto& record : records) {
      if (record.where != where) continue;
      ++requests;
      with_token += record.has_auth ? 1U : 0U;
      contents += record.content ? 1U : 0U;
      bytes += record.content ? record.body_bytes : 0U;
      faults += record.faults;
    }
    std::cerr << embedded::name_of(where) << ": " << requests << " requests, " << contents
              << " content GETs, " << bytes << " content bytes, " << with_token << " with a token, " << faults
              << " faults\n";
  }
}

void write_log(const std::string& path, const std::vector<embedded::request_record>& records) {
  std::ofstream out(path);
  for (const auto& r : records) {
    out << embedded::name_of(r.where) << ' ' << r.connection << ' ' << r.method << ' ' << r.path << ' '
        << r.status << ' ' << r.body_bytes << ' ' << (r.range.empty() ? "-" : r.range) << ' '
        << (r.has_auth ? "auth" : "-") << '\n';
  }
}

/// Blocks the signals that end the program, in all threads started later too.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

}  // namespace

int main(int argc, char** argv) {
  embedded::hub_options options;
  std::uint64_t total_bytes = 300'000'000;
  std::string which = "sd", ca_out, log, site_folder;
  unsigned faults = 0;
  CLI::App app("A Hub on this machine, with made-up repos");
  app.add_option("--port", options.port, "Port of the endpoint; 0 = any");
  app.add_option("--cdn-port", options.cdn_port, "Port of the CDN; 0 = any");
  app.add_option("--cdn-host", options.cdn_host, "Name of the CDN: 127.0.0.2 or localhost");
  app.add_option("--total-bytes", total_bytes, "Size of the sd pair, and of the llm's weights");
  app.add_flag("--tls", options.tls, "Serve https");
  app.add_option("--ca-out", ca_out, "Where to write the CA certificate to trust (PEM)");
  app.add_option("--scenario", which, "sd, tiny, many:N, llm, all or bench:DIVISOR")->capture_default_str();
  app.add_option("--rate", options.bytes_per_second, "Bytes/s of each connection; 0 = unlimited");
  app.add_option("--log", log, "Where to write the requests, one a line, at the end");
  app.add_option("--page-size", options.site.page_size, "Entries a page of a listing");
  app.add_option("--faults", faults, "One answer in so many goes wrong, at random; 0 = none");
  app.add_flag("--gzip", options.site.gzip, "Compress regular files for clients that accept it");
  app.add_option("--export", site_folder, "A new folder for the repos as files that nginx can serve");
  CLI11_PARSE(app, argc, argv);

  try {
    const sigset_t signals = block_signals();
    embedded::hub hub(options);
    auto repos = scenario(which, total_bytes);
    if (!site_folder.empty()) embedded::write_site_files(site_folder, repos);
    for (auto& repo : repos) {
      // Hashed now, so that the first client does not wait for it.
      for (const auto& [path, file] : repo.files()) static_cast<void>(file.etag());
      hub.put(std::move(repo));
    }
    if (faults > 0) inject_faults(hub, faults);
    if (!ca_out.empty()) std::ofstream(ca_out) << hub.ca_pem();
    std::cout << "endpoint=" << hub.endpoint() << " cdn=" << hub.cdn() << std::endl;
    int signal = 0;
    sigwait(&signals, &signal);
    hub.stop();
    const auto records = hub.log().records();
    report(records);
    if (!log.empty()) write_log(log, records);
  } catch (const std::exception& failure) {
    std::cerr << "embedded-hub: " << failure.what() << '\n';
    return 1;
  }
}
