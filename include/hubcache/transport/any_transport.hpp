#pragma once
/// @file
/// Any transport, owned: for programs that choose one at run time.
///
///   using any_cache = hubcache::basic_cache<hubcache::any_transport, hubcache::default_hashes,
///                                           hubcache::default_link, hubcache::mapped_index>;
///   auto network = use_curl ? hubcache::any_transport(plugins::curl_transport(executor))
///                           : hubcache::any_transport(hubcache::https_transport(executor));
///   any_cache cache(executor, pool, settings, std::move(network));

#include <hubcache/transport/transport.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace hubcache::inline v0_1 {

/// Owns some model of `transport`, itself one: one allocation when it is made, one indirect call per exchange.
///
/// Never empty but after a move, when it is good for assignment and destruction only. Thread safety, lifetime
/// and what an exchange does are the model's.
class any_transport {
 public:
  /// Takes a model over.
  template <class T>
  requires(!std::is_same_v<T, any_transport> && transport<T>) explicit any_transport(T model)
      : any_transport(std::in_place_type<T>, std::move(model)) {}
  /// Makes a model in its place, where it stays: for those that cannot be moved.
  template <transport T, class... Arguments>
  explicit any_transport(std::in_place_type_t<T>, Arguments&&... arguments)
      : self_(std::make_unique<model_of<T>>(std::forward<Arguments>(arguments)...)) {}

  /// As transport says.
  [[nodiscard]] asio::awaitable<http_response> exchange(const http_request& request, body_sink& sink) {
    return self_->exchange(request, sink);
  }

 private:
  struct interface {
    interface() = default;
    interface(const interface&) = delete;
    interface& operator=(const interface&) = delete;
    virtual ~interface() = default;
    virtual asio::awaitable<http_response> exchange(const http_request& request, body_sink& sink) = 0;
  };
  template <class T>
  struct model_of final : interface {
    template <class... Arguments>
    explicit model_of(Arguments&&... arguments) : model(std::forward<Arguments>(arguments)...) {}
    asio::awaitable<http_response> exchange(const http_request& request, body_sink& sink) override {
      return model.exchange(request, sink);
    }
    T model;
  };

  std::unique_ptr<interface> self_;
};
static_assert(transport<any_transport>);

}  // namespace hubcache::inline v0_1
