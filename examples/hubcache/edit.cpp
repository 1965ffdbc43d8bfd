#include "edit.hpp"

#include <hubcache/link/first_of.hpp>
#include <hubcache/store/edit.hpp>

#include <string>

#include "json_object.hpp"

namespace command {

namespace {

struct edit_arguments {
  std::string path;
  bool json = false;
  bool quiet = false;
};

void declare(CLI::App& app, edit_arguments& into) {
  app.add_option("PATH", into.path, "A file of a snapshot, or of a folder that was downloaded into")
      ->required();
  declare_output(app, into.json, into.quiet);
  app.footer(
      "The file gets bytes of its own under the same name (by reflink where that is possible) and may be "
      "edited. Nothing else that shows the same content changes. Later downloads of the snapshot keep the "
      "file, "
      "unless forced; a download into a local folder brings the Hub's file back.\n\n"
      "Examples:\n"
      "  hubcache edit \"$(hubcache download acme/llm-7b config.json -q)\"");
}

exit_code run(const edit_arguments& typed, console& display) {
  const hubcache::default_link links;
  const auto made = hubcache::make_private(typed.path, links);
  if (typed.json) {
    json_object out;
    out.text("path", made.path)
        .text_or_null("source", made.source)
        .text_or_null("link", made.link ? to_string(*made.link) : "")
        .boolean("was_private", !made.link.has_value());
    print(std::move(out).close() + "\n");
    return exit_code::ok;
  }
  if (made.link) {
    display.success("the file is yours to edit now: a " + std::string(to_string(*made.link)) + " of " +
                    made.source);
  } else {
    display.success("the file was yours to edit already");
  }
  print(made.path + "\n");
  return exit_code::ok;
}

}  // namespace

void declare_edit(CLI::App& app, invocation& chosen) {
  add_subcommand<edit_arguments>(app, "edit", "Give a file of a snapshot bytes of its own, to edit it",
                                 chosen, declare, run);
}

}  // namespace command
