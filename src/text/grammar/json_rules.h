#pragma once
// JsonRules: what JSON texts are made of, as expressions. White space: where JSON allows it behind "{", "[",
// "," and ":" and in front of "}" and "]": nothing, a space, or a line break and at most 32 spaces or tabs.

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "text/grammar/expressions.h"

namespace tern::grammar {

class JsonRules {
 public:
  explicit JsonRules(Expressions* expressions) : x_(*expressions) {}

  ExprId Space();
  // Inside a string: a character in any spelling; of a set, spelled the one way that json.dumps in Python has
  // (without ensure_ascii): escaped only where it must be.
  ExprId AnyCharacter();
  ExprId Character(const CharSet& set);
  ExprId String() { return String(0, kUnbounded); }
  ExprId String(uint32_t min_length, uint32_t max_length);  // in characters
  ExprId Quoted(ExprId content) { return x_.Sequence({x_.Literal("\""), content, x_.Literal("\"")}); }
  // Any string but these.
  ExprId StringExcept(const std::vector<std::string>& names);
  ExprId Integer();
  ExprId Number();
  ExprId Value();   // any JSON
  ExprId Object();  // any object
  ExprId Array();
  // The value, with white space anywhere it is allowed.
  ExprId Constant(const boost::json::value& value);
  ExprId Boolean() { return x_.Choice({x_.Literal("true"), x_.Literal("false")}); }
  ExprId Null() { return x_.Literal("null"); }

  // "{", members, "}" and the like. `body` may be empty.
  ExprId Enclosed(std::string_view open, ExprId body, std::string_view close);
  ExprId Comma() { return x_.Sequence({x_.Literal(","), Space()}); }
  ExprId Pair(ExprId key, ExprId value) { return x_.Sequence({key, x_.Literal(":"), Space(), value}); }
  // min to max of `item` with commas between them.
  ExprId List(ExprId item, uint32_t min, uint32_t max);

 private:
  ExprId Once(std::optional<RuleId>* rule, std::string_view name, ExprId (JsonRules::*make)());
  ExprId MakeSpace();
  ExprId MakeString();
  ExprId MakeAnyCharacter();
  ExprId MakeValue();
  ExprId MakeObject();
  ExprId MakeArray();
  ExprId MakeNumber();
  ExprId MakeRest();

  Expressions& x_;
  std::optional<RuleId> space_, string_, character_, value_, object_, array_, number_, rest_;
};

// A value as json.dumps in Python writes it, without ensure_ascii and without spaces.
std::string SpelledString(std::string_view text);  // with its quotes
std::string SpelledNumber(const boost::json::value& number);

}  // namespace tern::grammar
