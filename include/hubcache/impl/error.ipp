#pragma once

#include <hubcache/error.hpp>

#include <cerrno>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

struct errc_text {
  std::string_view name;
  std::string_view message;
  std::string_view advice;
};

HUBCACHE_DECL errc_text text_of(errc code) noexcept {
  switch (code) {
    case errc::invalid_argument:
      return {"invalid_argument", "invalid argument", "Correct it and run again."};
    case errc::misuse:
      return {"misuse", "blocking call from the cache's own thread", "Use the async form of the call there."};
    case errc::invalid_mapping:
      return {"invalid_mapping", "malformed cache mapping",
              "The file was left untouched; repair it (an object of sha256 -> path) or name another one."};
    case errc::host_not_found:
      return {"host_not_found", "host not found", "Check the spelling of the endpoint and the network."};
    case errc::connection_failed:
      return {"connection_failed", "connection failed",
              "Check endpoint, proxy and firewall, then run again."};
    case errc::connection_lost:
      return {"connection_lost", "connection lost", "Run again: finished parts are kept and resumed."};
    case errc::timed_out:
      return {"timed_out", "timed out", "Run again (it resumes), or raise HF_HUB_DOWNLOAD_TIMEOUT."};
    case errc::tls_failed:
      return {"tls_failed", "secure connection refused",
              "Check the host name, the clock and the trusted certificates (SSL_CERT_FILE)."};
    case errc::proxy_failed:
      return {"proxy_failed", "proxy failed", "Check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY."};
    case errc::bad_response:
      return {"bad_response", "malformed answer",
              "Check that the endpoint is a Hub and no proxy alters answers."};
    case errc::rate_limited:
      return {"rate_limited", "rate limited", "Wait some minutes, or pass a token for a higher limit."};
    case errc::server_failed:
      return {"server_failed", "server error", "Try again later."};
    case errc::http_failed:
      return {"http_failed", "request failed", "Check the endpoint and the request."};
    case errc::unauthorized:
      return {"unauthorized", "not authorised",
              "Check the repo's name; if it is private, pass a valid token (settings::token, HF_TOKEN)."};
    case errc::gated:
      return {
          "gated", "gated repo",
          "Accept its terms on its page, then pass the token of that account (settings::token, HF_TOKEN)."};
    case errc::forbidden:
      return {"forbidden", "forbidden", "Pass a token that has access."};
    case errc::repo_not_found:
      return {"repo_not_found", "repo not found", "Check its spelling and its type."};
    case errc::revision_not_found:
      return {"revision_not_found", "revision not found", "Check the branch, tag or commit."};
    case errc::file_not_found:
      return {"file_not_found", "file not found", "Check the name: case counts."};
    case errc::malformed_file:
      return {"malformed_file", "malformed file", "Tell its author, or choose another revision."};
    case errc::digest_mismatch:
      return {"digest_mismatch", "content does not match its hash",
              "Nothing was published. If it happens again, the server or a proxy alters the bytes."};
    case errc::size_mismatch:
      return {"size_mismatch", "content has the wrong size",
              "Nothing was published. If it happens again, the server or a proxy alters the bytes."};
    case errc::disk_full:
      return {"disk_full", "disk full",
              "Free some space and run again: finished parts are kept and resumed."};
    case errc::disk_failed:
      return {"disk_failed", "disk error", "Check the file system and run again."};
    case errc::permission_denied:
      return {"permission_denied", "permission denied", "Check owner and mode of the folder."};
    case errc::not_cached:
      return {"not_cached", "not in the cache",
              "Fetch it once while settings::offline (HF_HUB_OFFLINE) is off."};
    case errc::refused:
      return {"refused", "refused", "This is a rule of safety; see the detail."};
    case errc::disallowed:
      return {"disallowed", "not allowed",
              "It is required by HUBCACHE_REQUIRE, or by an option of the call."};
    case errc::lock_mismatch:
      return {"lock_mismatch", "not as the lock file says",
              "Nothing of it is used. If the change is wanted, write the lock file anew."};
    case errc::cancelled:
      return {"cancelled", "cancelled", "Run again to go on where it stopped."};
    case errc::internal:
      break;
  }
  return {"internal", "internal error", "Please report it, with this text."};
}

class category_type final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "hubcache"; }
  [[nodiscard]] std::string message(int value) const override {
    return std::string(text_of(static_cast<errc>(value)).message);
  }
  [[nodiscard]] std::error_condition default_error_condition(int value) const noexcept override {
    switch (static_cast<errc>(value)) {
      case errc::invalid_argument:
      case errc::invalid_mapping:
        return std::errc::invalid_argument;
      case errc::misuse:
        return std::errc::resource_deadlock_would_occur;
      case errc::host_not_found:
        return std::errc::host_unreachable;
      case errc::connection_failed:
        return std::errc::connection_refused;
      case errc::connection_lost:
        return std::errc::connection_reset;
      case errc::timed_out:
        return std::errc::timed_out;
      case errc::bad_response:
        return std::errc::protocol_error;
      case errc::unauthorized:
      case errc::gated:
      case errc::forbidden:
      case errc::permission_denied:
        return std::errc::permission_denied;
      case errc::repo_not_found:
      case errc::revision_not_found:
      case errc::file_not_found:
      case errc::not_cached:
        return std::errc::no_such_file_or_directory;
      case errc::disk_full:
        return std::errc::no_space_on_device;
      case errc::disk_failed:
        return std::errc::io_error;
      case errc::refused:
      case errc::disallowed:
        return std::errc::operation_not_permitted;
      case errc::cancelled:
        return std::errc::operation_canceled;
      default:
        return {value, *this};
    }
  }
};

HUBCACHE_DECL std::string paragraph(errc code, const std::string& detail, const error_context& context) {
  const errc_text words = text_of(code);
  std::string text(words.message);
  if (!detail.empty()) text.append(": ").append(detail);
  while (text.ends_with('.')) text.pop_back();
  std::string where;
  const auto add = [&where](std::string_view label, std::string_view value) {
    if (value.empty()) return;
    where.append(where.empty() ? "" : ", ").append(label).append(" ").append(value);
  };
  add("repo", context.repo);
  add("file", context.file);
  add("URL", context.url);
  if (context.http_status != 0) add("HTTP", std::to_string(context.http_status));
  add("request id", context.request_id);
  if (!where.empty()) text.append(" (").append(where).append(")");
  return text.append(". ").append(words.advice);
}

}  // namespace detail

HUBCACHE_DECL const std::error_category& hubcache_category() noexcept {
  static const detail::category_type category;
  return category;
}

HUBCACHE_DECL std::string_view advice(errc code) noexcept { return detail::text_of(code).advice; }
HUBCACHE_DECL std::string_view to_string(errc code) noexcept { return detail::text_of(code).name; }

HUBCACHE_DECL error::error(errc code, std::string detail, error_context context)
    : std::system_error(make_error_code(code)),
      state_(
          std::make_shared<const state>(state{detail, context, detail::paragraph(code, detail, context)})) {}

HUBCACHE_DECL error error::within(const error_context& more) const {
  error_context merged = context();
  const auto fill = [](std::string& mine, const std::string& theirs) {
    if (mine.empty()) mine = theirs;
  };
  fill(merged.repo, more.repo);
  fill(merged.file, more.file);
  fill(merged.url, more.url);
  fill(merged.request_id, more.request_id);
  if (merged.http_status == 0) merged.http_status = more.http_status;
  return {reason(), detail(), std::move(merged)};
}

HUBCACHE_DECL errc disk_errc(const std::error_code& code) noexcept {
  if (code.category() == hubcache_category()) return static_cast<errc>(code.value());
  if (code == std::errc::no_space_on_device || code == std::error_code(EDQUOT, std::generic_category()) ||
      code == std::error_code(EDQUOT, std::system_category())) {
    return errc::disk_full;
  }
  if (code == std::errc::operation_canceled) return errc::cancelled;
  if (code == std::errc::permission_denied || code == std::errc::operation_not_permitted) {
    return errc::permission_denied;
  }
  return errc::disk_failed;
}

HUBCACHE_DECL void throw_disk_error(const std::error_code& code, std::string_view doing,
                                    const std::string& path) {
  auto text = std::string("cannot ").append(doing).append(": ").append(code.message());
  if (code == std::errc::not_a_directory || code == std::errc::too_many_symbolic_link_levels) {
    text += "; a file, or a symlink where none is followed, stands in the way";
  }
  throw error(disk_errc(code), std::move(text), error_context{}.with_file(path));
}

HUBCACHE_DECL std::shared_ptr<const error> error_of(const std::exception_ptr& ptr) {
  if (!ptr) return nullptr;
  try {
    std::rethrow_exception(ptr);
  } catch (const error& e) {
    return std::make_shared<const error>(e);
  } catch (const std::exception& e) {
    return std::make_shared<const error>(errc::internal, e.what());
  } catch (...) {
    return std::make_shared<const error>(errc::internal, "an exception that is no std::exception");
  }
}

}  // namespace hubcache::inline v0_1
