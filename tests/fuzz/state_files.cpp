#include <hubcache/repo.hpp>
#include <hubcache/store/folders.hpp>
#include <hubcache/store/hub_layout.hpp>
#include <hubcache/store/ledger.hpp>
#include <hubcache/store/local_layout.hpp>

#include <string>

#include "require.hpp"
#include "support/temp_folder.hpp"

// The bytes as each of the small files that caches and their state consist of: a ref, the list of folders, a pin, the
// record of a file in a local folder. What is read of them is well-formed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  static const test::temp_folder folder;
  static const std::string file = folder.write("local/a.bin", "");
  const auto text = fuzz::as_text(data, size);

  const hub_layout cache(folder / "hub", repo("o/n"));
  folder.write("hub/" + repo("o/n").folder() + "/refs/main", text);
  const auto commit = read_ref(cache, "main");
  fuzz::require(!commit || is_commit(*commit));

  folder.write("state/folders", text);
  for (const auto& one : read_folders(folder / "state")) {
    fuzz::require(one.starts_with('/') && one.find_first_of(std::string_view("\n\0", 2)) == one.npos);
  }

  folder.write("state/pins/one.json", text);
  const auto pins = ledger(folder / "state").pins(folder / "hub");
  fuzz::require(pins.pins.size() + pins.problems.size() <= 1);
  for (const auto& pin : pins.pins) fuzz::require(pin.repo.find('/') != pin.repo.npos);

  const local_layout local(folder / "local");
  folder.write("local/.cache/huggingface/download/a.bin.metadata", text);
  const auto record = read_metadata(local, folder / "local", "a.bin");
  fuzz::require(!record || record->commit.size() + record->etag.size() + 2 <= size);
  return 0;
}
