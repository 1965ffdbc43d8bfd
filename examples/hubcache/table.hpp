#pragma once
/// @file
/// Tables as `hf` prints them: a header, dashes, rows; columns padded with blanks.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace command {

class table {
 public:
  enum class align : unsigned char { left, right };
  struct column {
    std::string_view title;
    align side = align::left;
  };
  explicit table(std::vector<column> columns);

  /// One cell per column; control characters are replaced.
  void add(std::vector<std::string> cells);
  /// The lines, each ended; no blanks at their ends.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<column> columns_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> rows_;
};

/// "1 file", "2 files".
[[nodiscard]] std::string counted(std::size_t count, std::string_view noun);

}  // namespace command
