#include <fmt/format.h>

#include <algorithm>

#include "text/grammar/regex_reader.h"
#include "text/grammar/schema_reader.h"
#include "text/grammar/string_formats.h"
#include "text/utf8.h"

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

bool IsOneText(const SchemaNeeds& needs) {
  return needs.formats.size() + needs.patterns.size() == 1 && needs.excluded_patterns.empty() &&
         needs.excluded_texts.empty();
}

// `is_open`: without the bounds that formats have on their own, so that few states are enough.
Result<ExprId> ReadText(const PlacedText& placed, bool is_format, bool is_open, bool* looks_ahead,
                        Expressions* scratch) {
  std::string pattern = placed.text;
  if (is_format) {
    const auto known = PatternOfFormat(placed.text, is_open);
    if (!known) {
      return SchemaError(Code::kUnsupported, placed.path,
                         fmt::format("format: \"{}\": is not supported, expected one of {}",
                                     placed.text.substr(0, 100), FormatNames()));
    }
    pattern = *known;
  }
  const RegexReading reading{.is_search = !is_format, .is_ecmascript = true, .looks_ahead = looks_ahead};
  const auto read = ReadRegex(pattern, reading, scratch);
  if (!read.ok()) return SchemaError(read.error().code, placed.path, "pattern: " + read.error().what);
  return read.value();
}

Error TooComplex(const std::string& path) {
  return SchemaError(
      Code::kUnsupported, path,
      "pattern, format, minLength, maxLength: are too complex together, expected simpler ones");
}

// The characters in the longest text; nothing: there are texts of any length.
std::optional<size_t> LongestText(const Dfa& dfa) {
  const std::vector<bool> live = dfa.Live();
  std::vector<size_t> before(dfa.size(), 0), longest(dfa.size(), 0);
  const auto each_live_edge = [&](size_t state, auto&& use) {
    for (size_t letter = 0; letter < dfa.letters.size(); ++letter) {
      if (const uint32_t to = dfa.Next(state, letter); live[state] && live[to]) use(to);
    }
  };
  for (size_t state = 0; state < dfa.size(); ++state)
    each_live_edge(state, [&](uint32_t to) { ++before[to]; });
  std::vector<size_t> ready;
  size_t done = 0, most = 0;
  for (size_t state = 0; state < dfa.size(); ++state) {
    if (live[state] && before[state] == 0) ready.push_back(state);
  }
  for (; !ready.empty(); ++done) {
    const size_t state = ready.back();
    ready.pop_back();
    most = std::max(most, longest[state]);
    each_live_edge(state, [&](uint32_t to) {
      longest[to] = std::max(longest[to], longest[state] + 1);
      if (--before[to] == 0) ready.push_back(to);
    });
  }
  if (done < static_cast<size_t>(std::count(live.begin(), live.end(), true))) return std::nullopt;
  return most;
}

// Formats are ours to draw narrower: those beside a large maxLength have shorter texts than could be.
Result<Dfa> WithinLengths(Dfa dfa, const SchemaNeeds& needs, const std::string& path, Deadline* deadline) {
  constexpr size_t kMostStates = 3'000;
  uint32_t min = needs.min_length, max = needs.max_length;
  if (min > max) return Intersection(dfa, Complement(dfa), deadline).value_or(dfa);
  if (const auto longest = LongestText(dfa); longest && *longest <= max) max = kUnbounded;
  if (min == 0 && max == kUnbounded) return dfa;
  const size_t most = kMostStates / dfa.size();
  if (!needs.formats.empty() && max != kUnbounded) {
    max = std::max(min, static_cast<uint32_t>(std::min<size_t>(max, most)));
  }
  if (std::max(min, max == kUnbounded ? 0 : max) > most) {
    return SchemaError(
        Code::kUnsupported, path,
        "minLength or maxLength beside this pattern: is not supported, expected lengths in the "
        "pattern, as in ^[a-z]{1,10}$");
  }
  auto both = Intersection(dfa, DfaOfLengths(min, max), deadline);
  if (!both) return TooComplex(path);
  return *std::move(both);
}

}  // namespace

Result<Dfa> StringDfa(const SchemaNeeds& needs, Expressions* x) {
  Dfa all = DfaOfLengths(0, kUnbounded);
  std::string path = "#";
  const auto join = [&](const PlacedText& placed, bool is_format, bool is_excluded) -> Status {
    path = placed.path;
    Expressions scratch(x->budget(), x->deadline());
    bool looks_ahead = false;
    TERN_TRY(const ExprId whole, ReadText(placed, is_format, /*is_open=*/true, &looks_ahead, &scratch));
    auto own = DfaOf(scratch, whole, &x->deadline());
    if (!own) return TooComplex(path);
    if (is_excluded) own = Complement(*std::move(own));
    auto joined = Intersection(all, Minimal(*std::move(own), &x->deadline()), &x->deadline());
    if (!joined) return TooComplex(path);
    all = Minimal(*std::move(joined), &x->deadline());
    return {};
  };
  for (const PlacedText& format : needs.formats) TERN_TRY_STATUS(join(format, true, false));
  for (const PlacedText& pattern : needs.patterns) TERN_TRY_STATUS(join(pattern, false, false));
  for (const PlacedText& pattern : needs.excluded_patterns) TERN_TRY_STATUS(join(pattern, false, true));
  if (!needs.excluded_texts.empty()) {
    const std::vector<std::string> texts(needs.excluded_texts.begin(), needs.excluded_texts.end());
    const auto excluded = DfaOfTexts(texts);
    if (!excluded) return TooComplex(path);
    auto joined = Intersection(all, Complement(*excluded), &x->deadline());
    if (!joined) return TooComplex(path);
    all = *std::move(joined);
  }
  return WithinLengths(std::move(all), needs, path, &x->deadline());
}

Result<ExprId> StringContent(const SchemaNeeds& needs, JsonRules* rules, Expressions* x) {
  if (IsOneText(needs)) {
    const bool is_format = !needs.formats.empty();
    const PlacedText& placed = is_format ? needs.formats[0] : needs.patterns[0];
    Expressions scratch(x->budget(), x->deadline());
    bool looks_ahead = false;
    TERN_TRY(const ExprId whole, ReadText(placed, is_format, /*is_open=*/false, &looks_ahead, &scratch));
    if (x->exhausted(Deadline::kLookAfter)) return x->Never();  // said by Compile
    if (scratch.exhausted()) return SchemaError(Code::kExhausted, placed.path, "pattern: too large");
    if (!looks_ahead) {
      const auto limited = Limited(whole, needs.min_length, needs.max_length, &scratch);
      if (limited && !scratch.exhausted()) return Spelled(scratch, *limited, rules, x);
    }
  }
  const auto dfa = StringDfa(needs, x);
  if (x->exhausted(Deadline::kLookAfter)) return x->Never();  // said by Compile
  if (!dfa.ok()) return dfa.error();
  return GraphOf(
      dfa.value(), [&](const CharSet& set) { return rules->Character(set); }, x);
}

Result<TextCheck> TextCheck::Make(const SchemaNeeds& needs, Expressions* x) {
  TextCheck check(&needs);
  if (needs.patterns.empty() && needs.excluded_patterns.empty()) return check;
  // Formats are drawn narrower than they are: a text that a schema lists is taken to be of its format.
  SchemaNeeds texts;
  texts.patterns = needs.patterns;
  texts.excluded_patterns = needs.excluded_patterns;
  TERN_TRY(check.patterns_, StringDfa(texts, x));
  return check;
}

bool TextCheck::Allows(std::string_view text) const {
  uint32_t length = 0;
  for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(Utf8Size(rest[0]))) ++length;
  if (length < needs_->min_length || length > needs_->max_length) return false;
  return !needs_->excluded_texts.contains(text) && (!patterns_ || patterns_->Matches(text));
}

}  // namespace tern::grammar
