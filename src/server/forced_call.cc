#include "server/forced_call.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <string>

namespace tern {
namespace {

namespace json = boost::json;

// Makes references within a schema that stands at `place` of a larger one point to where they meant. Nesting
// is that of a request's body, which is bounded.
void MoveReferences(json::value& v, const std::string& place) {
  if (v.is_array()) {
    for (json::value& each : v.get_array()) MoveReferences(each, place);
  }
  if (!v.is_object()) return;
  for (auto& member : v.get_object()) {
    json::value& value = member.value();
    if (member.key() == "$ref" && value.is_string()) {
      const std::string_view target = value.get_string();
      if (target.starts_with('#')) value = place + std::string(target.substr(1));
      continue;
    }
    const bool is_data = member.key() == "const" || member.key() == "enum" || member.key() == "default";
    if (!is_data) MoveReferences(value, place);
  }
}

json::object CallSchema(const json::object& function, const CallShape& shape, const std::string& place) {
  json::value arguments = json::object();
  if (const json::value* parameters = function.if_contains("parameters")) arguments = *parameters;
  MoveReferences(arguments, place + "/properties/" + std::string(shape.arguments));
  // Whatever else it says: arguments are an object, and a function without any takes none.
  json::object& object = arguments.get_object();
  if (!object.contains("type")) object["type"] = "object";
  const bool has_none =
      object.size() == 1 || (object.contains("properties") && object["properties"] == json::object());
  if (has_none && !object.contains("additionalProperties")) object["additionalProperties"] = false;
  return {{"type", "object"},
          {"properties",
           {{shape.name, json::object{{"const", function.at("name")}}}, {shape.arguments, arguments}}},
          {"required", {shape.name, shape.arguments}},
          {"additionalProperties", false}};
}

// Of what AnswerOrCallSource wrote.
Result<grammar::RuleId> ReadAnswerOrCall(std::string_view source, grammar::Expressions* x) {
  const json::value parts = json::parse(source);
  const auto text = [&](const char* name) { return std::string_view(parts.at(name).get_string()); };
  TERN_TRY(const GrammarFormDesc* form, FindGrammarForm(text("form")));
  TERN_TRY(const GrammarFormDesc* schema, FindGrammarForm("json_schema"));
  TERN_TRY(const grammar::RuleId answer, form->read(text("answer"), x));
  TERN_TRY(const grammar::RuleId call, schema->read(text("calls"), x));
  const grammar::RuleId root = x->NewRule("root");
  x->Define(root, x->Choice({x->Rule(answer), x->Sequence({x->Literal(text("open")), x->Rule(call)})}));
  return root;
}

}  // namespace

const GrammarFormDesc& AnswerOrCall() {
  static const GrammarFormDesc kForm{
      .name = "answer_or_call", .summary = "an answer, or a call of a function", .read = ReadAnswerOrCall};
  return kForm;
}

std::string AnswerOrCallSource(const AnswerFormat& answer, std::string_view open, std::string_view calls) {
  return json::serialize(
      json::object{{"form", answer.form}, {"answer", answer.source}, {"open", open}, {"calls", calls}});
}

bool CanBeText(const std::optional<CallShape>& shape, std::span<const std::string> control_tokens) {
  return shape && std::ranges::none_of(control_tokens, [&](const std::string& token) {
           return !token.empty() && shape->open.find(token) != std::string_view::npos;
         });
}

json::object ForcedCallSchema(std::span<const json::value* const> tools, const CallShape& shape) {
  const std::string root = shape.in_list ? "#/items" : "#";
  json::array calls;
  for (size_t i = 0; i < tools.size(); ++i) {
    const std::string place = tools.size() == 1 ? root : root + "/anyOf/" + std::to_string(i);
    calls.push_back(CallSchema(tools[i]->at("function").get_object(), shape, place));
  }
  json::object call = calls.size() == 1 ? calls[0].get_object() : json::object{{"anyOf", calls}};
  if (!shape.in_list) return call;
  return {{"type", "array"}, {"items", std::move(call)}, {"minItems", 1}, {"maxItems", 1}};
}

}  // namespace tern
