#pragma once
/// @file
/// Repos as files and tables from which another web server can answer as the Hub and its CDN do.

#include <string>
#include <vector>

#include "support/hub/repo_model.hpp"

namespace embedded {

/// Writes the main branch of each repo into `folder`, which has to be new:
///
/// - `files/OWNER/NAME/resolve/COMMIT/PATH`  regular files;
/// - `files/cdn/NAME`                        LFS files, each content once, however many repos have it;
/// - `tables/etags|contents|sizes`           `"URI" "VALUE";` for each file of LFS (etags: of all), as nginx's `map` reads it;
/// - `tables/branches`                       nginx's `rewrite` of branch main to its commit;
/// - `manifests/OWNER/NAME`                  what `sha256sum --check` reads;
/// - `repos`                                 lines of id, commit, number of files, bytes.
///
/// @throws std::filesystem::filesystem_error, std::ios_base::failure
void write_site_files(const std::string& folder, const std::vector<repo_model>& repos);

}  // namespace embedded
