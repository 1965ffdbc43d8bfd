#include "reflink_only.hpp"

namespace plugins {

namespace {

class refusals final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "reflink_only"; }
  [[nodiscard]] std::string message(int why) const override {
    if (why == static_cast<int>(reflink_refusal::not_wanted)) {
      return "only reflinks are made here, and a link of another kind was asked for";
    }
    return "only reflinks are made here, and there are none between these folders; "
           "put both on one Btrfs, or on one XFS made with reflink=1";
  }
  [[nodiscard]] std::error_condition default_error_condition(int) const noexcept override {
    return std::errc::operation_not_supported;
  }
};

}  // namespace

std::error_code make_error_code(reflink_refusal why) noexcept {
  static const refusals category;
  return {static_cast<int>(why), category};
}

hubcache::link_report reflink_only::link(const hubcache::opened_file& have, const hubcache::link_target& want,
                                         hubcache::link_kinds kinds, std::error_code& ec) const {
  if (!kinds.contains(hubcache::link_kind::reflink)) {
    ec = reflink_refusal::not_wanted;
    return {};
  }
  auto report = ladder_.link(have, want, kinds, ec);
  if (ec && hubcache::classify(ec) == hubcache::link_failure::capability)
    ec = reflink_refusal::impossible_here;
  return report;
}

}  // namespace plugins
