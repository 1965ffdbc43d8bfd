#pragma once
/// @file
/// What people see on stderr while the command runs.

#include <hubcache/error.hpp>
#include <hubcache/event.hpp>
#include <hubcache/store/environment.hpp>

#include <string>
#include <string_view>

#include "progress.hpp"

namespace command {

/// What stderr can show, and what the user wants to see there.
struct console_style {
  enum class progress_form : unsigned char {
    none,
    lines,  ///< One line per finished, linked or retried file.
    live,   ///< Redrawn in place.
  };
  progress_form progress = progress_form::lines;
  bool colour = false;
  bool quiet = false;  ///< Nothing but errors.
};

/// The style for a stderr that is a `terminal` or is none; reads TERM, NO_COLOR,
/// HF_HUB_DISABLE_PROGRESS_BARS.
[[nodiscard]] console_style style_for(bool terminal, bool quiet, const hubcache::variable_lookup& variable);

/// Escape sequences that replace `previous` lines above the cursor by `lines`.
[[nodiscard]] std::string frame(const std::vector<std::string>& lines, std::size_t previous);

/// An observer of downloads. All text from outside passes a filter for control characters.
class console {
 public:
  explicit console(console_style style) : style_(style) {}

  void operator()(const hubcache::event& news);

  [[nodiscard]] bool live() const noexcept { return style_.progress == console_style::progress_form::live; }
  [[nodiscard]] bool lines() const noexcept { return style_.progress == console_style::progress_form::lines; }
  /// Draws the live display anew. @pre live()
  void draw();
  /// Takes the live display away.
  void erase();

  /// A line without a label.
  void note(std::string_view text);
  void success(std::string_view text);
  void warning(std::string_view text);
  void hint(std::string_view text);
  /// Shown even if quiet.
  void error(std::string_view text);

 private:
  void say(std::string_view label, std::string_view colour, std::string_view text);

  console_style style_;
  progress progress_;
  std::size_t drawn_ = 0;  ///< Lines of the live display on the screen.
};

}  // namespace command
