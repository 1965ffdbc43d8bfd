#include "support/hub/fault.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

namespace embedded {

struct fault_handle::state {
  fault rule;
  std::uint64_t seen = 0;
  std::atomic<std::uint64_t> fired{0};
};

std::uint64_t fault_handle::fired() const { return state_->fired; }

fault_handle fault_list::inject(fault f) {
  auto state = std::make_shared<fault_handle::state>();
  state->rule = std::move(f);
  const std::lock_guard lock(mutex_);
  faults_.push_back(state);
  return fault_handle(std::move(state));
}

void fault_list::clear() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
}

bool fault_list::apply(exchange& hit) {
  std::shared_ptr<fault_handle::state> chosen;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& state : faults_) {
      const fault& rule = state->rule;
      const bool matches = (!rule.where || *rule.where == hit.where) &&
                           (rule.method.empty() || rule.method == hit.asked.method) &&
                           hit.asked.target.find(rule.part) != std::string::npos &&
                           state->fired < rule.times && (!rule.action.applies || rule.action.applies(hit));
      if (!matches || state->seen++ < rule.skip) continue;
      ++state->fired;
      chosen = state;
      break;
    }
  }
  if (chosen) chosen->rule.action.apply(hit);
  return chosen != nullptr;
}

namespace {

fault_action change(std::function<void(exchange&)> apply) { return {std::move(apply), nullptr}; }

bool has_range(const exchange& e) { return e.asked.headers.find("Range") != nullptr; }
bool sends_file(const exchange& e) { return e.answer.is_file && e.asked.method != "HEAD"; }

}  // namespace

fault_action both(fault_action first, fault_action second) {
  const auto applies = [a = first.applies, b = second.applies](const exchange& e) {
    return (!a || a(e)) && (!b || b(e));
  };
  const auto apply = [a = std::move(first.apply), b = std::move(second.apply)](exchange& e) {
    a(e);
    b(e);
  };
  return {apply, applies};
}

fault_action drop_after_body(std::uint64_t bytes, bool reset) {
  return {[=](exchange& e) {
            e.sending.drop_after_body = bytes;
            e.sending.reset = reset;
          },
          [=](const exchange& e) { return e.answer.length > bytes && e.asked.method != "HEAD"; }};
}

fault_action drop_after_bytes(std::uint64_t bytes, bool reset) {
  return change([=](exchange& e) {
    e.sending.drop_after_bytes = bytes;
    e.sending.reset = reset;
  });
}

fault_action close_without_answer(bool reset) {
  return change([=](exchange& e) {
    e.sending.send_nothing = true;
    e.sending.reset = reset;
  });
}

fault_action status(int code, fields extra) {
  return change([=](exchange& e) {
    e.answer = response();
    e.answer.status = code;
    e.answer.text("{\"error\":" + json_string(reason(code)) + "}", "application/json; charset=utf-8");
    for (const auto& [name, value] : extra.all()) e.answer.headers.set(name, value);
  });
}

fault_action expired_signature(int code) {
  fault_action action = status(code);
  action.applies = [](const exchange& e) { return e.where == listener::cdn; };
  return action;
}

fault_action stall_before_head(std::chrono::milliseconds time) {
  return change([=](exchange& e) { e.sending.stall_before_head = time; });
}

fault_action stall_in_body(std::uint64_t bytes, std::chrono::milliseconds time) {
  return {[=](exchange& e) {
            e.sending.stall_at = bytes;
            e.sending.stall_in_body = time;
          },
          [=](const exchange& e) { return e.answer.length > bytes && e.asked.method != "HEAD"; }};
}

fault_action drip(std::uint64_t bytes_per_second) {
  return change([=](exchange& e) { e.sending.bytes_per_second = bytes_per_second; });
}

fault_action ignore_range() {
  return {[](exchange& e) {
            request whole = e.asked;
            whole.headers.erase("Range");
            e.answer = e.respond(whole);
          },
          has_range};
}

fault_action wrong_content_range(std::string value) {
  return {[=](exchange& e) {
            e.answer.status = 206;
            e.answer.headers.set("Content-Range", value);
          },
          [](const exchange& e) { return has_range(e) && e.answer.is_file; }};
}

fault_action multipart_ranges() {
  return {[](exchange& e) {
            std::vector<char> bytes(static_cast<std::size_t>(e.answer.length));
            e.answer.content.read(e.answer.offset, bytes);
            const std::string range = *e.answer.headers.find("Content-Range");
            e.answer.headers.erase("Content-Range");
            e.answer.text("--part\r\nContent-Range: " + range + "\r\n\r\n" +
                              std::string(bytes.begin(), bytes.end()) + "\r\n--part--\r\n",
                          "multipart/byteranges; boundary=part");
          },
          [](const exchange& e) { return e.answer.status == 206 && e.asked.method != "HEAD"; }};
}

fault_action wrong_content_length(std::int64_t by) {
  return change([=](exchange& e) {
    e.sending.declared_length = e.answer.length + static_cast<std::uint64_t>(by);
    e.sending.close = true;
  });
}

fault_action announced_length(const std::string& text) {
  return both(drop_header("Content-Length"), set_header("Content-Length", text));
}

fault_action other_bytes() {
  return {[](exchange& e) { e.sending.invert = true; }, sends_file};
}

fault_action flip_byte(std::uint64_t offset) {
  return {[=](exchange& e) { e.sending.flip_at = offset - e.answer.offset; },
          [=](const exchange& e) {
            return sends_file(e) && offset >= e.answer.offset && offset - e.answer.offset < e.answer.length;
          }};
}

fault_action extra_bytes(std::size_t bytes) {
  return change([=](exchange& e) {
    e.sending.after_body.assign(bytes, 'x');
    e.sending.close = true;
  });
}

fault_action garbage_status_line(std::string line) {
  return change([=](exchange& e) {
    e.sending.status_line = line;
    e.sending.close = true;
  });
}

fault_action header_bomb(std::size_t count, std::size_t size) {
  return change([=](exchange& e) {
    for (std::size_t i = 0; i < count; ++i)
      e.answer.headers.add("X-Bomb-" + std::to_string(i), std::string(size, 'b'));
  });
}

fault_action chunked(std::size_t chunk_size, std::string trailers) {
  return change([=](exchange& e) {
    e.answer.chunked = true;
    e.sending.chunk_size = chunk_size;
    e.sending.trailers = trailers;
  });
}

fault_action bad_chunk(std::string raw, std::size_t chunk_size) {
  return {[=](exchange& e) {
            e.answer.chunked = true;
            e.sending.chunk_size = chunk_size;
            e.sending.bad_chunk = raw;
            e.sending.close = true;
          },
          [](const exchange& e) { return e.answer.length != 0 && e.asked.method != "HEAD"; }};
}

fault_action gzip_anyway() {
  return {[](exchange& e) {
            e.answer.content = file_content::of(gzip_stored(e.answer.content.text()));
            e.answer.length = e.answer.content.size();
            e.answer.headers.set("Content-Encoding", "gzip");
          },
          [](const exchange& e) { return e.answer.is_file && e.answer.status == 200; }};
}

fault_action redirect_to(std::string location, int code) {
  return change([=](exchange& e) {
    e.answer.status = code;
    e.answer.headers.set("Location", location);
    e.answer.text("Redirecting", "text/plain");
  });
}

fault_action rewrite(std::string from, std::string to) {
  return {[=](exchange& e) {
            std::string text = e.answer.content.text();
            for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
              text.replace(at, from.size(), to);
            }
            const std::string type = *e.answer.headers.find("Content-Type");
            e.answer.text(std::move(text), type);
          },
          [=](const exchange& e) {
            return !e.answer.is_file && e.answer.content.text().find(from) != std::string::npos;
          }};
}

fault_action body(std::string bytes, std::string type) {
  return change([=](exchange& e) { e.answer.text(bytes, type); });
}

fault_action interim(std::vector<int> codes) {
  return change([=](exchange& e) {
    for (const int code : codes) {
      e.sending.before_head +=
          "HTTP/1.1 " + std::to_string(code) + (code == 100 ? " Continue" : " Early Hints");
      e.sending.before_head += code == 100 ? "\r\n\r\n" : "\r\nLink: </style.css>; rel=preload\r\n\r\n";
    }
  });
}

fault_action set_header(std::string name, std::string value) {
  return change([=](exchange& e) { e.answer.headers.set(name, value); });
}

fault_action drop_header(std::string name) {
  return change([=](exchange& e) {
    e.answer.headers.erase(name);
    if (same_name(name, "Content-Length")) e.sending.omit_length = e.sending.close = true;
  });
}

}  // namespace embedded
