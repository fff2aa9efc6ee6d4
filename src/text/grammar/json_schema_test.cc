#include <gtest/gtest.h>

#include <string>

#include "text/grammar/grammar.h"

namespace tern {
namespace {

Result<std::shared_ptr<const Grammar>> Compile(std::string_view schema) {
  return Grammar::Compile(*FindGrammarForm("json_schema").value(), schema);
}

bool Allows(std::string_view schema, std::string_view text) {
  const auto grammar = Compile(schema);
  EXPECT_TRUE(grammar.ok()) << schema << ": " << (grammar.ok() ? "" : grammar.error().what);
  return grammar.ok() && MatchText(*grammar.value(), text).value().matches;
}

#define EXPECT_ALLOWS(schema, text) \
  EXPECT_TRUE(Allows(schema, text)) << (schema) << " should allow " << (text)
#define EXPECT_FORBIDS(schema, text) \
  EXPECT_FALSE(Allows(schema, text)) << (schema) << " should forbid " << (text)

void ExpectRefusal(std::string_view schema, std::string_view message) {
  const auto grammar = Compile(schema);
  const std::string said = grammar.ok() ? "nothing" : grammar.error().what;
  EXPECT_NE(said.find(message), std::string::npos)
      << schema.substr(0, 300) << "\nsaid " << said << "\nwanted " << message;
}

TEST(JsonSchema, PropertiesComeInOrder) {
  const char* schema =
      R"({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "null"}, "c": {}},
                           "required": ["b"], "additionalProperties": false})";
  EXPECT_ALLOWS(schema, R"({"a":1,"b":null,"c":[{}]})");
  EXPECT_ALLOWS(schema, "{\n  \"b\": null\n}");
  EXPECT_FORBIDS(schema, R"({"a":1})");
  EXPECT_FORBIDS(schema, R"({"b":null,"a":1})");
  EXPECT_FORBIDS(schema, R"({"b":null,})");
  EXPECT_FORBIDS(schema, R"({"b":null,"d":1})");
}

TEST(JsonSchema, OtherPropertiesAreNotTheNamedOnes) {
  const char* schema =
      R"({"properties": {"ab": {"type": "integer"}}, "additionalProperties": {"type": "string"}})";
  EXPECT_ALLOWS(schema, R"({"ab":1,"a":"x","abc":"y","\"":"z"})");
  EXPECT_FORBIDS(schema, R"({"ab":"x"})");
  EXPECT_FORBIDS(schema, R"({"\u0061b":"x"})");
  EXPECT_ALLOWS(R"({"type": "object"})", R"({"x":[1,{"y":null}]})");
  EXPECT_FORBIDS(R"({"properties": {"a": {}}})", R"({"b":1})");
}

TEST(JsonSchema, NumbersKeepTheirBounds) {
  const char* byte = R"({"type": "integer", "minimum": -5, "exclusiveMaximum": 256})";
  for (const char* text : {"-5", "-1", "0", "7", "99", "100", "199", "255"}) EXPECT_ALLOWS(byte, text);
  for (const char* text : {"-6", "-10", "256", "300", "1000", "00", "-0", "1.0", "1e1"})
    EXPECT_FORBIDS(byte, text);
  const char* share = R"({"type": "number", "exclusiveMinimum": 0, "maximum": 1.25})";
  for (const char* text : {"0.1", "1", "1.0", "1.25", "1.2", "1.250", "0.001"}) EXPECT_ALLOWS(share, text);
  for (const char* text : {"0", "0.0", "0.", "1.3", "1.251", "-1", "2"}) EXPECT_FORBIDS(share, text);
  EXPECT_ALLOWS(R"({"type": "number", "minimum": -2.5, "maximum": -0.5})", "-2.25");
  EXPECT_FORBIDS(R"({"type": "number", "minimum": -2.5, "maximum": -0.5})", "-0.4");
  EXPECT_ALLOWS(R"({"type": "integer", "multipleOf": 10})", "-120");
  EXPECT_FORBIDS(R"({"type": "integer", "multipleOf": 10})", "12");
  EXPECT_ALLOWS(R"({"type": "integer", "multipleOf": 7, "minimum": 0, "maximum": 70})", "49");
  EXPECT_FORBIDS(R"({"type": "integer", "multipleOf": 7, "minimum": 0, "maximum": 70})", "50");
  EXPECT_ALLOWS(R"({"type": "number"})", "-1.5E+10");
}

TEST(JsonSchema, IntegersKeepBoundsOf64Bits) {
  const char* safe = R"({"type": "integer", "minimum": -9007199254740991, "maximum": 9007199254740991})";
  for (const char* text : {"0", "9007199254740991", "-9007199254740991"}) EXPECT_ALLOWS(safe, text);
  for (const char* text : {"9007199254740992", "-9007199254740992"}) EXPECT_FORBIDS(safe, text);
  const char* most = R"({"type": "integer", "minimum": 9223372036854775807})";
  EXPECT_ALLOWS(most, "9223372036854775807");
  EXPECT_FORBIDS(most, "5");
  for (const char* type : {"integer", "number"}) {
    for (const char* bound :
         {R"("exclusiveMinimum": 9223372036854775807)", R"("exclusiveMaximum": -9223372036854775807)"}) {
      ExpectRefusal(std::string(R"({"type": ")") + type + "\", " + bound + "}", "matches no text");
    }
  }
  EXPECT_FORBIDS(R"({"type": "number", "exclusiveMaximum": 9007199254740991})", "9007199254740990.9");
  EXPECT_ALLOWS(R"({"type": "number", "exclusiveMaximum": 9007199254740991})", "9007199254740990");
  const char* multiple =
      R"({"multipleOf": 7, "minimum": -9223372036854775807, "maximum": -9223372036854775780})";
  EXPECT_ALLOWS(multiple, "-9223372036854775807");
  EXPECT_FORBIDS(multiple, "-9223372036854775806");
}

TEST(JsonSchema, NamesOfPropertiesAreStrings) {
  const char* constants = R"({"propertyNames": {"anyOf": [{"const": "a"}, {"const": 1}]}})";
  EXPECT_ALLOWS(constants, R"({"a":2})");
  EXPECT_FORBIDS(constants, "{1:2}");
  EXPECT_FORBIDS(R"({"propertyNames": {"anyOf": [{"minLength": 2}, {}]}})", "{[]:1}");
  EXPECT_ALLOWS(R"({"propertyNames": {"anyOf": [{"minLength": 2}, {}]}})", R"({"":1})");
  const char* referred = R"({"$defs": {"n": {"oneOf": [{"const": "a"}, {"type": "integer"}]}},
                             "propertyNames": {"$ref": "#/$defs/n"}})";
  EXPECT_ALLOWS(referred, R"({"a":1})");
  EXPECT_FORBIDS(referred, "{2:1}");
  EXPECT_FORBIDS(R"({"propertyNames": {"minimum": 3}})", "{4:1}");
}

TEST(JsonSchema, AdditionalPropertiesBesidePatternsOfOtherSchemas) {
  const char* both = R"({"allOf": [{"patternProperties": {"^a": {"enum": [1, "x"]}}},
                                    {"additionalProperties": {"type": "string"}}]})";
  EXPECT_ALLOWS(both, R"({"a":"x"})");
  EXPECT_FORBIDS(both, R"({"a":1})");
  const char* none =
      R"({"allOf": [{"patternProperties": {"^a": {"type": "integer"}}}, {"additionalProperties": false}]})";
  EXPECT_ALLOWS(none, "{}");
  EXPECT_FORBIDS(none, R"({"a":1})");
  const char* own = R"({"patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": false})";
  EXPECT_ALLOWS(own, R"({"a":1})");
  EXPECT_FORBIDS(own, R"({"b":1})");
}

TEST(JsonSchema, StringsKeepLengthsPatternsAndFormats) {
  const char* two = R"({"type": "string", "minLength": 2, "maxLength": 3})";
  for (const char* text : {R"("ab")", R"("äöü")", R"("\n\ud83d\ude00")", "\"\\u0041\\\\\\\"\""})
    EXPECT_ALLOWS(two, text);
  for (const char* text : {R"("a")", R"("abcd")", R"("\ud83d\ude00")"}) EXPECT_FORBIDS(two, text);
  EXPECT_ALLOWS(R"({"pattern": "b"})", R"("abc")");
  EXPECT_FORBIDS(R"({"pattern": "^b"})", R"("abc")");
  EXPECT_ALLOWS(R"({"pattern": "^[\"\\\\\\n]+$"})", R"("\"\\\n")");
  EXPECT_ALLOWS(R"({"pattern": "^[a-z]+$", "maxLength": 3})", R"("abc")");
  EXPECT_FORBIDS(R"({"pattern": "^[a-z]+$", "maxLength": 3})", R"("abcd")");
  EXPECT_ALLOWS(R"({"format": "date"})", R"("2024-02-29")");
  EXPECT_FORBIDS(R"({"format": "date"})", R"("2023-02-29")");
  EXPECT_FORBIDS(R"({"format": "ipv4"})", R"("1.2.3.256")");
  EXPECT_ALLOWS(R"({"format": "uri"})", R"("https://example.org/a%20b?c=d#e")");
}

TEST(JsonSchema, ArraysKeepTheirLengths) {
  const char* schema = R"({"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 3})";
  EXPECT_ALLOWS(schema, "[true]");
  EXPECT_ALLOWS(schema, "[true, false,true]");
  EXPECT_FORBIDS(schema, "[]");
  EXPECT_FORBIDS(schema, "[true,true,true,true]");
  const char* pair =
      R"({"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": false, "minItems": 1})";
  EXPECT_ALLOWS(pair, "[1]");
  EXPECT_ALLOWS(pair, R"([1,"x"])");
  EXPECT_FORBIDS(pair, "[]");
  EXPECT_FORBIDS(pair, R"([1,"x",2])");
}

TEST(JsonSchema, CombinesSchemas) {
  EXPECT_ALLOWS(R"({"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 5}]})", "4");
  EXPECT_FORBIDS(R"({"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 5}]})", "6");
  const char* tagged =
      R"({"type": "object", "properties": {"t": {"enum": ["a", "b"]}}, "required": ["t"], "oneOf": [
      {"properties": {"t": {"const": "a"}, "x": {"type": "integer"}}, "required": ["x"]},
      {"properties": {"t": {"const": "b"}}}]})";
  EXPECT_ALLOWS(tagged, R"({"t":"a","x":1})");
  EXPECT_ALLOWS(tagged, R"({"t":"b"})");
  EXPECT_FORBIDS(tagged, R"({"t":"a"})");
  const char* tree =
      R"({"$ref": "#/$defs/t", "$defs": {"t": {"type": "object", "properties": {"v": {"type": "integer"},
      "kids": {"type": "array", "items": {"$ref": "#/$defs/t"}}}, "required": ["v"]}}})";
  EXPECT_ALLOWS(tree, R"({"v":1,"kids":[{"v":2},{"v":3,"kids":[]}]})");
  EXPECT_FORBIDS(tree, R"({"v":1,"kids":[{}]})");
  EXPECT_ALLOWS(R"({"type": "string", "nullable": true})", "null");
  EXPECT_ALLOWS(R"({"enum": [1, "a", {"b": [null, 1.5]}]})", R"({"b": [null, 1.5]})");
  EXPECT_FORBIDS(R"({"enum": [1, "a"], "type": "string"})", "1");
}

TEST(JsonSchema, RefusesByNameAndPath) {
  ExpectRefusal(R"({"properties": {"a": {"uniqueItems": true}}})",
                "#/properties/a: uniqueItems: is not supported");
  ExpectRefusal(R"({"items": {"not": {}}})", "#/items: not: is not supported");
  ExpectRefusal(R"({"if": {}})", "#: if:");
  ExpectRefusal(R"({"frobnicate": 1})", "#: frobnicate: is not supported");
  ExpectRefusal(R"({"$ref": "http://example.org"})", "$ref: \"http://example.org\"");
  ExpectRefusal(R"({"$ref": "#/$defs/x"})", "there is no such place");
  ExpectRefusal(R"({"oneOf": [{"type": "string"}, {"type": "string", "maxLength": 3}]})",
                "oneOf: schemas 0 and 1");
  ExpectRefusal(R"x({"pattern": "a(?=b)"})x", "pattern: byte 4: look-around");
  ExpectRefusal(R"({"format": "color"})", "format: \"color\"");
  ExpectRefusal(R"({"multipleOf": 0.01})", "multipleOf: is not supported with a fraction");
  ExpectRefusal(R"({"type": "text"})", "type: expected");
  ExpectRefusal(R"({"minLength": -1})", "minLength: expected a whole number");
  ExpectRefusal(R"({"type": "string", "minLength": 3, "maxLength": 2})", "matches no text");
  ExpectRefusal("false", "matches no text");
  ExpectRefusal("[1]", "expected an object or a boolean");
  ExpectRefusal("{", "json schema");
}

TEST(JsonSchema, DepthIsBounded) {
  const auto nested = [](size_t depth) {
    std::string schema;
    for (size_t i = 0; i < depth; ++i) schema += R"({"items":)";
    return schema + "{}" + std::string(depth, '}');
  };
  EXPECT_TRUE(Compile(nested(63)).ok());
  ExpectRefusal(nested(65), "more than 64 schemas in schemas");
  ExpectRefusal(nested(100000), "json schema");
}

}  // namespace
}  // namespace tern
