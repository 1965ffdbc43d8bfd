#include "support/hub/request_log.hpp"

#include <algorithm>
#include <utility>

namespace embedded {

std::size_t request_log::add(request_record record) {
  const std::lock_guard lock(mutex_);
  records_.push_back(std::move(record));
  return first_number_ + records_.size() - 1;
}

void request_log::add_bytes(std::size_t number, std::int64_t change) {
  const std::lock_guard lock(mutex_);
  if (number >= first_number_)
    records_[number - first_number_].body_bytes += static_cast<std::uint64_t>(change);
}

void request_log::clear() {
  const std::lock_guard lock(mutex_);
  first_number_ += records_.size();
  records_.clear();
}

std::vector<request_record> request_log::records() const {
  const std::lock_guard lock(mutex_);
  return records_;
}

std::size_t request_log::count() const {
  const std::lock_guard lock(mutex_);
  return records_.size();
}

std::size_t request_log::count(const predicate& wanted) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count_if(records_.begin(), records_.end(), wanted));
}

std::size_t request_log::content_gets() const {
  return count([](const request_record& r) { return r.content; });
}

std::uint64_t request_log::content_bytes_sent() const {
  std::uint64_t sum = 0;
  for (const request_record& r : records()) sum += r.content ? r.body_bytes : 0;
  return sum;
}

}  // namespace embedded
