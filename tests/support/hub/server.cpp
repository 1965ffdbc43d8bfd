#include "support/hub/server.hpp"

#include <asio/buffer.hpp>
#include <asio/read.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <optional>
#include <span>
#include <stop_token>
#include <system_error>
#include <utility>
#include <vector>

#include "support/hub/tcp_service.hpp"

namespace embedded {
namespace {

using asio::ip::tcp;
using clock = std::chrono::steady_clock;

constexpr std::size_t head_limit = 64 * 1024;
constexpr std::size_t body_limit = 16 * 1024 * 1024;
constexpr std::size_t block_size = 256 * 1024;

/// A socket, with TLS or without.
class channel {
 public:
  channel(tcp::socket& socket, asio::ssl::context* context) : socket_(socket) {
    if (context == nullptr) return;
    secure_.emplace(socket, *context);
    secure_->handshake(asio::ssl::stream_base::server);
  }
  std::size_t read_some(std::span<char> to) {
    const auto buffer = asio::buffer(to.data(), to.size());
    return secure_ ? secure_->read_some(buffer) : socket_.read_some(buffer);
  }
  void write(std::string_view bytes) {
    const auto buffer = asio::buffer(bytes);
    if (secure_) {
      asio::write(*secure_, buffer);
    } else {
      asio::write(socket_, buffer);
    }
  }
  /// Makes the coming close a reset.
  void close_by_reset() {
    std::error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  }

 private:
  tcp::socket& socket_;
  std::optional<asio::ssl::stream<tcp::socket&>> secure_;
};

/// Reads requests one after the other; what a client sends ahead waits its turn.
class request_reader {
 public:
  explicit request_reader(channel& from) : from_(from) {}

  /// None when the connection is to be closed: malformed or oversized request. @throws at its end
  std::optional<request> next() {
    std::size_t end = std::string::npos;
    while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
      if (pending_.size() > head_limit) return std::nullopt;
      fill();
    }
    auto result = parse_request(std::string_view(pending_).substr(0, end + 4));
    pending_.erase(0, end + 4);
    if (!result) return std::nullopt;
    std::size_t length = 0;
    if (const std::string* field = result->headers.find("Content-Length")) {
      if (std::from_chars(field->data(), field->data() + field->size(), length).ec != std::errc{})
        return std::nullopt;
    }
    if (length > body_limit || result->headers.find("Transfer-Encoding") != nullptr) return std::nullopt;
    while (pending_.size() < length) fill();
    result->body = pending_.substr(0, length);
    pending_.erase(0, length);
    return result;
  }

 private:
  void fill() {
    std::array<char, 16 * 1024> block{};
    pending_.append(block.data(), from_.read_some(block));
  }

  channel& from_;
  std::string pending_;
};

/// Thrown to end a connection on purpose.
struct connection_dropped {};

/// Writes one answer: paced, small pieces gathered.
class answer_writer {
 public:
  answer_writer(channel& to, const std::stop_token& stop, std::uint64_t rate)
      : to_(to), stop_(stop), rate_(rate) {}

  /// What to write at once: 20 ms worth of a limited rate.
  [[nodiscard]] std::uint64_t block() const noexcept {
    return rate_ == 0 ? block_size : std::clamp<std::uint64_t>(rate_ / 50, 1, block_size);
  }
  void write(std::string_view bytes) {
    gathered_ += bytes;
    if (gathered_.size() >= block()) flush();
  }
  /// Sends what was gathered.
  void flush() {
    to_.write(gathered_);
    pace(gathered_.size());
    gathered_.clear();
  }
  void stall(std::chrono::milliseconds time) {
    flush();
    if (!wait_for(stop_, time)) throw connection_dropped{};
  }
  /// Sends what was gathered and ends the connection.
  [[noreturn]] void drop() {
    flush();
    throw connection_dropped{};
  }

 private:
  void pace(std::size_t sent) {
    if (rate_ == 0) return;
    due_ = std::max(due_, clock::now() - std::chrono::milliseconds(20));
    due_ += std::chrono::nanoseconds(sent * 1'000'000'000ULL / rate_);
    if (due_ > clock::now() && !wait_for(stop_, due_ - clock::now())) throw connection_dropped{};
  }

  channel& to_;
  const std::stop_token& stop_;
  const std::uint64_t rate_;
  clock::time_point due_ = clock::now();
  std::string gathered_;
};

std::string head_text(const exchange& e) {
  const response& answer = e.answer;
  std::string text = e.sending.status_line.value_or("HTTP/1.1 " + std::to_string(answer.status) + " " +
                                                    std::string(reason(answer.status)));
  text += "\r\n";
  for (const auto& [name, value] : answer.headers.all()) text += name + ": " + value + "\r\n";
  if (answer.chunked) {
    text += "Transfer-Encoding: chunked\r\n";
  } else if (answer.status != 304 && !e.sending.omit_length) {
    text += "Content-Length: " + std::to_string(e.sending.declared_length.value_or(answer.length)) + "\r\n";
  }
  text += e.sending.close ? "Connection: close\r\n\r\n" : "Connection: keep-alive\r\n\r\n";
  return text;
}

std::string chunk_line(std::size_t size) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
  return std::string(digits.data(), end) + "\r\n";
}

/// `block` is the part of the body from `at` on.
void mangle(std::span<char> block, std::uint64_t at, const delivery& sending) {
  if (sending.invert) {
    for (char& c : block) c = static_cast<char>(~c);
  }
  if (sending.flip_at && *sending.flip_at >= at && *sending.flip_at - at < block.size()) {
    char& c = block[static_cast<std::size_t>(*sending.flip_at - at)];
    c = static_cast<char>(c ^ 1);
  }
}

}  // namespace

struct hub::state {
  explicit state(hub_options given)
      : options(std::move(given)), answers(options.site), bytes_per_second(options.bytes_per_second) {
    if (options.tls) identity = make_identity(options.certificate);
    const bool by_name = options.cdn_host == "localhost";
    cdn_service.emplace(by_name ? "127.0.0.1" : options.cdn_host, options.cdn_port, handler(listener::cdn));
    service.emplace("127.0.0.1", options.port, handler(listener::endpoint));
    const std::string scheme = options.tls ? "https://" : "http://";
    endpoint = scheme + "127.0.0.1:" + std::to_string(service->port());
    cdn = scheme + options.cdn_host + ":" + std::to_string(cdn_service->port());
    answers.set_origins(endpoint, cdn);
  }

  tcp_service::handler handler(listener where) {
    return [this, where](tcp::socket& socket, std::uint64_t connection, const std::stop_token& stop) {
      try {
        serve(where, socket, connection, stop);
      } catch (const connection_dropped&) {  // closing it is all there is to do
      }
    };
  }

  void serve(listener where, tcp::socket& socket, std::uint64_t connection, const std::stop_token& stop) {
    channel peer(socket, identity.context.get());
    request_reader requests(peer);
    bool open = true;
    while (open) {
      auto asked = requests.next();
      if (!asked) return;
      exchange e = make_exchange(where, std::move(*asked));
      const std::uint64_t faults_hit = faults.apply(e) ? 1 : 0;
      e.sending.head_only = e.asked.method == "HEAD" || e.answer.status == 304;
      e.sending.close = e.sending.close || e.asked.wants_close();
      const std::size_t record = note(e, connection, faults_hit);
      if (e.sending.reset) peer.close_by_reset();
      if (e.sending.send_nothing) return;
      send(e, peer, stop, record);
      open = !e.sending.close;
    }
  }

  exchange make_exchange(listener where, request asked) {
    exchange e;
    e.where = where;
    e.asked = std::move(asked);
    e.respond = [this, where](const request& r) {
      return where == listener::cdn ? answers.cdn_answer(r) : answers.endpoint_answer(r);
    };
    e.answer = e.respond(e.asked);
    return e;
  }

  std::size_t note(const exchange& e, std::uint64_t connection, std::uint64_t faults_hit) {
    const auto field = [&](std::string_view name) {
      const std::string* value = e.asked.headers.find(name);
      return value == nullptr ? std::string() : *value;
    };
    request_record record;
    record.where = e.where;
    record.connection = connection;
    record.method = e.asked.method;
    record.path = e.asked.path;
    record.query = e.asked.query.substr(0, std::min(e.asked.query.find("&Policy="), e.asked.query.size()));
    record.range = field("Range");
    record.has_auth = e.asked.headers.find("Authorization") != nullptr;
    record.accept_encoding = field("Accept-Encoding");
    record.user_agent = field("User-Agent");
    record.status = e.sending.send_nothing ? 0 : e.answer.status;
    record.content = e.answer.is_file && e.asked.method == "GET" && !e.sending.send_nothing;
    record.faults = faults_hit;
    return log.add(std::move(record));
  }

  void send(exchange& e, channel& peer, const std::stop_token& stop, std::size_t record) {
    const std::uint64_t rate =
        e.sending.bytes_per_second != 0 ? e.sending.bytes_per_second : bytes_per_second.load();
    answer_writer out(peer, stop, rate);
    if (e.sending.stall_before_head.count() != 0) out.stall(e.sending.stall_before_head);
    const std::string head = e.sending.before_head + head_text(e);
    if (const auto limit = e.sending.drop_after_bytes) {
      out.write(std::string_view(head).substr(
          0, static_cast<std::size_t>(std::min<std::uint64_t>(*limit, head.size()))));
      if (*limit <= head.size()) out.drop();
      e.sending.drop_after_body = *limit - head.size();
    } else {
      out.write(head);
    }
    if (!e.sending.head_only) send_body(e, out, record);
    out.write(e.sending.after_body);
    out.flush();
  }

  void send_body(const exchange& e, answer_writer& out, std::size_t record) {
    const delivery& sending = e.sending;
    const std::uint64_t end = std::min(sending.drop_after_body.value_or(e.answer.length), e.answer.length);
    std::vector<char> block;
    for (std::uint64_t at = 0; at < end;) {
      if (sending.stall_at == at) out.stall(sending.stall_in_body);
      std::uint64_t n =
          std::min<std::uint64_t>(e.answer.chunked ? sending.chunk_size : out.block(), end - at);
      if (sending.stall_at && *sending.stall_at > at) n = std::min(n, *sending.stall_at - at);
      block.resize(static_cast<std::size_t>(n));
      e.answer.content.read(e.answer.offset + at, block);
      mangle(block, at, sending);
      log.add_bytes(record, static_cast<std::int64_t>(n));
      if (e.answer.chunked) out.write(chunk_line(block.size()));
      out.write({block.data(), block.size()});
      if (e.answer.chunked) out.write("\r\n");
      at += n;
      if (!sending.bad_chunk.empty()) return out.write(sending.bad_chunk);
    }
    if (sending.drop_after_body && *sending.drop_after_body < e.answer.length) {
      out.drop();
    }
    if (e.answer.chunked) out.write("0\r\n" + sending.trailers + "\r\n");
  }

  const hub_options options;
  server_identity identity;
  site answers;
  request_log log;
  fault_list faults;
  std::atomic<std::uint64_t> bytes_per_second;
  std::string endpoint;
  std::string cdn;
  // Last, so that they stop first: their threads use all of the above.
  std::optional<tcp_service> cdn_service;
  std::optional<tcp_service> service;
};

hub::hub(hub_options options) : state_(std::make_unique<state>(std::move(options))) {}
hub::~hub() = default;

const std::string& hub::endpoint() const noexcept { return state_->endpoint; }
const std::string& hub::cdn() const noexcept { return state_->cdn; }
const std::string& hub::ca_pem() const noexcept { return state_->identity.ca_pem; }

void hub::put(repo_model repo) { state_->answers.put(std::move(repo)); }
void hub::remove(std::string_view id, repo_type type) { state_->answers.remove(type, id); }
repo_model hub::get(std::string_view id, repo_type type) const { return state_->answers.get(type, id); }

request_log& hub::log() noexcept { return state_->log; }
fault_handle hub::inject(fault f) { return state_->faults.inject(std::move(f)); }
void hub::clear_faults() { state_->faults.clear(); }
void hub::set_signed_url_life(std::chrono::milliseconds life) { state_->answers.set_signed_url_life(life); }
void hub::set_bytes_per_second(std::uint64_t rate) { state_->bytes_per_second = rate; }

std::uint64_t hub::connections(listener where) const {
  return (where == listener::cdn ? state_->cdn_service : state_->service)->accepted();
}
void hub::cut_connections() {
  state_->cdn_service->cut_connections();
  state_->service->cut_connections();
}
void hub::stop() {
  state_->service->stop();
  state_->cdn_service->stop();
}

}  // namespace embedded
