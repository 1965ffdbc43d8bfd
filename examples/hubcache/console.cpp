#include "console.hpp"

#include <algorithm>
#include <cctype>
#include <sys/ioctl.h>
#include <unistd.h>

namespace command {

namespace {

constexpr std::string_view red = "\x1b[31m";
constexpr std::string_view yellow = "\x1b[33m";
constexpr std::string_view green = "\x1b[32m";
constexpr std::string_view plain = "\x1b[0m";

/// In one write, so that a frame is never torn. Who cannot be told on stderr cannot be told at all.
void write_to_stderr(std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

screen_size screen_of_stderr() {
  screen_size result;
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    result.columns = size.ws_col;
    result.rows = size.ws_row;
  }
  return result;
}

/// `text` without what a terminal obeys. Lines after the first are indented: none can pass for a message of its own.
std::string shown(std::string_view text) {
  std::string result;
  for (auto end = text.find('\n'); end != text.npos; end = text.find('\n')) {
    result += sanitised(text.substr(0, end)) + "\n  ";
    text.remove_prefix(end + 1);
  }
  return result + sanitised(text);
}

/// huggingface_hub's rule for booleans.
bool is_true(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text == "1" || text == "ON" || text == "YES" || text == "TRUE";
}

}  // namespace

console_style style_for(bool terminal, bool quiet, const hubcache::variable_lookup& variable) {
  const bool capable = terminal && variable("TERM").value_or("dumb") != "dumb";
  console_style style;
  style.quiet = quiet;
  style.colour = capable && !variable("NO_COLOR");
  if (quiet || is_true(variable("HF_HUB_DISABLE_PROGRESS_BARS").value_or(""))) {
    style.progress = console_style::progress_form::none;
  } else if (capable) {
    style.progress = console_style::progress_form::live;
  }
  return style;
}

std::string frame(const std::vector<std::string>& lines, std::size_t previous) {
  std::string text = "\r";
  if (previous > 0) text += "\x1b[" + std::to_string(previous) + "A";
  text += "\x1b[?7l";  // a line that is wider than we think must not wrap: the next frame would miss it
  for (const auto& line : lines) text += line + "\x1b[K\n";
  return text + "\x1b[J\x1b[?7h";
}

void console::operator()(const hubcache::event& news) {
  progress_.apply(news, std::chrono::steady_clock::now());
  if (const auto* warned = std::get_if<hubcache::events::warning>(&news)) {
    warning(warned->text);
    return;
  }
  const bool retry = std::holds_alternative<hubcache::events::retried>(news);
  if (style_.progress == console_style::progress_form::none || (live() && !retry)) return;
  if (const auto line = plain_line(news)) say("", "", *line);
}

void console::draw() {
  const auto lines = progress_.lines(std::chrono::steady_clock::now(), screen_of_stderr());
  if (lines.empty() && drawn_ == 0) return;
  write_to_stderr(frame(lines, drawn_));
  drawn_ = lines.size();
}

void console::erase() {
  if (drawn_ == 0) return;
  write_to_stderr(frame({}, drawn_));
  drawn_ = 0;
}

void console::note(std::string_view text) {
  if (!style_.quiet) say("", "", text);
}
void console::success(std::string_view text) {
  if (!style_.quiet) say("✓ ", green, text);
}
void console::warning(std::string_view text) {
  if (!style_.quiet) say("warning: ", yellow, text);
}
void console::hint(std::string_view text) {
  if (!style_.quiet) say("hint: ", yellow, text);
}
void console::error(std::string_view text) { say("error: ", red, text); }

void console::say(std::string_view label, std::string_view colour, std::string_view text) {
  erase();
  std::string line;
  if (style_.colour && !label.empty()) {
    line.append(colour).append(label).append(plain);
  } else {
    line += label;
  }
  line += shown(text);
  write_to_stderr(line + "\n");
}

}  // namespace command
