#include "text/grammar/json_rules.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <map>

#include "text/utf8.h"

namespace tern::grammar {
namespace {

constexpr std::string_view kShortEscapes = "\b\f\n\r\t\"\\", kShortNames = "bfnrt\"\\";

const CharSet& Escaped() {
  static const CharSet set = [] {
    CharSet s{{0, 0x1F}};
    s.Add(CharSet::Of("\"\\"));
    return s;
  }();
  return set;
}

std::string Escape(char32_t c) {
  const size_t i = kShortEscapes.find(static_cast<char>(c));
  if (i != kShortEscapes.npos) return std::string("\\") + kShortNames[i];
  return fmt::format("\\u{:04x}", static_cast<unsigned>(c));
}

}  // namespace

std::string SpelledString(std::string_view text) {
  std::string spelled = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || c == '"' || c == '\\') {
      spelled += Escape(byte);
    } else {
      spelled += c;
    }
  }
  return spelled + '"';
}

std::string SpelledNumber(const boost::json::value& number) {
  if (number.is_int64()) return fmt::format("{}", number.get_int64());
  if (number.is_uint64()) return fmt::format("{}", number.get_uint64());
  const double value = number.get_double();
  if (std::fabs(value) < 1e15 && value == std::floor(value)) return fmt::format("{:.1f}", value);
  return fmt::format("{}", value);
}

ExprId JsonRules::Once(std::optional<RuleId>* rule, std::string_view name, ExprId (JsonRules::*make)()) {
  if (!*rule) {
    *rule = x_.NewRule(name);
    const ExprId body = (this->*make)();
    x_.Define(**rule, body);
  }
  return x_.Rule(**rule);
}

ExprId JsonRules::Space() { return Once(&space_, "space", &JsonRules::MakeSpace); }
ExprId JsonRules::AnyCharacter() { return Once(&character_, "character", &JsonRules::MakeAnyCharacter); }
ExprId JsonRules::Value() { return Once(&value_, "value", &JsonRules::MakeValue); }
ExprId JsonRules::Object() { return Once(&object_, "object", &JsonRules::MakeObject); }
ExprId JsonRules::Array() { return Once(&array_, "array", &JsonRules::MakeArray); }
ExprId JsonRules::Number() { return Once(&number_, "number", &JsonRules::MakeNumber); }

ExprId JsonRules::MakeSpace() {
  constexpr uint32_t kMostIndent = 32;
  const ExprId indent = x_.Repeat(x_.Class(CharSet::Of(" \t")), 0, kMostIndent);
  return x_.Choice({x_.Empty(), x_.Literal(" "), x_.Sequence({x_.Literal("\n"), indent})});
}

// Surrogates come in pairs, and a pair is one character.
ExprId JsonRules::MakeAnyCharacter() {
  CharSet hex = Digits();
  hex.Add(CharSet{{'a', 'f'}, {'A', 'F'}});
  const ExprId digit = x_.Class(hex), d = x_.Class(CharSet::Of("dD"));
  const auto code = [&](const CharSet& first, ExprId rest) { return x_.Sequence({x_.Class(first), rest}); };
  const ExprId two = x_.Sequence({digit, digit}), three = x_.Sequence({digit, digit, digit});
  const ExprId low = x_.Sequence({x_.Literal("\\u"), d, code(CharSet::Of("cdefCDEF"), two)});
  const ExprId pair = x_.Sequence({d, code(CharSet::Of("89abAB"), two), low});
  const ExprId other = x_.Choice(
      {code(hex.Without(CharSet::Of("dD")), three), x_.Sequence({d, code(CharSet{{'0', '7'}}, two)})});
  const ExprId unicode = x_.Sequence({x_.Literal("u"), x_.Choice({other, pair})});
  const ExprId escape =
      x_.Sequence({x_.Literal("\\"), x_.Choice({x_.Class(CharSet::Of("\"\\/bfnrt")), unicode})});
  return x_.Choice({x_.Class(Escaped().Negated()), escape});
}

ExprId JsonRules::Character(const CharSet& set) {
  std::vector<ExprId> parts = {x_.Class(set.Without(Escaped()))};
  for (char32_t c = 0; c < 128; ++c) {
    if (Escaped().Contains(c) && set.Contains(c)) parts.push_back(x_.Literal(Escape(c)));
  }
  return x_.Choice(parts);
}

ExprId JsonRules::MakeString() { return Quoted(x_.Repeat(AnyCharacter(), 0, kUnbounded)); }
ExprId JsonRules::String(uint32_t min_length, uint32_t max_length) {
  if (min_length == 0 && max_length == kUnbounded) return Once(&string_, "string", &JsonRules::MakeString);
  return Quoted(x_.Repeat(AnyCharacter(), min_length, max_length));
}

ExprId JsonRules::MakeRest() { return x_.Repeat(Character(CharSet::All()), 0, kUnbounded); }

// A tree of the names; each place in it goes on with another character than the names do, or stops where no
// name ends.
ExprId JsonRules::StringExcept(const std::vector<std::string>& names) {
  if (names.empty()) return String();
  constexpr size_t kStepsPerPlace = 256;
  struct Place {
    std::map<char32_t, size_t> next;
    bool is_name = false;
    ExprId expr = 0;
  };
  std::vector<Place> places(1);
  for (const std::string& name : names) {
    size_t at = 0;
    for (std::string_view rest = name; !rest.empty(); rest.remove_prefix(Utf8Size(rest[0]))) {
      const char32_t c = DecodeUtf8(rest);
      const auto [found, is_new] = places[at].next.try_emplace(c, places.size());
      at = found->second;
      if (is_new) places.emplace_back();
    }
    places[at].is_name = true;
  }
  const ExprId anything = Once(&rest_, "rest", &JsonRules::MakeRest);
  for (size_t i = places.size(); i-- > 0;) {
    if (x_.exhausted(kStepsPerPlace)) return x_.Never();
    CharSet taken;
    std::vector<ExprId> choices;
    if (!places[i].is_name) choices.push_back(x_.Empty());
    for (const auto& [c, next] : places[i].next) {
      taken.Add(c, c);
      choices.push_back(x_.Sequence({Character(CharSet{{c, c}}), places[next].expr}));
    }
    choices.push_back(x_.Sequence({Character(taken.Negated()), anything}));
    places[i].expr = x_.Choice(choices);
  }
  return Quoted(places[0].expr);
}

// As many digits as a 64-bit integer or a double may need, no more: a model could go on for ever.
ExprId JsonRules::Integer() {
  const ExprId digits = x_.Repeat(x_.Class(Digits()), 0, 18);
  const ExprId nonzero = x_.Sequence({x_.Class(CharSet{{'1', '9'}}), digits});
  return x_.Sequence({x_.Optional(x_.Literal("-")), x_.Choice({x_.Literal("0"), nonzero})});
}
ExprId JsonRules::MakeNumber() {
  const ExprId digit = x_.Class(Digits());
  const ExprId fraction = x_.Sequence({x_.Literal("."), x_.Repeat(digit, 1, 20)});
  const ExprId exponent = x_.Sequence(
      {x_.Class(CharSet::Of("eE")), x_.Optional(x_.Class(CharSet::Of("+-"))), x_.Repeat(digit, 1, 2)});
  return x_.Sequence({Integer(), x_.Optional(fraction), x_.Optional(exponent)});
}

ExprId JsonRules::Enclosed(std::string_view open, ExprId body, std::string_view close) {
  return x_.Sequence({x_.Literal(open), Space(), body, Space(), x_.Literal(close)});
}

ExprId JsonRules::List(ExprId item, uint32_t min, uint32_t max) {
  if (max == 0) return min == 0 ? x_.Empty() : x_.Never();
  const uint32_t more = max == kUnbounded ? kUnbounded : max - 1;
  const ExprId rest = x_.Repeat(x_.Sequence({Comma(), item}), min == 0 ? 0 : min - 1, more);
  const ExprId list = x_.Sequence({item, rest});
  return min == 0 ? x_.Choice({x_.Empty(), list}) : list;
}

ExprId JsonRules::MakeObject() { return Enclosed("{", List(Pair(String(), Value()), 0, kUnbounded), "}"); }
ExprId JsonRules::MakeArray() { return Enclosed("[", List(Value(), 0, kUnbounded), "]"); }
ExprId JsonRules::MakeValue() {
  return x_.Choice({String(), Number(), Object(), Array(), Boolean(), Null()});
}

ExprId JsonRules::Constant(const boost::json::value& value) {
  // What is open, innermost last: its parts so far.
  struct Open {
    const boost::json::value* value;
    size_t next = 0;
    std::vector<ExprId> parts = {};
  };
  std::vector<Open> open = {{&value}};
  std::optional<ExprId> done;
  for (;;) {
    Open& top = open.back();
    const auto* object = top.value->if_object();
    const auto* array = top.value->if_array();
    const size_t size = object ? object->size() : array ? array->size() : 0;
    if (done) {
      ExprId part = *done;
      if (object) part = Pair(x_.Literal(SpelledString((object->begin() + (top.next - 1))->key())), part);
      if (!top.parts.empty()) top.parts.push_back(Comma());
      top.parts.push_back(part);
      done.reset();
    }
    if (top.next < size) {
      const size_t i = top.next++;
      open.push_back({object ? &(object->begin() + i)->value() : &(*array)[i]});
      continue;
    }
    if (object || array) {
      done = Enclosed(object ? "{" : "[", x_.Sequence(top.parts), object ? "}" : "]");
    } else if (top.value->is_string()) {
      done = x_.Literal(SpelledString(top.value->get_string()));
    } else if (top.value->is_bool()) {
      done = x_.Literal(top.value->get_bool() ? "true" : "false");
    } else {
      done = top.value->is_null() ? Null() : x_.Literal(SpelledNumber(*top.value));
    }
    open.pop_back();
    if (open.empty()) return *done;
  }
}

}  // namespace tern::grammar
