#pragma once
/// @file
/// What an operation tells while it runs. Events are delivered on the cache's executor, one at a time. The order:
///
/// 1. the plan's warnings;
/// 2. `planned`, before anything is linked or fetched: the totals are known from here on. A run of several repos
///    (bundles, pipelines) tells it once for each, when its turn comes; the totals of all are those of the plan;
/// 3. for each content that is not here yet, those of several contents in between each other: `linked`; or `started`,
///    then `advanced` and `retried` any number of times, then `fetched`. What was to be linked is fetched if the link
///    does not hold any more, and what was to be fetched is linked if another process brings it meanwhile;
/// 4. warnings at any time. The end is told by the call itself.
///
/// A file's bytes here: `started::resumed`, plus each `advanced::bytes`, minus each `retried::lost`; so a bar is
///
///     auto bar = [total = 0.0, here = 0.0](const hubcache::event& e) mutable {
///       using namespace hubcache::events;
///       if (const auto* p = std::get_if<planned>(&e)) total += static_cast<double>(p->bytes_to_fetch);
///       if (const auto* s = std::get_if<started>(&e)) here += static_cast<double>(s->resumed);
///       if (const auto* a = std::get_if<advanced>(&e)) here += static_cast<double>(a->bytes);
///       if (const auto* r = std::get_if<retried>(&e)) here -= static_cast<double>(r->lost);
///       std::cerr << '\r' << 100 * here / std::max(total, 1.0) << " % ";
///     };
///     cache.snapshot("acme/llm", hubcache::snapshot_options(), bar);

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

/// What the run of one repo will do.
struct planned {
  planned() = default;
  std::string repo;                  ///< repo::display().
  std::string commit;                ///< 40 hex.
  std::size_t files = 0;             ///< Of the snapshot.
  std::uint64_t bytes_present = 0;   ///< Of contents that are here already; each content counts once.
  std::uint64_t bytes_to_link = 0;   ///< Of those that lie elsewhere on this machine.
  std::uint64_t bytes_to_fetch = 0;  ///< Of the others.

  friend bool operator==(const planned&, const planned&) = default;
};

/// A content was linked from another place of this machine.
struct linked {
  linked() = default;
  std::string file;                  ///< Path in the repo: the first that has the content.
  std::string source;                ///< Absolute path.
  link_kind kind = link_kind::copy;  ///< How.
  std::uint64_t bytes = 0;           ///< Size of the content.

  friend bool operator==(const linked&, const linked&) = default;
};

/// A transfer starts.
struct started {
  started() = default;
  std::string file;           ///< Path in the repo: the first that has the content.
  std::uint64_t bytes = 0;    ///< Size of the content.
  std::uint64_t resumed = 0;  ///< Bytes of it that an earlier run left here.

  friend bool operator==(const started&, const started&) = default;
};

/// More of a file arrived.
struct advanced {
  advanced() = default;
  std::string file;         ///< As of `started`.
  std::uint64_t bytes = 0;  ///< That many more.

  friend bool operator==(const advanced&, const advanced&) = default;
};

/// A transfer failed and is tried again.
struct retried {
  retried() = default;
  std::string file;        ///< As of `started`.
  std::string reason;      ///< Name of the errc, or "range_ignored": the server sends all of it again.
  double seconds = 0;      ///< Until then.
  std::uint64_t lost = 0;  ///< Bytes told by `started` and `advanced` that will come again.

  friend bool operator==(const retried&, const retried&) = default;
};

/// A file's content is verified and published.
struct fetched {
  fetched() = default;
  std::string file;         ///< As of `started`.
  std::uint64_t bytes = 0;  ///< Size of the content.

  friend bool operator==(const fetched&, const fetched&) = default;
};

/// Something the user would want to know, which does not stop the operation.
struct warning {
  warning() = default;
  /// Sets text.
  explicit warning(std::string t) : text(std::move(t)) {}
  std::string text;  ///< For people; without secrets.

  friend bool operator==(const warning&, const warning&) = default;
};

}  // namespace events

/// Any of them.
using event = std::variant<events::planned, events::linked, events::started, events::advanced,
                           events::retried, events::fetched, events::warning>;

/// A non-owning reference to a callable `void(const event&)`. The callable must outlive the operation, be quick
/// and not throw. Taken from an lvalue only: a temporary would dangle in a coroutine.
class observer_ref {
 public:
  observer_ref() noexcept = default;  ///< Ignores every event.

  /// Refers to `observer`.
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, observer_ref> && std::is_invocable_v<F&, const event&>)
      observer_ref(F& observer)
  noexcept  // NOLINT: a reference wrapper
      : self_(const_cast<void*>(static_cast<const void*>(std::addressof(observer)))),
        call_([](void* self, const event& e) { (*static_cast<F*>(self))(e); }) {}

  /// Calls the callable, if there is one.
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
