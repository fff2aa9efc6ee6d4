#include "compress/scheme.h"

#include <fmt/format.h>

#include <charconv>

namespace tern {
namespace {

constexpr std::string_view kGrouped = "int4_g", kAsymmetric = "_asym", kInt8Channel = "int8_channel",
                           kInt4Channel = "int4_channel";
constexpr int64_t kGroups[] = {32, 64, 128};

Error Unknown(std::string_view name) {
  std::string all;
  for (const Format* format : AllFormats()) all += std::string(format->name) + ", ";
  return BadInput(fmt::format(
      "scheme: \"{}\", expected one of {}int4_g32, int4_g64, int4_g128, the same with _asym, {}, {}", name,
      all, kInt4Channel, kInt8Channel));
}

}  // namespace

Result<Scheme> ParseScheme(std::string_view name) {
  Scheme scheme{.name = std::string(name)};
  if (name == kInt8Channel || name == kInt4Channel) {
    scheme.format = FindFormat(name == kInt8Channel ? "q8_0" : "q4_0");
    scheme.group = Scheme::kWholeRow;
    return scheme;
  }
  scheme.format = FindFormat(name);
  if (scheme.format != nullptr) return scheme;
  if (!name.starts_with(kGrouped)) return Unknown(name);
  std::string_view digits = name.substr(kGrouped.size());
  const bool asymmetric = digits.ends_with(kAsymmetric);
  if (asymmetric) digits.remove_suffix(kAsymmetric.size());
  for (const int64_t group : kGroups) {
    if (digits != fmt::format("{}", group)) continue;
    scheme.format = FindFormat(asymmetric ? "q4_1" : "q4_0");
    scheme.group = group;
    return scheme;
  }
  return Unknown(name);
}

bool Fits(const Scheme& scheme, int64_t columns) {
  const int64_t block = scheme.format->block_weights;
  return columns % (scheme.group > 0 ? scheme.group : block) == 0 && columns % block == 0;
}

}  // namespace tern
