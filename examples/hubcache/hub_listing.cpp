#include "hub_listing.hpp"

#include <hubcache/error.hpp>
#include <hubcache/source/hub_source.hpp>
#include <hubcache/transport/https.hpp>

#include <asio/co_spawn.hpp>
#include <asio/error.hpp>

#include <exception>
#include <system_error>
#include <utility>

namespace command {

namespace {

asio::awaitable<hubcache::listing> listing_of(hubcache::hub_source& hub, hubcache::repo which,
                                              std::string revision) {
  try {
    if (!hubcache::is_commit(revision)) revision = (co_await hub.info(which, revision)).commit;
    co_return co_await hub.tree(which, revision);
  } catch (const hubcache::error& e) {
    hubcache::error_context context;
    context.repo = which.display();
    throw e.within(context);
  } catch (const std::system_error& e) {
    if (e.code() == asio::error::operation_aborted) throw hubcache::error(hubcache::errc::cancelled, "");
    throw;
  }
}

}  // namespace

hubcache::listing ask_listing(foreground& here, const hubcache::settings& config, const hubcache::repo& which,
                              const std::string& revision) {
  hubcache::transport_options options;
  options.proxy = config.proxy;
  options.ca_file = config.ca_file;
  options.ca_dir = config.ca_dir;
  hubcache::https_transport transport(here.executor(), options);
  hubcache::hub_source hub(config, transport, {});
  return here.run<hubcache::listing>([&](auto handler) {
    asio::co_spawn(here.executor(), listing_of(hub, which, revision), std::move(handler));
  });
}

}  // namespace command
