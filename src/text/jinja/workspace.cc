#include "text/jinja/workspace.h"

#include <fmt/core.h>

namespace tern::jinja {

Status Workspace::Step() {
  if (--steps_ < 0) {
    return Exhausted(fmt::format("template: work limit of {} steps reached", limits_.max_steps));
  }
  if (IsFull()) return Reserve(0);
  return {};
}

Status Workspace::Reserve(size_t count, size_t bytes_each) const {
  size_t bytes = 0;
  const bool wrapped = __builtin_mul_overflow(count, bytes_each, &bytes);
  const size_t used = heap_.bytes_used();
  if (!wrapped && used <= limits_.max_bytes && bytes <= limits_.max_bytes - used) return {};
  return Exhausted(fmt::format("template: memory limit of {} bytes reached", limits_.max_bytes));
}

}  // namespace tern::jinja
