#pragma once
/// @file
/// What a repo's weight files hold, by their headers alone, and what it would cost to have them.

#include <hubcache/digest.hpp>
#include <hubcache/format/safetensors_index.hpp>
#include <hubcache/format/weights.hpp>
#include <hubcache/plan/plan.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// One file of the repo.
struct inspected_file {
  inspected_file() = default;

  std::string path;  ///< In the repo.
  content what;      ///< Its content.
  /// What having it would take; of several files with the same content the first tells.
  file_action action = file_action::fetched;
  std::string format;                ///< "safetensors", "gguf" or "index"; empty: nothing of it was read.
  std::vector<tensor_info> tensors;  ///< In the order of their bytes.
  /// The format's own; printable(), of each value its first 200 code points, arrays of GGUF as "[string x 151936]".
  std::vector<std::pair<std::string, std::string>> metadata;
  std::uint64_t parameters = 0;    ///< Of its tensors.
  std::uint64_t header_bytes = 0;  ///< That were read of it.
  std::string problem;             ///< Why its header tells nothing, or what is wrong with it; one sentence.

  friend bool operator==(const inspected_file&, const inspected_file&) = default;
};
static_assert(!std::is_aggregate_v<inspected_file>);

/// The files of one folder: a component of a pipeline, or the root.
struct inspected_folder {
  inspected_folder() = default;

  std::string name;  ///< The first segment of its files' paths; empty: the root.
  std::size_t files = 0;             ///< Their number.
  std::uint64_t bytes = 0;           ///< Sum of their sizes.
  std::uint64_t bytes_to_fetch = 0;  ///< Of contents that are nowhere on this machine.
  std::uint64_t parameters = 0;  ///< Tensors of equal name and shape count once.

  friend bool operator==(const inspected_folder&, const inspected_folder&) = default;
};
static_assert(!std::is_aggregate_v<inspected_folder>);

/// What inspect() found in a repo.
struct inspected_repo {
  inspected_repo() = default;

  plan what;                              ///< Of the chosen files: never run.
  std::vector<inspected_file> files;      ///< In the listing's order.
  std::vector<inspected_folder> folders;  ///< Sorted by name.
  /// Of all tensors. Those of equal name and shape in one folder are variants of each other (fp16 beside fp32) and
  /// count once; those of GGUF files do in the whole repo, as every quantisation may have a folder of its own.
  std::uint64_t parameters = 0;

  /// The file of that path, or nullptr. O(log n).
  [[nodiscard]] HUBCACHE_DECL const inspected_file* find(std::string_view path) const noexcept;

  friend bool operator==(const inspected_repo&, const inspected_repo&) = default;
};
static_assert(!std::is_aggregate_v<inspected_repo>);

/// What two repos have in common.
struct comparison {
  comparison() = default;

  /// Files of A whose content B has, too, each with its path in B: the same if that file is equal, else the first.
  std::vector<std::pair<std::string, std::string>> files;
  std::uint64_t bytes_shared = 0;  ///< Of contents that both have; each once.
  std::uint64_t bytes_only_a = 0;  ///< Of contents that A alone has.
  std::uint64_t bytes_only_b = 0;  ///< Of contents that B alone has.

  std::vector<std::string> tensors_shared;  ///< Those with equal type and shape in both: FOLDER/NAME; sorted.
  std::vector<std::string> tensors_differ;  ///< Those in both, of other type or shape.
  std::uint64_t tensors_only_a = 0;         ///< Tensors that A alone has.
  std::uint64_t tensors_only_b = 0;         ///< Tensors that B alone has.

  friend bool operator==(const comparison&, const comparison&) = default;
};
static_assert(!std::is_aggregate_v<comparison>);

/// Compares by content and by tensors; a tensor is known by its file's folder (the first segment of its path; for GGUF
/// the whole repo) and its name. What has several variants is shared if any of them is. O(n log n).
[[nodiscard]] HUBCACHE_DECL comparison compare(const inspected_repo& a, const inspected_repo& b);

namespace detail {

/// The files of `what`, with nothing read.
[[nodiscard]] HUBCACHE_DECL inspected_repo begin_inspection(plan what);

/// How many of a file's first bytes to read first, by its name: as many as most headers of its format have. 0: its name
/// promises no header that is read.
[[nodiscard]] HUBCACHE_DECL std::uint64_t first_read(std::string_view path) noexcept;

/// Reads the header of `file`, whose path and content are set, from its first bytes. Fills format, and then either
/// tensors, metadata and parameters, or the problem. O(n log n) in the header.
/// @return how many first bytes are needed instead, twice as many as there were or more; 0 if there is no more to learn
/// @pre first_read(file.path) > 0
[[nodiscard]] HUBCACHE_DECL std::uint64_t read_header(inspected_file& file, byte_view first_bytes);

/// Whether `path` names the index of split safetensors, of a variant or not.
[[nodiscard]] HUBCACHE_DECL bool is_safetensors_index(std::string_view path) noexcept;

/// The names of files' tensors, sorted once; by path.
using sorted_names = std::map<std::string, std::vector<std::string_view>, std::less<>>;

/// Notes in `file`, which is one of `in`, what its index tells, and as its problem the first file or tensor in it that
/// does not exist. Files that are not of the inspection, or have a problem of their own, are not judged. O(n log n).
/// @param names what the indexes before asked for: of `in`, whose tensors it refers to
/// @param stop  asked between files: then the rest is not judged
HUBCACHE_DECL void note_index(inspected_file& file, const safetensors_index& index, const inspected_repo& in,
                              sorted_names& names, const std::stop_token& stop);

/// Fills folders and parameters. O(n log n) in the tensors.
HUBCACHE_DECL void sum_up(inspected_repo& draft);

}  // namespace detail

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/plan_inspected.ipp>
#endif
