#include "support/hub/site_files.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace embedded {
namespace {

namespace fs = std::filesystem;

std::ofstream created(const fs::path& path) {
  fs::create_directories(path.parent_path());
  std::ofstream out;
  out.exceptions(std::ios::failbit | std::ios::badbit);
  out.open(path, std::ios::binary);
  return out;
}

void write_content(const fs::path& path, const file_content& content) {
  if (fs::exists(path)) return;
  auto out = created(path);
  std::vector<char> block(std::size_t{1} << 18U);
  for (std::uint64_t at = 0; at < content.size(); at += block.size()) {
    const std::span part(
        block.data(), static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), content.size() - at)));
    content.read(at, part);
    out.write(part.data(), static_cast<std::streamsize>(part.size()));
  }
}

class site_writer {
 public:
  explicit site_writer(const fs::path& folder)
      : folder_(folder),
        etags_(created(folder / "tables/etags")),
        contents_(created(folder / "tables/contents")),
        sizes_(created(folder / "tables/sizes")),
        branches_(created(folder / "tables/branches")),
        repos_(created(folder / "repos")) {}

  void write(const repo_model& repo) {
    const commit_model& tip = *repo.find("main");
    const std::string resolve = '/' + repo.id + "/resolve/";
    auto manifest = created(folder_ / "manifests" / repo.id);
    for (const auto& [path, file] : tip.files) {
      write_file(resolve + tip.id + '/' + path, file);
      manifest << file.content.sha256() << "  " << path << '\n';
    }
    branches_ << "rewrite ^" << resolve << "main/(.*)$ " << resolve << tip.id << "/$1;\n";
    repos_ << repo.id << ' ' << tip.id << ' ' << tip.files.size() << ' ' << total_bytes(tip.files) << '\n';
  }

 private:
  void write_file(const std::string& uri, const repo_file& file) {
    etags_ << '"' << uri << "\" \"" << file.etag() << "\";\n";
    if (!file.lfs) return write_content(folder_ / ("files" + uri), file.content);
    const std::string& name = file.content.xet_hash();
    contents_ << '"' << uri << "\" \"" << name << "\";\n";
    sizes_ << '"' << uri << "\" \"" << file.content.size() << "\";\n";
    write_content(folder_ / "files/cdn" / name, file.content);
  }

  fs::path folder_;
  std::ofstream etags_, contents_, sizes_, branches_, repos_;
};

}  // namespace

void write_site_files(const std::string& folder, const std::vector<repo_model>& repos) {
  site_writer writer(folder);
  for (const repo_model& repo : repos) writer.write(repo);
}

}  // namespace embedded
