#include <fmt/format.h>

#include <algorithm>

#include "text/grammar/regex_reader.h"
#include "text/grammar/schema_reader.h"
#include "text/grammar/string_formats.h"

namespace tern::grammar {
namespace {

constexpr uint64_t kMostLength = uint64_t{1} << 40;

struct Lengths {
  uint64_t min = 0, max = 0;  // kMostLength: unbounded
};

// Of what each expression matches, in characters.
std::vector<Lengths> FindLengths(const Expressions& x) {
  std::vector<Lengths> all(x.size());
  for (ExprId id = 0; id < x.size(); ++id) {
    const Expr& e = x[id];
    Lengths& own = all[id];
    if (e.kind == ExprKind::kClass) own = {1, 1};
    if (e.kind == ExprKind::kRepeat) {
      const Lengths& part = all[x.parts(e)[0]];
      own.min = part.min * e.min;
      own.max = part.max == 0 ? 0 : e.max == kUnbounded ? kMostLength : part.max * e.max;
    } else if (e.kind == ExprKind::kSequence) {
      for (const ExprId part : x.parts(e)) own = {own.min + all[part].min, own.max + all[part].max};
    } else if (e.kind == ExprKind::kChoice) {
      own = {kMostLength, 0};
      for (const ExprId part : x.parts(e)) {
        own = {std::min(own.min, all[part].min), std::max(own.max, all[part].max)};
      }
    }
    own = {std::min(own.min, kMostLength), std::min(own.max, kMostLength)};
  }
  return all;
}

// `whole` within lengths, where only one repetition of single characters in it has no fixed length.
std::optional<ExprId> Limited(ExprId whole, uint32_t min, uint32_t max, Expressions* x) {
  const std::vector<Lengths> lengths = FindLengths(*x);
  if (lengths[whole].min >= min && (max == kUnbounded || lengths[whole].max <= max)) return whole;
  std::vector<ExprId> parts = {whole};
  if ((*x)[whole].kind == ExprKind::kSequence) {
    const auto own = x->parts((*x)[whole]);
    parts.assign(own.begin(), own.end());
  }
  std::optional<size_t> open;
  uint64_t fixed = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Lengths& part = lengths[parts[i]];
    if (part.min == part.max) {
      fixed += part.min;
      continue;
    }
    if (open) return std::nullopt;
    open = i;
  }
  if (!open) return x->Never();
  const Expr repeat = (*x)[parts[*open]];
  if (repeat.kind != ExprKind::kRepeat) return std::nullopt;
  const ExprId unit = x->parts(repeat)[0];
  const uint64_t size = lengths[unit].min;
  if (size != lengths[unit].max || size == 0) return std::nullopt;
  const uint64_t least = min > fixed ? (min - fixed + size - 1) / size : 0;
  uint64_t most = repeat.max;
  if (max != kUnbounded) {
    if (max < fixed) return x->Never();
    most = std::min<uint64_t>(most, (max - fixed) / size);
  }
  parts[*open] = x->Repeat(unit, static_cast<uint32_t>(std::max<uint64_t>(repeat.min, least)),
                           static_cast<uint32_t>(most));
  return x->Sequence(parts);
}

// The same expression over characters as they are spelled in JSON strings.
ExprId Spelled(const Expressions& from, ExprId whole, JsonRules* rules, Expressions* x) {
  std::vector<ExprId> made(whole + 1, x->Never());
  std::vector<ExprId> parts;
  for (ExprId id = 1; id <= whole; ++id) {
    const Expr& e = from[id];
    parts.clear();
    if (e.kind != ExprKind::kClass && e.kind != ExprKind::kLiteral) {
      for (const ExprId part : from.parts(e)) parts.push_back(made[part]);
    }
    switch (e.kind) {
      case ExprKind::kClass:
        made[id] = rules->Character(from.set(e));
        break;
      case ExprKind::kLiteral:
        made[id] = x->Literal(from.literal(e));  // empty
        break;
      case ExprKind::kRepeat:
        made[id] = x->Repeat(parts[0], e.min, e.max);
        break;
      case ExprKind::kChoice:
        made[id] = x->Choice(parts);
        break;
      default:
        made[id] = x->Sequence(parts);
    }
  }
  return made[whole];
}

}  // namespace

Result<ExprId> StringContent(const SchemaNeeds& needs, JsonRules* rules, Expressions* x) {
  const bool is_format = !needs.formats.empty();
  const PlacedText& placed = is_format ? needs.formats[0] : needs.patterns[0];
  if (needs.formats.size() + needs.patterns.size() > 1) {
    return SchemaError(Code::kUnsupported, placed.path, "more than one pattern or format: is not supported");
  }
  std::string pattern = placed.text;
  if (is_format) {
    const auto known = PatternOfFormat(placed.text);
    if (!known) {
      return SchemaError(Code::kUnsupported, placed.path,
                         fmt::format("format: \"{}\": is not supported, expected one of {}",
                                     placed.text.substr(0, 100), FormatNames()));
    }
    pattern = *known;
  }
  Expressions scratch(x->budget(), x->deadline());
  const auto read = ReadRegex(pattern, {.is_search = !is_format, .is_ecmascript = true}, &scratch);
  if (x->exhausted(Deadline::kLookAfter)) return x->Never();  // said by Compile
  if (!read.ok()) return SchemaError(read.error().code, placed.path, "pattern: " + read.error().what);
  const auto limited = Limited(read.value(), needs.min_length, needs.max_length, &scratch);
  if (!limited) {
    return SchemaError(
        Code::kUnsupported, placed.path,
        fmt::format("minLength or maxLength beside this {}: is not supported, expected lengths in the "
                    "pattern, as in ^[a-z]{{1,10}}$",
                    is_format ? "format" : "pattern"));
  }
  if (scratch.exhausted()) return SchemaError(Code::kExhausted, placed.path, "pattern: too large");
  return Spelled(scratch, *limited, rules, x);
}

}  // namespace tern::grammar
