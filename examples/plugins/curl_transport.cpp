#include "curl_transport.hpp"

#include <hubcache/error.hpp>
#include <hubcache/hub/endpoint.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/transport/http1.hpp>
#include <hubcache/transport/proxy.hpp>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace plugins {

using hubcache::errc;
using hubcache::error;
using clock = std::chrono::steady_clock;

/// The multi handle. libcurl says which sockets and which timer it wants watched; we say when they are ready.
class curl_transport::loop : public std::enable_shared_from_this<loop> {
 public:
  loop(asio::any_io_executor executor, hubcache::transport_options settings, curl_options more);
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;
  ~loop();

  const asio::any_io_executor executor;
  const hubcache::transport_options options;
  const curl_options extra;

  void add(CURL* easy) {
    if (curl_multi_add_handle(multi_, easy) != CURLM_OK)
      throw error(errc::internal, "libcurl takes no transfer");
  }
  void remove(CURL* easy) { curl_multi_remove_handle(multi_, easy); }
  /// Nothing will be watched any more: the executor's context is going away.
  void abandon() noexcept { abandoned_ = true; }

 private:
  struct watch {
    explicit watch(const asio::any_io_executor& on, curl_socket_t socket) : descriptor(on, socket) {}
    asio::posix::stream_descriptor descriptor;
    int wanted = CURL_POLL_NONE;  // CURL_POLL_IN and CURL_POLL_OUT are bits
    int awaited = CURL_POLL_NONE;
  };
  // libcurl's callbacks: 0, or -1 after an exception, which must not cross C; it then fails all transfers.
  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) noexcept;
  static int on_timer(CURLM*, long milliseconds, void* self) noexcept;
  void watch_socket(curl_socket_t socket, int what);
  void set_timer(long milliseconds);
  void await(const std::shared_ptr<watch>& one, int direction);
  void act(curl_socket_t socket, int events);

  CURLM* multi_;
  asio::steady_timer timer_;
  std::map<curl_socket_t, std::shared_ptr<watch>> watches_;
  bool abandoned_ = false;
};

/// One easy handle and what its callbacks have left for the coroutine.
class curl_transport::transfer {
 public:
  transfer(std::shared_ptr<loop> on, const hubcache::http_request& request);
  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;
  ~transfer();

  asio::awaitable<hubcache::http_response> run(hubcache::body_sink& sink);
  /// Takes the handle from the loop; what is not finished is broken off.
  void detach();
  void complete(CURLcode result);

 private:
  void configure();
  void configure_method();
  void configure_connection();
  void configure_proxy();
  void configure_netrc();
  [[nodiscard]] bool head_ready() const { return parser_.complete() && !parser_.interim(); }
  [[nodiscard]] bool ready() const { return done_ || !staged_.empty() || (head_ready() && !begun_); }
  asio::awaitable<void> wait();
  void meter(std::size_t bytes, clock::duration waited);
  void resume();
  [[noreturn]] void fail() const;
  // libcurl's callbacks. What they throw is kept in refusal_: it must not cross C.
  static std::size_t on_header(char* line, std::size_t, std::size_t size, void* self) noexcept;
  static std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* self) noexcept;
  static int on_connected(void* self, char*, char*, int, int) noexcept;
  template <class Option, class Value>
  void set(Option option, Value value) {
    if (curl_easy_setopt(easy_, option, value) != CURLE_OK)
      throw error(errc::internal, "libcurl refuses option " + std::to_string(static_cast<int>(option)));
  }

  static constexpr std::size_t staging_size = 256 * 1024;

  std::shared_ptr<loop> loop_;
  const hubcache::http_request& request_;
  const std::chrono::milliseconds timeout_;  // libcurl takes 1 ms to 24 days
  CURL* easy_ = curl_easy_init();
  curl_slist* fields_ = nullptr;
  bool attached_ = false;
  char message_[CURL_ERROR_SIZE] = "";

  asio::steady_timer wake_;
  clock::time_point active_;        // when something last came; @pre connected_
  std::uint64_t window_bytes_ = 0;  // of the body, since the rate was last judged
  clock::duration window_time_{};   // spent waiting for them
  hubcache::http1::response_parser parser_;
  hubcache::http1::chunk_decoder decoder_;
  std::string staged_;
  std::exception_ptr refusal_;  // thrown in a callback
  CURLcode result_ = CURLE_OK;
  bool connected_ = false;  // before that, libcurl's own timeout counts, without the time in its queue
  bool begun_ = false;
  bool paused_ = false;
  bool done_ = false;
};

namespace {

/// A SOCKS proxy in the place of the others: which targets go there is decided for all of them alike.
hubcache::transport_options with_socks(hubcache::transport_options options, const curl_options& extra) {
  if (extra.socks_proxy.empty()) return options;
  const auto proxy = hubcache::url::parse("http://" + extra.socks_proxy);
  if (!proxy || proxy->target() != "/")
    throw error(errc::invalid_argument,
                "a SOCKS proxy is given as HOST or HOST:PORT; socks_credentials has its user and password");
  options.proxy.http = options.proxy.https = proxy;
  options.proxy.http_credentials = options.proxy.https_credentials = extra.socks_credentials;
  return options;
}

}  // namespace

curl_transport::loop::loop(asio::any_io_executor on, hubcache::transport_options settings, curl_options more)
    : executor(std::move(on)),
      options(with_socks(std::move(settings), more)),
      extra(std::move(more)),
      timer_(executor) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  multi_ = curl_multi_init();
  if (!multi_) throw std::bad_alloc();
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &loop::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &loop::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(options.max_per_origin));
}

curl_transport::loop::~loop() {
  abandon();
  curl_multi_cleanup(multi_);
}

int curl_transport::loop::on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) noexcept {
  try {
    static_cast<loop*>(self)->watch_socket(socket, what);
    return 0;
  } catch (...) {
    return -1;
  }
}

void curl_transport::loop::watch_socket(curl_socket_t socket, int what) {
  auto found = watches_.find(socket);
  if (what == CURL_POLL_REMOVE) {
    if (found == watches_.end()) return;
    found->second->wanted = CURL_POLL_NONE;
    found->second->descriptor.release();  // the socket is libcurl's to close
    watches_.erase(found);
  } else if (!abandoned_) {
    if (found == watches_.end())
      found = watches_.emplace(socket, std::make_shared<watch>(executor, socket)).first;
    found->second->wanted = what;
    const auto one = found->second;
    for (const int direction : {CURL_POLL_IN, CURL_POLL_OUT}) await(one, direction);
  }
}

/// Waits for `direction` of a socket if that is wanted and not done already.
void curl_transport::loop::await(const std::shared_ptr<watch>& one, int direction) {
  if ((one->wanted & direction & ~one->awaited) == 0) return;
  one->awaited |= direction;
  const auto kind = direction == CURL_POLL_IN ? asio::posix::descriptor_base::wait_read
                                              : asio::posix::descriptor_base::wait_write;
  one->descriptor.async_wait(kind, [weak = weak_from_this(), one, direction](const asio::error_code& ec) {
    one->awaited &= ~direction;
    const auto self = weak.lock();
    if (ec || !self || (one->wanted & direction) == 0) return;
    self->act(one->descriptor.native_handle(),
              direction == CURL_POLL_IN ? CURL_CSELECT_IN : CURL_CSELECT_OUT);
    self->await(one, direction);
  });
}

int curl_transport::loop::on_timer(CURLM*, long milliseconds, void* self) noexcept {
  try {
    static_cast<loop*>(self)->set_timer(milliseconds);
    return 0;
  } catch (...) {
    return -1;
  }
}

void curl_transport::loop::set_timer(long milliseconds) {
  if (abandoned_) return;
  timer_.cancel();
  if (milliseconds < 0) return;
  timer_.expires_after(std::chrono::milliseconds(milliseconds));
  timer_.async_wait([weak = weak_from_this()](const asio::error_code& ec) {
    const auto alive = weak.lock();
    if (!ec && alive) alive->act(CURL_SOCKET_TIMEOUT, 0);
  });
}

void curl_transport::loop::act(curl_socket_t socket, int events) {
  int running = 0;
  curl_multi_socket_action(multi_, socket, events, &running);
  int queued = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &queued)) {
    if (message->msg != CURLMSG_DONE) continue;
    transfer* one = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &one);
    one->complete(message->data.result);
  }
}

curl_transport::transfer::transfer(std::shared_ptr<loop> on, const hubcache::http_request& request)
    : loop_(std::move(on)),
      request_(request),
      timeout_(std::clamp<std::chrono::milliseconds>(request.timeout, std::chrono::milliseconds(1),
                                                     std::chrono::hours(24 * 24))),
      wake_(loop_->executor),
      parser_(request.method) {
  if (!easy_) throw std::bad_alloc();
  try {
    configure();
    loop_->add(easy_);
  } catch (...) {
    curl_slist_free_all(fields_);
    curl_easy_cleanup(easy_);
    throw;
  }
  attached_ = true;
}

curl_transport::transfer::~transfer() {
  if (attached_) loop_->abandon();  // only a dying context destroys a coroutine in the middle
  detach();
  curl_slist_free_all(fields_);
  curl_easy_cleanup(easy_);
}

void curl_transport::transfer::detach() {
  if (std::exchange(attached_, false)) loop_->remove(easy_);
}

void curl_transport::transfer::configure() {
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_ERRORBUFFER, message_);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_URL, request_.target.text().c_str());
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_HEADERFUNCTION, &transfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &transfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_PREREQFUNCTION, &transfer::on_connected);
  set(CURLOPT_PREREQDATA, this);
  set(CURLOPT_HTTP_TRANSFER_DECODING, 0L);  // chunk_decoder is stricter, and tells malformed from cut short
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  configure_connection();
  configure_method();
  configure_proxy();
  configure_netrc();
}

void curl_transport::transfer::configure_connection() {
  const auto& options = loop_->options;
  const bool multiplexed = loop_->extra.http2 && request_.target.secure();
  set(CURLOPT_HTTP_VERSION, static_cast<long>(multiplexed ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  set(CURLOPT_PIPEWAIT, multiplexed ? 1L : 0L);  // for the connection that others opened
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeout_.count()));
  const bool reused = options.max_idle_per_origin != 0 && options.idle_expiry.count() > 0;
  set(CURLOPT_FORBID_REUSE, reused ? 0L : 1L);
  if (reused) set(CURLOPT_MAXAGE_CONN, static_cast<long>(options.idle_expiry.count()));
  if (!options.ca_file.empty() || !options.ca_dir.empty()) {
    set(CURLOPT_CAINFO, options.ca_file.empty() ? nullptr : options.ca_file.c_str());
    set(CURLOPT_CAPATH, options.ca_dir.empty() ? nullptr : options.ca_dir.c_str());
  }
}

void curl_transport::transfer::configure_method() {
  const auto& method = request_.method;
  const auto add = [this](const std::string& line) {
    curl_slist* const longer = curl_slist_append(fields_, line.c_str());
    if (!longer) throw std::bad_alloc();
    fields_ = longer;
  };
  // Fields that libcurl would add by itself.
  for (const auto* name : {"Accept", "Content-Type", "Expect"})
    if (!request_.headers.find(name)) add(std::string(name) + ":");
  for (const auto& [name, value] : request_.headers.fields())
    add(value.empty() ? name + ";" : name + ": " + value);
  set(CURLOPT_HTTPHEADER, fields_);

  if (method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (method != "GET") {
    if (method == "POST" || !request_.body.empty()) {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
      set(CURLOPT_POSTFIELDS, request_.body.data());
    }
    set(CURLOPT_CUSTOMREQUEST, method.c_str());
    set(CURLOPT_FRESH_CONNECT, 1L);
  }
}

void curl_transport::transfer::configure_proxy() {
  const auto& settings = loop_->options.proxy;
  const auto& socks = loop_->extra.socks_proxy;
  const auto* const proxy = hubcache::proxy_for(settings, request_.target);
  set(CURLOPT_NOPROXY, "");  // "", here and there: not the environment's
  if (!proxy) return set(CURLOPT_PROXY, "");
  set(CURLOPT_PROXY, (socks.empty() ? proxy->origin() : "socks5h://" + socks).c_str());
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  const auto& credentials = request_.target.secure() ? settings.https_credentials : settings.http_credentials;
  if (credentials.empty()) return;
  const auto& text = credentials.reveal();  // libcurl will decode %XX in both parts
  const auto colon = std::min(text.find(':'), text.size());
  set(CURLOPT_PROXYUSERNAME, hubcache::encode_segment(text.substr(0, colon)).c_str());
  set(CURLOPT_PROXYPASSWORD, hubcache::encode_segment(text.substr(std::min(colon + 1, text.size()))).c_str());
}

void curl_transport::transfer::configure_netrc() {
  const auto& file = loop_->extra.netrc_file;
  const auto& origin = loop_->extra.netrc_origin;
  const auto& target = request_.target;
  if (file.empty() || !origin || !target.same_origin(*origin) || request_.headers.find("Authorization"))
    return;
  if (!target.secure() && !target.is_loopback())
    throw error(errc::refused, "the password in " + file + " would go unencrypted to " + target.host());
  if (!hubcache::os::is_readable(file))
    throw error(errc::invalid_argument, "cannot read the netrc file " + file);
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));
  set(CURLOPT_NETRC_FILE, file.c_str());
}

void curl_transport::transfer::complete(CURLcode result) {
  done_ = true;
  result_ = result;
  wake_.cancel();
}

int curl_transport::transfer::on_connected(void* self, char*, char*, int, int) noexcept {
  auto& owner = *static_cast<transfer*>(self);
  owner.active_ = clock::now();
  owner.connected_ = true;
  owner.wake_.cancel();
  return CURL_PREREQFUNC_OK;
}

std::size_t curl_transport::transfer::on_header(char* line, std::size_t, std::size_t size,
                                                void* self) noexcept {
  auto& owner = *static_cast<transfer*>(self);
  owner.active_ = clock::now();
  auto& parser = owner.parser_;
  if (owner.head_ready()) return size;  // a trailer
  try {
    if (parser.complete()) parser = hubcache::http1::response_parser(owner.request_.method);
    std::string_view text(line, size);
    if (text.starts_with("HTTP/2 ")) {  // libcurl's rendering of a status without a line
      parser.feed("HTTP/1.1 ");
      text.remove_prefix(7);
    }
    parser.feed(text);
  } catch (...) {
    owner.refusal_ = std::current_exception();
    return 0;
  }
  if (owner.head_ready()) owner.wake_.cancel();
  return size;
}

std::size_t curl_transport::transfer::on_body(char* bytes, std::size_t, std::size_t size,
                                              void* self) noexcept {
  auto& owner = *static_cast<transfer*>(self);
  owner.active_ = clock::now();
  if (!owner.staged_.empty() && owner.staged_.size() + size > staging_size) {
    owner.paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  std::string_view rest(bytes, size);
  try {
    if (owner.parser_.body() == hubcache::http1::framing::chunked) {
      while (!rest.empty() && !owner.decoder_.done()) owner.staged_.append(owner.decoder_.next(rest));
    } else {
      owner.staged_.append(rest);
    }
  } catch (...) {
    owner.refusal_ = std::current_exception();
    return 0;
  }
  owner.wake_.cancel();
  return size;
}

asio::awaitable<void> curl_transport::transfer::wait() {
  active_ = clock::now();
  while (!ready()) {
    const auto deadline = connected_ ? active_ + timeout_ : clock::time_point::max();
    if (clock::now() >= deadline)
      throw error(errc::timed_out, "nothing came from " + request_.target.origin());
    asio::error_code ignored;
    wake_.expires_at(deadline);
    co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

asio::awaitable<hubcache::http_response> curl_transport::transfer::run(hubcache::body_sink& sink) {
  using verdict = hubcache::body_sink::verdict;
  hubcache::http_response response;
  co_await wait();
  if (!head_ready() || refusal_) fail();
  begun_ = true;
  response.head = parser_.head();
  const auto chosen = sink.begin(response.head);
  if (chosen == verdict::stop) co_return response;
  for (;;) {
    const auto start = clock::now();
    co_await wait();
    const auto piece = std::exchange(staged_, std::string());
    if (piece.empty()) break;
    meter(piece.size(), clock::now() - start);
    resume();
    response.body_bytes += piece.size();
    if (chosen == verdict::take) {
      co_await hubcache::write_to(sink, piece);
      continue;
    }
    const auto room = request_.body_limit - response.body.size();
    response.body.append(piece, 0, room);
    if (piece.size() > room) co_return response;
  }
  if (result_ != CURLE_OK) fail();
  co_return response;
}

/// libcurl's own limit would count the head, and the time that a sink takes.
void curl_transport::transfer::meter(std::size_t bytes, clock::duration waited) {
  window_bytes_ += bytes;
  window_time_ += waited;
  if (window_time_ < loop_->options.rate_window) return;
  const auto rate = static_cast<double>(window_bytes_) / std::chrono::duration<double>(window_time_).count();
  if (rate < static_cast<double>(request_.minimum_rate))
    throw error(errc::timed_out,
                "the body came from " + request_.target.origin() + " more slowly than at the minimum rate");
  window_bytes_ = 0;
  window_time_ = {};
}

void curl_transport::transfer::resume() {
  if (!std::exchange(paused_, false)) return;
  if (const auto result = curl_easy_pause(easy_, CURLPAUSE_CONT); result != CURLE_OK) complete(result);
}

namespace {

/// Whether a SOCKS proxy did its part, and could not reach the host behind it.
bool behind_socks(CURL* easy) {
  long reply = CURLPX_OK;
  curl_easy_getinfo(easy, CURLINFO_PROXY_ERROR, &reply);
  return reply == CURLPX_REPLY_HOST_UNREACHABLE || reply == CURLPX_REPLY_NETWORK_UNREACHABLE ||
         reply == CURLPX_REPLY_CONNECTION_REFUSED || reply == CURLPX_REPLY_TTL_EXPIRED;
}

}  // namespace

void curl_transport::transfer::fail() const {
  if (refusal_) std::rethrow_exception(refusal_);
  long tunnel_status = 0;
  curl_easy_getinfo(easy_, CURLINFO_HTTP_CONNECTCODE, &tunnel_status);
  const auto reason = [&] {
    if (tunnel_status >= 502 && tunnel_status <= 504) return errc::connection_failed;  // behind the proxy
    if (tunnel_status >= 300) return errc::proxy_failed;
    switch (result_) {
      case CURLE_COULDNT_RESOLVE_HOST:
        return errc::host_not_found;
      case CURLE_COULDNT_CONNECT:
        return errc::connection_failed;
      case CURLE_OPERATION_TIMEDOUT:
        return errc::timed_out;
      case CURLE_COULDNT_RESOLVE_PROXY:
        return errc::proxy_failed;
      case CURLE_PROXY:
        return behind_socks(easy_) ? errc::connection_failed : errc::proxy_failed;
      case CURLE_SSL_CONNECT_ERROR:
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_CACERT_BADFILE:
        return errc::tls_failed;
      case CURLE_PARTIAL_FILE:
      case CURLE_GOT_NOTHING:
      case CURLE_SEND_ERROR:
      case CURLE_HTTP2_STREAM:
        return errc::connection_lost;
      case CURLE_ABORTED_BY_CALLBACK:
        return errc::internal;
      // While a body is paused nothing is received: then it is the chunks that libcurl could not read.
      case CURLE_RECV_ERROR:
        return paused_ ? errc::bad_response : errc::connection_lost;
      default:
        return errc::bad_response;
    }
  }();
  throw error(reason, message_[0] ? message_ : curl_easy_strerror(result_));
}

curl_transport::curl_transport(asio::any_io_executor executor, hubcache::transport_options options,
                               curl_options extra)
    : loop_(std::make_shared<loop>(std::move(executor), std::move(options), std::move(extra))) {}

asio::awaitable<hubcache::http_response> curl_transport::exchange(const hubcache::http_request& request,
                                                                  hubcache::body_sink& sink) {
  return run(loop_, request, sink);  // no coroutine itself: its frame would need this when it begins
}

asio::awaitable<hubcache::http_response> curl_transport::run(std::shared_ptr<loop> on,
                                                             const hubcache::http_request& request,
                                                             hubcache::body_sink& sink) {
  hubcache::error_context where;
  where.url = request.target.redacted();
  try {
    (void)hubcache::http1::format_request(request);  // for its checks: libcurl sends fields as they are
    transfer one(std::move(on), request);
    std::exception_ptr failure;
    hubcache::http_response response;
    try {
      response = co_await one.run(sink);
    } catch (...) {
      failure = std::current_exception();
    }
    one.detach();
    if (failure) std::rethrow_exception(failure);
    co_return response;
  } catch (const error& failure) {
    throw failure.within(where);
  }
}

}  // namespace plugins
