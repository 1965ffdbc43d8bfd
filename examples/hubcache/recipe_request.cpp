#include "recipe_request.hpp"

#include <hubcache/recipe.hpp>
#include <hubcache/store/environment.hpp>

#include <utility>

namespace command {

void declare_recipe(CLI::App& app, recipe_arguments& into) {
  app.add_option("FILE", into.file, "The recipe")->required();
  declare_source(app, into);
}

recipe_request request_of(const recipe_arguments& typed) {
  recipe_request result;
  result.what = hubcache::read_recipe(typed.file);
  // What is typed holds for every repo as for the download of one.
  download_arguments one = typed;
  one.repo = result.what.roles.front().repo.id();
  auto common = request_of(one, hubcache::environment_settings());
  result.options = std::move(common.options);
  result.config = std::move(common.config);
  return result;
}

hubcache::bundle_plan plan_of(const recipe_request& request, const std::optional<hubcache::lock_file>& lock,
                              working_cache& with) {
  return with.here.run<hubcache::bundle_plan>([&](auto handler) {
    with.cache.async_plan_recipe(request.what, request.options, lock, std::move(handler));
  });
}

}  // namespace command
