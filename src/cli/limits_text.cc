#include "cli/limits_text.h"

#include <fmt/format.h>

#include <cmath>

#include "base/file.h"
#include "cli/json_lines.h"

namespace tern {

std::string LimitsText(const MachineLimits& l) {
  return fmt::format(
      "limits of {} thread{}: read {:.1f} GB/s, int8 {:.0f} GOP/s, bf16 {:.0f} GFLOP/s, fp32 {:.0f} GFLOP/s",
      l.threads, l.threads == 1 ? "" : "s", l.read_gb_s, l.int8_gop_s, l.bf16_gflop_s, l.fp32_gflop_s);
}

boost::json::object LimitsJson(const MachineLimits& l) {
  return {{"threads", l.threads},
          {"read_gb_s", l.read_gb_s},
          {"int8_gop_s", l.int8_gop_s},
          {"bf16_gflop_s", l.bf16_gflop_s},
          {"fp32_gflop_s", l.fp32_gflop_s}};
}

Result<MachineLimits> ReadLimits(const std::string& path) {
  constexpr size_t kMaxBytes = size_t{64} << 20;
  TERN_TRY(const std::string text, ReadFile(path, kMaxBytes));
  auto parsed = JsonObject(text);
  if (!parsed.ok()) return BadInput(path + ": " + parsed.error().what);
  const auto* limits = parsed.value().if_contains("limits");
  if (limits == nullptr || !limits->is_object()) {
    return BadInput(path + ": no \"limits\", expected what tern bench --json prints");
  }
  Status status;
  const auto number = [&](const char* name) {
    const auto* value = limits->get_object().if_contains(name);
    const double x = value != nullptr && value->is_number() ? value->to_number<double>() : 0;
    if (status.ok() && !(x > 0 && std::isfinite(x) && x < 1e9)) {
      status = BadInput(fmt::format("{}: limits.{}: expected a number above 0", path, name));
    }
    return x;
  };
  const MachineLimits read{.threads = static_cast<int>(number("threads")),
                           .read_gb_s = number("read_gb_s"),
                           .int8_gop_s = number("int8_gop_s"),
                           .fp32_gflop_s = number("fp32_gflop_s"),
                           .bf16_gflop_s = number("bf16_gflop_s")};
  TERN_TRY_STATUS(status);
  return read;
}

}  // namespace tern
