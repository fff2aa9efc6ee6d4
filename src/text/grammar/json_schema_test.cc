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
  ExpectRefusal(R"({"items": {"not": {"minimum": 3}}})", "#/items: not: is not supported");
  ExpectRefusal(R"({"if": {"properties": {"a": {}, "b": {}}}, "then": {}})", "#: if:");
  ExpectRefusal(R"({"frobnicate": 1})", "#: frobnicate: is not supported");
  ExpectRefusal(R"({"$ref": "http://example.org"})", "$ref: \"http://example.org\"");
  ExpectRefusal(R"({"$ref": "#/$defs/x"})", "there is no such place");
  ExpectRefusal(R"({"oneOf": [{"type": "string"}, {"type": "string", "maxLength": 3}]})",
                "oneOf: schemas 0 and 1");
  ExpectRefusal(R"x({"pattern": "a(?<=b)"})x", "pattern: byte 5: look-around");
  ExpectRefusal(R"({"format": "regex"})", "format: \"regex\"");
  ExpectRefusal(R"({"multipleOf": 12345.678})", "multipleOf: so many digits");
  ExpectRefusal(R"({"type": "text"})", "type: expected");
  ExpectRefusal(R"({"minLength": -1})", "minLength: expected a whole number");
  ExpectRefusal(R"({"type": "string", "minLength": 3, "maxLength": 2})", "matches no text");
  ExpectRefusal("false", "matches no text");
  ExpectRefusal(R"({"$ref": "#"})", "#: $ref: leads back to itself");
  ExpectRefusal(R"({"anyOf": [{"$ref": "#"}, {"type": "null"}]})", "$ref: leads back to itself");
  ExpectRefusal(R"({"$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}},
                    "items": {"$ref": "#/$defs/a"}})",
                "$ref: leads back to itself");
  ExpectRefusal("[1]", "expected an object or a boolean");
  ExpectRefusal("{", "json schema");
}

// What zod and pydantic write.
TEST(JsonSchema, FormatsPatternsAndLengthsTogether) {
  const char* email = R"x({"type": "string", "format": "email", "maxLength": 12, "pattern":
      "^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$"})x";
  EXPECT_ALLOWS(email, R"("a.b@cd.org")");
  EXPECT_ALLOWS(email, R"("ab@c-d.e.org")");
  for (const char* text :
       {R"("abc@d-e.f.org")", R"(".b@cd.org")", R"("a..b@cd.org")", R"("a@b.c")", R"("a@b")"})
    EXPECT_FORBIDS(email, text);
  const char* uuid = R"({"format": "uuid", "pattern":
      "^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12})$"})";
  EXPECT_ALLOWS(uuid, R"("123e4567-e89b-42d3-a456-426614174000")");
  EXPECT_FORBIDS(uuid, R"("123e4567-e89b-12d3-a456-426614174000")");
  const char* day = R"({"format": "date", "pattern": "^2024-", "minLength": 10})";
  EXPECT_ALLOWS(day, R"("2024-02-29")");
  EXPECT_FORBIDS(day, R"("2023-02-28")");
  const char* two = R"({"type": "string", "allOf": [{"pattern": "^a"}, {"pattern": "b$"}], "maxLength": 4})";
  EXPECT_ALLOWS(two, R"("a\"b")");
  EXPECT_FORBIDS(two, R"("a123b")");
  EXPECT_FORBIDS(two, R"("ba")");
  const char* url = R"({"type": "string", "format": "uri", "minLength": 1, "maxLength": 2083})";
  EXPECT_ALLOWS(url, R"("https://example.org/a/b?c=d")");
  EXPECT_FORBIDS(R"({"format": "uri", "maxLength": 26})", R"("https://example.org/a/b?c=d")");
  EXPECT_ALLOWS(R"({"pattern": "^[a-z]+-[a-z]+$", "minLength": 4, "maxLength": 5})", R"("ab-c")");
  EXPECT_FORBIDS(R"({"pattern": "^[a-z]+-[a-z]+$", "minLength": 4, "maxLength": 5})", R"("a-b")");
  ExpectRefusal(R"({"pattern": "^[a-z]+-[a-z]+$", "minLength": 90000})", "minLength or maxLength beside");
  const char* decimal = R"x({"type": "string", "pattern": "^(?!^[-+.]*$)[+-]?0*\\d*\\.?\\d*$"})x";
  for (const char* text : {R"("1.5")", R"("-.5")", R"("+007.")"}) EXPECT_ALLOWS(decimal, text);
  for (const char* text : {R"("-")", R"("")", R"("+.")", R"("1.2.3")"}) EXPECT_FORBIDS(decimal, text);
  const char* length =
      R"x({"pattern": "^P(?:(\\d+W)|(?!.*W)(?=\\d|T\\d)(\\d+Y)?(T(?=\\d)(\\d+H)?(\\d+M)?)?)$"})x";
  for (const char* text : {R"("P1W")", R"("P3YT1H")", R"("PT5M")"}) EXPECT_ALLOWS(length, text);
  for (const char* text : {R"("P")", R"("P1YT")", R"("PT")", R"("P1WT1H")"}) EXPECT_FORBIDS(length, text);
}

TEST(JsonSchema, AnnotationsSayNothing) {
  EXPECT_ALLOWS(R"({"type": "string", "format": "password", "x-order": 1, "example": 1, "xml": {},
                    "markdownDescription": "m", "deprecated": true, "contentEncoding": "base64"})",
                R"("x")");
  EXPECT_ALLOWS(R"({"type": "integer", "format": "int32"})", "1");
  EXPECT_ALLOWS(R"({"discriminator": {"propertyName": "k"}, "propertyOrdering": ["k"], "oneOf": [
                    {"type": "object", "properties": {"k": {"const": "a"}}, "required": ["k"]}]})",
                R"({"k":"a"})");
  EXPECT_ALLOWS(R"({"type": "number", "minimum": -3.4028234663852886e+38, "maximum": 3.4e38})", "-7.5");
}

TEST(JsonSchema, NullableAddsNull) {
  const char* referred =
      R"({"$defs": {"n": {"type": "integer"}}, "nullable": true, "allOf": [{"$ref": "#/$defs/n"}]})";
  EXPECT_ALLOWS(referred, "null");
  EXPECT_ALLOWS(referred, "5");
  EXPECT_FORBIDS(referred, "true");
  EXPECT_FORBIDS(R"({"allOf": [{"nullable": true, "enum": [1]}, {"type": "integer"}]})", "null");
}

TEST(JsonSchema, RootsMayReferToThemselves) {
  const char* tree = R"({"type": "object", "properties": {"v": {"type": "integer"},
      "kids": {"type": "array", "items": {"$ref": "#"}}}, "required": ["v"], "additionalProperties": false})";
  EXPECT_ALLOWS(tree, R"({"v":1,"kids":[{"v":2,"kids":[]}]})");
  EXPECT_FORBIDS(tree, R"({"v":1,"kids":[{"kids":[]}]})");
  EXPECT_FORBIDS(tree, R"({"v":1,"kids":[3]})");
}

TEST(JsonSchema, MultiplesOfFractions) {
  const char* half = R"({"type": "number", "multipleOf": 0.5})";
  for (const char* text : {"0", "-1.5", "12", "3.0", "100000.5"}) EXPECT_ALLOWS(half, text);
  for (const char* text : {"0.25", "1.51", "1.", "01"}) EXPECT_FORBIDS(half, text);
  const char* cents = R"({"type": "number", "multipleOf": 0.01, "minimum": 0.995, "maximum": 2})";
  for (const char* text : {"1", "1.07", "1.1", "2.00"}) EXPECT_ALLOWS(cents, text);
  for (const char* text : {"0.99", "1.005", "2.01"}) EXPECT_FORBIDS(cents, text);
  EXPECT_ALLOWS(R"({"type": "integer", "multipleOf": 2.5})", "-15");
  EXPECT_FORBIDS(R"({"type": "integer", "multipleOf": 2.5})", "12");
  EXPECT_ALLOWS(R"({"type": "integer", "multipleOf": 7})", "1001");
  EXPECT_FORBIDS(R"({"type": "integer", "multipleOf": 7})", "1000");
  EXPECT_ALLOWS(R"({"type": "integer", "multipleOf": 5, "minimum": 10000})", "10005");
  EXPECT_FORBIDS(R"({"enum": [0.3, 0.35, 7], "multipleOf": 0.1})", "0.35");
  EXPECT_ALLOWS(R"({"enum": [0.3, 0.35, 7], "multipleOf": 0.1})", "0.3");
}

TEST(JsonSchema, NamesAndPatternsBesideProperties) {
  const char* record = R"({"type": "object", "propertyNames": {"type": "string", "enum": ["a", "b"]},
                           "additionalProperties": {"type": "number"}, "required": ["a", "b"]})";
  EXPECT_ALLOWS(record, R"({"a":1,"b":2.5})");
  for (const char* text :
       {R"({"a":1})", R"({"a":1,"b":2,"c":3})", R"({"a":1,"b":"x"})", R"({"a":1,"b":2,"b":3})"})
    EXPECT_FORBIDS(record, text);
  const char* extras = R"({"properties": {"x-a": {"enum": [1, "s"]}, "e": {"type": "boolean"}},
      "patternProperties": {"^x-": {"type": "integer"}, "z$": {"minimum": 5}}, "additionalProperties": {"type": "null"}})";
  for (const char* text : {R"({"x-a":1,"e":true,"x-b":2})", R"({"x-z":5})", R"({"az":6,"q":null})"})
    EXPECT_ALLOWS(extras, text);
  for (const char* text : {R"({"x-a":"s"})", R"({"x-z":4})", R"({"az":4})", R"({"e":1})", R"({"q":1})"})
    EXPECT_FORBIDS(extras, text);
  const char* named = R"({"properties": {"id": {"type": "integer"}, "ID": {}}, "required": ["id"],
                          "propertyNames": {"pattern": "^[a-z]+$"}, "additionalProperties": {"type": "string"}})";
  EXPECT_ALLOWS(named, R"({"id":1,"name":"x"})");
  EXPECT_FORBIDS(named, R"({"id":1,"ID":1})");
  EXPECT_FORBIDS(named, R"({"id":1,"Name":"x"})");
}

TEST(JsonSchema, CountsProperties) {
  const std::string three = R"("properties": {"a": {"type": "boolean"}, "b": {}, "c": {}})";
  const std::string one = "{" + three + R"(, "maxProperties": 1})",
                    two = "{" + three + R"(, "minProperties": 2})";
  for (const char* text : {"{}", R"({"a":true})", R"({"c":1})"}) EXPECT_ALLOWS(one, text);
  EXPECT_FORBIDS(one, R"({"a":true,"c":1})");
  for (const char* text : {R"({"a":true,"c":1})", R"({"b":1,"c":1})", R"({"a":true,"b":1,"c":1})"})
    EXPECT_ALLOWS(two, text);
  for (const char* text : {"{}", R"({"b":1})", R"({"a":true,})"}) EXPECT_FORBIDS(two, text);
  const std::string more =
      "{" + three + R"(, "additionalProperties": true, "minProperties": 2, "maxProperties": 3})";
  for (const char* text : {R"({"a":true,"d":1})", R"({"a":true,"b":1,"d":1})"}) EXPECT_ALLOWS(more, text);
  for (const char* text : {R"({"d":1,"e":1})", R"({"a":true,"b":1,"d":1,"e":1})", R"({"a":true})"})
    EXPECT_FORBIDS(more, text);
}

TEST(JsonSchema, SetsOfKnownValues) {
  const char* few =
      R"({"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": true, "minItems": 1})";
  for (const char* text : {R"(["a"])", R"(["c","a"])", R"(["b","c","a"])"}) EXPECT_ALLOWS(few, text);
  for (const char* text : {"[]", R"(["a","a"])", R"(["a","b","c","a"])"}) EXPECT_FORBIDS(few, text);
  const char* many =
      R"({"items": {"enum": [1, 2, 3, 4, 5, 6, 7, 8, 9, 9.0]}, "uniqueItems": true, "maxItems": 3})";
  for (const char* text : {"[]", "[2,5,9]"}) EXPECT_ALLOWS(many, text);
  for (const char* text : {"[5,5]", "[9,9.0]", "[1,2,3,4]"}) EXPECT_FORBIDS(many, text);
  EXPECT_ALLOWS(R"({"items": {"type": "boolean"}, "uniqueItems": true})", "[false,true]");
}

TEST(JsonSchema, OppositesOfSimpleSchemas) {
  EXPECT_FORBIDS(R"({"type": "string", "not": {"const": ""}})", R"("")");
  EXPECT_ALLOWS(R"({"type": "string", "not": {"const": ""}, "maxLength": 3})", R"("a")");
  EXPECT_FORBIDS(R"({"not": {"enum": ["a", null]}})", R"("a")");
  EXPECT_FORBIDS(R"({"not": {"enum": ["a", null]}})", "null");
  EXPECT_ALLOWS(R"({"not": {"enum": ["a", null]}})", R"(["a",1])");
  EXPECT_FORBIDS(R"({"not": {"type": ["string", "null"]}})", R"("a")");
  EXPECT_ALLOWS(R"({"not": {"type": ["string", "null"]}})", "[null]");
  EXPECT_FORBIDS(R"({"type": "string", "not": {"pattern": "b"}})", R"("abc")");
  EXPECT_ALLOWS(R"({"type": "string", "not": {"pattern": "b"}})", R"("ac")");
  EXPECT_FORBIDS(R"({"properties": {"a": {}, "b": {}}, "not": {"required": ["a"]}})", R"({"a":1})");
  EXPECT_ALLOWS(R"({"properties": {"a": {}, "b": {}}, "not": {"required": ["a"]}})", R"({"b":1})");
  EXPECT_ALLOWS(R"({"properties": {"a": {"not": {}}, "b": {}}})", R"({"b":1})");
  EXPECT_FORBIDS(R"({"properties": {"a": {"not": {}}, "b": {}}})", R"({"a":1})");
}

TEST(JsonSchema, ConditionsOnAProperty) {
  const char* schema =
      R"({"type": "object", "properties": {"k": {"enum": ["a", "b"]}, "v": {"type": "integer"}},
      "required": ["k"], "if": {"properties": {"k": {"const": "a"}}}, "then": {"required": ["v"]},
      "else": {"not": {"required": ["v"]}}})";
  EXPECT_ALLOWS(schema, R"({"k":"a","v":1})");
  EXPECT_ALLOWS(schema, R"({"k":"b"})");
  EXPECT_FORBIDS(schema, R"({"k":"a"})");
  EXPECT_FORBIDS(schema, R"({"k":"b","v":1})");
  const char* both =
      R"({"properties": {"k": {"type": "string"}, "v": {}, "w": {}}, "required": ["k"], "allOf": [
      {"if": {"properties": {"k": {"const": "a"}}, "required": ["k"]}, "then": {"required": ["v"]}},
      {"if": {"properties": {"k": {"enum": ["b", "c"]}}, "required": ["k"]}, "then": {"required": ["w"]}}]})";
  for (const char* text : {R"({"k":"a","v":1})", R"({"k":"c","w":1})", R"({"k":"d"})"})
    EXPECT_ALLOWS(both, text);
  for (const char* text : {R"({"k":"a"})", R"({"k":"b","v":1})"}) EXPECT_FORBIDS(both, text);
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
