#include "compress/scheme.h"

#include <fmt/format.h>

#include <charconv>

#include "compress/part.h"

namespace tern {
namespace {

constexpr std::string_view kGrouped = "int4_g", kAsymmetric = "_asym", kInt8Channel = "int8_channel",
                           kInt4Channel = "int4_channel";
constexpr int64_t kMostOfAPart = 4096;
constexpr int64_t kGroups[] = {32, 64, 128};

Error Unknown(std::string_view name) {
  std::string all;
  for (const Format* format : AllFormats()) all += std::string(format->name) + ", ";
  return BadInput(fmt::format(
      "scheme: \"{}\", expected one of {}int4_g32, int4_g64, int4_g128, the same with _asym, {}, {}", name,
      all, kInt4Channel, kInt8Channel));
}

// "low_rank32" behind the "+" of a scheme's name.
Status ParsePart(std::string_view text, Scheme* scheme) {
  const size_t digits = text.find_first_of("0123456789");
  scheme->part = FindPart(text.substr(0, digits));
  std::string all;
  for (const PartDesc* part : AllParts()) all += (all.empty() ? "" : ", ") + std::string(part->name);
  if (scheme->part == nullptr)
    return BadInput(
        fmt::format("scheme: \"{}\": part \"{}\", expected one of {} and a number", scheme->name, text, all));
  const char* end = text.data() + text.size();
  const auto [stop, error] =
      std::from_chars(text.data() + std::min(digits, text.size()), end, scheme->part_size);
  if (error == std::errc() && stop == end && scheme->part_size >= 1 && scheme->part_size <= kMostOfAPart)
    return {};
  return BadInput(fmt::format("scheme: \"{}\": part \"{}\", expected a number of 1 to {} behind {}",
                              scheme->name, text, kMostOfAPart, scheme->part->name));
}

Result<Scheme> ParseBase(std::string_view name) {
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

}  // namespace

Result<Scheme> ParseScheme(std::string_view name) {
  const size_t plus = name.find('+');
  TERN_TRY(Scheme scheme, ParseBase(name.substr(0, plus)));
  if (plus == name.npos) return scheme;
  scheme.name = name;
  TERN_TRY_STATUS(ParsePart(name.substr(plus + 1), &scheme));
  return scheme;
}

bool Fits(const Scheme& scheme, int64_t columns) {
  const int64_t block = scheme.format->block_weights;
  return columns % (scheme.group > 0 ? scheme.group : block) == 0 && columns % block == 0;
}

}  // namespace tern
