#pragma once
/// @file
/// What an operation tells while it runs. Events are delivered on the cache's executor, one at a time.

#include <hubcache/config.hpp>
#include <hubcache/link_kind.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace hubcache::inline v0_1 {

namespace events {

/// The plan is made: what is here, what will be linked, what will be fetched (bytes).
struct planned {
  planned() = default;
  std::string repo;
  std::string commit;
  std::size_t files = 0;
  std::uint64_t bytes_present = 0;
  std::uint64_t bytes_to_link = 0;
  std::uint64_t bytes_to_fetch = 0;
};

/// A file's content was linked from `source`.
struct linked {
  linked() = default;
  std::string file;
  std::string source;
  link_kind kind = link_kind::copy;
  std::uint64_t bytes = 0;
};

/// A transfer starts at byte `resumed` of `bytes`.
struct started {
  started() = default;
  std::string file;
  std::uint64_t bytes = 0;
  std::uint64_t resumed = 0;
};

/// `bytes` more of `file` arrived.
struct advanced {
  advanced() = default;
  std::string file;
  std::uint64_t bytes = 0;
};

/// A transfer failed and is tried again after `seconds`; `lost` bytes counted by `advanced` will come again.
struct retried {
  retried() = default;
  std::string file;
  std::string reason;
  double seconds = 0;
  std::uint64_t lost = 0;
};

/// A file's content is verified and published.
struct fetched {
  fetched() = default;
  std::string file;
  std::uint64_t bytes = 0;
};

/// Something the user would want to know, which does not stop the operation. One sentence.
struct warning {
  warning() = default;
  explicit warning(std::string t) : text(std::move(t)) {}
  std::string text;
};

}  // namespace events

using event = std::variant<events::planned, events::linked, events::started, events::advanced,
                           events::retried, events::fetched, events::warning>;

/// A non-owning reference to a callable `void(const event&)`. The callable must outlive the operation, be quick
/// and not throw. Taken from an lvalue only: a temporary would dangle in a coroutine.
class observer_ref {
 public:
  observer_ref() noexcept = default;  ///< Ignores every event.

  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, observer_ref> && std::is_invocable_v<F&, const event&>)
      observer_ref(F& observer)
  noexcept  // NOLINT: a reference wrapper
      : self_(const_cast<void*>(static_cast<const void*>(std::addressof(observer)))),
        call_([](void* self, const event& e) { (*static_cast<F*>(self))(e); }) {}

  void operator()(const event& e) const {
    if (call_ != nullptr) call_(self_, e);
  }
  /// Whether anybody observes.
  [[nodiscard]] explicit operator bool() const noexcept { return call_ != nullptr; }

 private:
  void* self_ = nullptr;
  void (*call_)(void*, const event&) = nullptr;
};

}  // namespace hubcache::inline v0_1
