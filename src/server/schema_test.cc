#include "server/schema.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace tern {
namespace {

namespace json = boost::json;

constexpr std::string_view kTypes[] = {"text", "image_url"};
constexpr FieldDesc kPartFields[] = {{.name = "type", .kinds = kString, .choices = kTypes, .required = true}};
constexpr SchemaDesc kPart{"Part", kPartFields};
constexpr FieldDesc kMessageFields[] = {
    {.name = "role", .kinds = kString, .required = true},
    {.name = "content", .kinds = kString | kObjects, .object = &kPart},
};
constexpr SchemaDesc kMessage{"Message", kMessageFields};
constexpr FieldDesc kFields[] = {
    {.name = "messages", .kinds = kObjects, .max_items = 3, .object = &kMessage, .required = true},
    {.name = "temperature", .kinds = kNumber, .help = "0: greedy", .min = 0, .max = 2, .fallback = "1.0"},
    {.name = "n", .kinds = kInteger, .min = 1, .max = 16},
    {.name = "seed", .kinds = kInteger, .min = 0},
    {.name = "stream", .kinds = kBool},
    {.name = "stop", .kinds = kString | kStrings, .max_bytes = 4, .max_items = 2},
    {.name = "ids", .kinds = kIntegers | kIntegerLists, .min = 0, .max = 9, .max_items = 4},
    {.name = "logit_bias", .kinds = kNumbers, .min = -100, .max = 100, .max_items = 2},
    {.name = "metadata", .kinds = kAnything},
    {.name = "labels", .kinds = kTexts, .max_bytes = 4, .max_items = 2},
    {.name = "tool", .kinds = kString, .max_bytes = 8, .is_name = true},
    {.name = "n_best", .kinds = kNumber, .only = "1"},
};
constexpr SchemaDesc kSchema{"Request", kFields};

std::string Check(std::string_view fields) {
  json::object object =
      json::parse("{\"messages\": []" + (fields.empty() ? "" : ", " + std::string(fields)) + "}")
          .get_object();
  const auto error = CheckFields(kSchema, object);
  return error ? error->message : "";
}

TEST(Schema, TakesWhatIsInRange) {
  for (const char* good :
       {"", R"("temperature": 0)", R"("temperature": 2.0, "n": 16)", R"("n": 3.0)", R"("stop": "abcd")",
        R"("stop": ["a", "b"])", R"("stream": true)", R"("ids": [1, 2])", R"("ids": [[1], [2, 3]])",
        R"("ids": [])", R"("logit_bias": {"5": -100})", R"("metadata": [1, {"a": null}])",
        R"("unknown": {"n": -5})", R"("seed": 18446744073709551615)",
        R"("temperature": null, "stop": null, "metadata": null)",
        R"("labels": {"a": "b"}, "tool": "a_B.c-9")", R"("n_best": 1.0)"}) {
    EXPECT_EQ(Check(good), "") << good;
  }
}

TEST(Schema, NamesTheFieldThatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"("temperature": "1")", "temperature: expected a number"},
      {R"("temperature": -0.5)", "temperature: -0.5, expected 0 to 2"},
      {R"("temperature": 3)", "temperature: 3, expected 0 to 2"},
      {R"("n": 0)", "n: 0, expected 1 to 16"},
      {R"("n": 1.5)", "n: expected an integer"},
      {R"("n": true)", "n: expected an integer"},
      {R"("n": [1])", "n: expected an integer"},
      {R"("n": 9223372036854775808)", "n: 9.223372036854776e+18, expected 1 to 16"},
      {R"("seed": -1)", "seed: -1, expected at least 0"},
      {R"("stream": 1)", "stream: expected true or false"},
      {R"("stop": 5)", "stop: expected a string or a list of strings"},
      {R"("stop": "abcde")", "stop: 5 bytes, expected at most 4"},
      {R"("stop": ["a", "b", "c"])", "stop: 3 items, expected at most 2"},
      {R"("stop": ["a", "bcdef"])", "stop[1]: 5 bytes, expected at most 4"},
      {R"("stop": ["a", 1])", "stop: expected a string or a list of strings"},
      {R"("ids": [1, -1])", "ids[1]: -1, expected 0 to 9"},
      {R"("ids": [[1], [10]])", "ids[1][0]: 10, expected 0 to 9"},
      {R"("ids": [[1], 2])", "ids: expected a list of integers or a list of lists of integers"},
      {R"("logit_bias": {"5": 101})", "logit_bias: 101, expected -100 to 100"},
      {R"("logit_bias": {"5": "1"})", "logit_bias: expected numbers"},
      {R"("logit_bias": {"1": 1, "2": 1, "3": 1})", "logit_bias: 3 entries, expected at most 2"},
      {R"("labels": {"a": 1})", "labels: expected strings"},
      {R"("labels": {"a": "bcdef"})", "labels: 5 bytes, expected at most 4"},
      {R"("labels": {"a": "", "b": "", "c": ""})", "labels: 3 entries, expected at most 2"},
      {R"("labels": "a")", "labels: expected an object of strings"},
      {R"("tool": "")", "tool: expected a name of letters, digits, _, . and -"},
      {R"("tool": "a b")", "tool: expected a name of letters, digits, _, . and -"},
      {R"("tool": "abcdefghi")", "tool: 9 bytes, expected at most 8"},
      {R"("n_best": 2)", "n_best: not supported but for 1"},
      {R"("logit_bias": [])", "logit_bias: expected an object of numbers"},
  };
  for (const auto& [fields, message] : cases) EXPECT_EQ(Check(fields), message) << fields;
}

TEST(Schema, NamesTheFieldInsideOthers) {
  const auto param = [](std::string_view text) {
    json::object object = json::parse(text).get_object();
    const auto error = CheckFields(kSchema, object);
    return error ? error->param + " | " + error->message : "";
  };
  EXPECT_EQ(param("{}"), "messages | messages: required");
  EXPECT_EQ(param(R"({"messages": null})"), "messages | messages: required");
  EXPECT_EQ(param(R"({"messages": [{"role": "user"}, {}]})"),
            "messages[1].role | messages[1].role: required");
  EXPECT_EQ(param(R"({"messages": [{"role": "user", "content": [{"type": "text"}, {"type": "audio"}]}]})"),
            "messages[0].content[1].type | messages[0].content[1].type: expected one of text, image_url");
  EXPECT_EQ(param(R"({"messages": [{"role": "user", "content": null}]})"), "");
}

TEST(Schema, RemovesNulls) {
  json::object object =
      json::parse(R"({"messages": [{"role": "a", "content": null}], "n": null})").get_object();
  EXPECT_FALSE(CheckFields(kSchema, object));
  EXPECT_EQ(json::serialize(object), R"({"messages":[{"role":"a"}]})");
}

TEST(Schema, RemovesWhatItDoesNotListUnlessItIsOpen) {
  static constexpr FieldDesc kInnerFields[] = {{.name = "a", .kinds = kInteger}};
  static constexpr SchemaDesc kClosed{"Closed", kInnerFields}, kOpen{"Open", kInnerFields, true};
  static constexpr FieldDesc kOuterFields[] = {{.name = "closed", .kinds = kObject, .object = &kClosed},
                                               {.name = "open", .kinds = kObjects, .object = &kOpen},
                                               {.name = "any", .kinds = kObject}};
  static constexpr SchemaDesc kOuter{"Outer", kOuterFields};
  json::object object =
      json::parse(
          R"({"x": 1, "closed": {"x": 1, "a": 2}, "open": [{"x": 1, "a": 2}], "any": {"x": 1}, "y": {}})")
          .get_object();
  EXPECT_FALSE(CheckFields(kOuter, object));
  EXPECT_EQ(json::serialize(object), R"({"closed":{"a":2},"open":[{"x":1,"a":2}],"any":{"x":1}})");
}

TEST(Schema, ReadsBodies) {
  EXPECT_TRUE(ParseBody("{}").ok());
  EXPECT_TRUE(ParseBody(" {} \r\n\t").ok());
  EXPECT_EQ(json::serialize(ParseBody(R"({"a": 1, "a": 2})").value()), R"({"a":2})");
  const std::string deep(100, '[');
  const std::pair<std::string, const char*> cases[] = {
      {"", "not JSON"},
      {"[]", "not a JSON object"},
      {"{\"a\": 1} x", "not JSON: extra data at byte 9"},
      {"{\"a\": tru}", "not JSON: syntax error at byte 6"},
      {"{\"a\": 1", "not JSON: incomplete"},
      {"{\"a\": NaN}", "not JSON"},
      {"{\"a\": 1e400}", "beyond the range"},
      {"{\"a\": \"\\ud800\"}", "not JSON"},
      {"{\"a\": \"\xff\"}", "not JSON"},
      {"{\"a\": " + deep, "not JSON"},
  };
  for (const auto& [body, message] : cases) {
    const auto parsed = ParseBody(body);
    ASSERT_FALSE(parsed.ok()) << body;
    EXPECT_NE(parsed.error().what.find(message), std::string::npos) << body << ": " << parsed.error().what;
  }
}

// Values take many times their bytes: too many are refused before any is made.
TEST(Schema, BodiesHaveSoManyValuesAtMost) {
  constexpr size_t kMost = size_t{1} << 19;
  std::string zeros = "{\"x\": [0";
  for (size_t i = 0; i < kMost - 4; ++i) zeros += ",0";  // beside them the object, its member, the list
  EXPECT_TRUE(ParseBody(zeros + "]}").ok());
  const auto refused = ParseBody(zeros + ",0]}");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().what, "the body has more than 524288 JSON values");
  // What is in a text is none.
  EXPECT_TRUE(ParseBody("{\"x\": \"\\\"" + std::string(2 * kMost, ',') + "\"}").ok());
}

TEST(Schema, WritesItselfAsJsonSchema) {
  const json::object schema = SchemaJson(kSchema);
  EXPECT_EQ(json::serialize(schema.at("required")), R"(["messages"])");
  const json::object& properties = schema.at("properties").get_object();
  EXPECT_EQ(json::serialize(properties.at("temperature")),
            R"({"type":"number","minimum":0E0,"maximum":2E0,"description":"0: greedy","default":1E0})");
  EXPECT_EQ(json::serialize(properties.at("stop")),
            R"({"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"},"maxItems":2}]})");
  EXPECT_EQ(json::serialize(properties.at("messages")
                                .at("items")
                                .at("properties")
                                .at("content")
                                .at("anyOf")
                                .at(1)
                                .at("items")
                                .at("properties")
                                .at("type")),
            R"({"type":"string","enum":["text","image_url"]})");
}

}  // namespace
}  // namespace tern
