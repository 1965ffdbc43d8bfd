#include "table.hpp"

#include <algorithm>
#include <utility>

#include "progress.hpp"

namespace command {

table::table(std::vector<column> columns) : columns_(std::move(columns)) {
  for (const auto& c : columns_) widths_.push_back(c.title.size());
}

void table::add(std::vector<std::string> cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    cells[i] = sanitised(cells[i]);
    widths_[i] = std::max(widths_[i], columns_of(cells[i]));
  }
  rows_.push_back(std::move(cells));
}

std::string table::text() const {
  std::string out;
  const auto line = [&](auto cell) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string text = cell(i);
      const std::string pad(widths_[i] - columns_of(text), ' ');
      if (i > 0) out += ' ';
      out += columns_[i].side == align::right ? pad + text : text + pad;
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  };
  line([this](std::size_t i) { return std::string(columns_[i].title); });
  line([this](std::size_t i) { return std::string(widths_[i], '-'); });
  for (const auto& row : rows_) line([&row](std::size_t i) { return row[i]; });
  return out;
}

std::string counted(std::size_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

}  // namespace command
