#pragma once
/// @file
/// The result of a verification as text.

#include <hubcache/upkeep/quarantine.hpp>
#include <hubcache/upkeep/verify.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace command {

/// All that a verification, and what followed from it, has brought.
struct verify_result {
  hubcache::verification files;
  hubcache::quarantine_plan moved;                ///< Planned only, if `dry_run`.
  std::vector<hubcache::snapshot_files> fetched;  ///< Likewise.
  std::size_t remaining = 0;                      ///< Findings that are not in order in the end.
  bool absent_fails = false;
  bool extra_fails = false;
  bool dry_run = false;

  /// Whether a verdict is worth a line.
  [[nodiscard]] bool tells(hubcache::verdict outcome) const noexcept;
  /// Whether it is no success.
  [[nodiscard]] bool fails(hubcache::verdict outcome) const noexcept;
};

/// One object on one line.
[[nodiscard]] std::string json_of(const hubcache::checked_file& file);
/// One line: "corrupt: model/acme/tiny model.bin: it holds 1234 (PATH)".
[[nodiscard]] std::string line_of(const hubcache::checked_file& file);
/// "Verified 12 files, 3.4G; 1 corrupt, 2 edited".
[[nodiscard]] std::string summary_of(const verify_result& result);
/// One object on one line; `findings` are all files that are not ok.
[[nodiscard]] std::string json_of(const verify_result& result);

}  // namespace command
