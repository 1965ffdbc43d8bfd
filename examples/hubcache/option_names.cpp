#include "option_names.hpp"

#include <algorithm>

namespace command {

option_list positionals_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

std::vector<std::pair<std::string, option_list>> option_groups_of(const CLI::App& app) {
  std::vector<std::pair<std::string, option_list>> groups;
  for (const auto* option : app.get_options({})) {
    if (!option->nonpositional() || option == app.get_help_ptr()) continue;
    const auto same = [option](const auto& group) { return group.first == option->get_group(); };
    auto group = std::find_if(groups.begin(), groups.end(), same);
    if (group == groups.end()) group = groups.emplace(groups.end(), option->get_group(), option_list());
    group->second.push_back(option);
  }
  if (app.get_help_ptr() != nullptr) {
    if (groups.empty()) groups.emplace_back("Options", option_list());
    groups.back().second.push_back(app.get_help_ptr());
  }
  return groups;
}

std::vector<const CLI::App*> subcommands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); });
}

std::vector<std::string> option_names_of(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const auto& name : option.get_snames()) names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

std::string value_of(const CLI::Option& option) {
  return option.get_items_expected_max() == 0 ? std::string() : option.get_type_name();
}

std::string description_of(const CLI::Option& option) {
  const auto standard = option.get_default_str();
  return option.get_description() + (standard.empty() ? "" : " (default: " + standard + ")");
}

std::string usage_of(const CLI::Option& positional) {
  const bool several = positional.get_expected_max() >= CLI::detail::expected_max_vector_size;
  const auto name = positional.get_name(true) + (several ? "..." : "");
  return positional.get_required() ? name : "[" + name + "]";
}

std::string full_name_of(const CLI::App& app) {
  return (app.get_parent() == nullptr ? "" : full_name_of(*app.get_parent()) + " ") + app.get_name();
}

}  // namespace command
