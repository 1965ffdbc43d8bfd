#pragma once
/// @file
/// What the phases of one run share.

#include <hubcache/plan/plan.hpp>
#include <hubcache/services.hpp>
#include <hubcache/source/hub_source.hpp>
#include <hubcache/store/destination.hpp>
#include <hubcache/work/digest_queue.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1::detail {

/// What has become of one step so far.
struct step_state {
  placed_content placed;
  int waits = 0;            ///< How often somebody else was moving the content.
  bool unlinkable = false;  ///< No place of it can be linked.
};

/// What the phases of one run share. Lives on the executor; jobs get copies, and the plan by shared ownership: it
/// changes only while no job reads it.
struct run_state {
  run_state(services w, plan p)
      : with(w),
        what(std::make_shared<plan>(std::move(p))),
        hub(with.config, with.transport, with.observer),
        digests(with.pool, with.hashes),
        steps(what->steps.size()) {
    hub.counters().requests = what->requests;
    hub.counters().bytes_wire = what->bytes_wire;
    where.base = what->local() ? what->view : what->layout.repo_dir();
    where.root = what->target_root;
    where.plain_files = what->plain_files;
    where.mode = what->local() ? os::default_file_mode() : os::default_file_mode() & ~0222U;
  }

  [[nodiscard]] std::string hub_lock(const content& c) const {
    return what->local() ? std::string{} : what->layout.lock(c.name);
  }

  services with;
  std::shared_ptr<plan> what;
  hub_source hub;
  digest_queue digests;  ///< Of all files that are being fetched.
  destination where;
  std::vector<step_state> steps;  ///< As plan::steps.
};

}  // namespace hubcache::inline v0_1::detail
