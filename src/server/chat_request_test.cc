#include "server/chat_request.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "server/forced_call.h"
#include "server/told_tools.h"
#include "text/grammar/grammar.h"

namespace tern {
namespace {

namespace json = boost::json;

json::array Array(std::string_view text) { return json::parse(text).get_array(); }

TEST(ToldTools, AreInTheSystemMessageAndCallsInTheirMessages) {
  const json::array told =
      TellTools(Array(R"([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "a"},
                {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{\"x\":1}"}},
                                                      {"function": {"name": "g"}}]},
                {"role": "tool", "content": [{"type": "text", "text": "b"}]}])"),
                Array(R"([{"type": "function", "function": {"name": "f"}}])"));
  ASSERT_EQ(told.size(), 4u);
  const std::string_view system = told[0].at("content").get_string();
  EXPECT_TRUE(system.starts_with("Be brief.\n\nThese functions")) << system;
  EXPECT_NE(system.find("\n{\"name\":\"f\"}\n"), system.npos) << system;
  EXPECT_EQ(json::serialize(told[1]), R"({"role":"user","content":"a"})");
  EXPECT_EQ(told[2].at("content"),
            "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\":1}}\n</tool_call>\n"
            "<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>");
  EXPECT_EQ(json::serialize(told[3]), R"({"role":"user","content":"<tool_response>\nb\n</tool_response>"})");
}

TEST(ToldTools, WithoutAnyMessagesStayAsTheyAre) {
  const json::array messages = Array(R"([{"role": "user", "content": "a"}])");
  EXPECT_EQ(TellTools(messages, {}), messages);
}

bool Matches(const json::object& schema, std::string_view text) {
  const auto form = FindGrammarForm("json_schema");
  const auto grammar = Grammar::Compile(*form.value(), json::serialize(schema));
  EXPECT_TRUE(grammar.ok()) << grammar.error().what;
  return grammar.ok() && MatchText(*grammar.value(), text).value().matches;
}

TEST(ForcedCall, IsAnObjectOfANameAndItsArguments) {
  const json::array tools = Array(R"([
      {"function": {"name": "f", "parameters": {"type": "object", "properties": {"x": {"$ref": "#/$defs/n"}},
                                                 "required": ["x"], "$defs": {"n": {"enum": [1, 2]}}}}},
      {"function": {"name": "g"}}])");
  const json::value* all[] = {&tools[0], &tools[1]};
  const json::object any = ForcedCallSchema(all, {});
  EXPECT_TRUE(Matches(any, R"({"name": "f", "arguments": {"x": 2}})"));
  EXPECT_FALSE(Matches(any, R"({"name": "f", "arguments": {"x": 3}})"));
  EXPECT_TRUE(Matches(any, R"({"name": "g", "arguments": {}})"));
  EXPECT_FALSE(Matches(any, R"({"name": "g", "arguments": {"x": 2}})"));
  EXPECT_FALSE(Matches(any, R"({"name": "h", "arguments": {}})"));
  const json::object listed = ForcedCallSchema(
      std::span(all).first(1), {.name = "tool_name", .arguments = "parameters", .in_list = true});
  EXPECT_TRUE(Matches(listed, R"([{"tool_name": "f", "parameters": {"x": 1}}])"));
  EXPECT_FALSE(Matches(listed, "[]"));
}

// What an answer is made to be, its format's parser must read as that call.
TEST(ForcedCall, IsReadByItsFormat) {
  const json::array tools = Array(R"([{"type": "function", "function": {"name": "f"}}])");
  const json::value* all[] = {&tools[0]};
  for (const ChatFormatDesc* format : AllChatFormats()) {
    if (!format->call) continue;
    const CallShape& shape = *format->call;
    std::string text =
        "{\"" + std::string(shape.name) + "\": \"f\", \"" + std::string(shape.arguments) + "\": {}}";
    if (shape.in_list) text = "[" + text + "]";
    EXPECT_TRUE(Matches(ForcedCallSchema(all, shape), text)) << format->name;
    const auto parser = format->make({.tools = tools});
    std::vector<ChatEvent> events;
    parser->Feed(shape.open, &events);
    EXPECT_TRUE(events.empty()) << format->name;
    parser->Feed(text, &events);
    parser->Finish(&events);
    ASSERT_FALSE(events.empty()) << format->name;
    EXPECT_EQ(events.front().kind, ChatEvent::Kind::kCallBegin)
        << format->name << ": " << events.front().text;
    EXPECT_EQ(events.front().text, "f") << format->name;
    EXPECT_EQ(events.back().kind, ChatEvent::Kind::kCallEnd) << format->name << ": " << events.back().text;
    EXPECT_TRUE(events.back().is_whole) << format->name;
  }
}

TEST(AnswerOrCall, IsOneOfTheTwo) {
  const json::array tools = Array(R"([{"function": {"name": "f"}}])");
  const json::value* all[] = {&tools[0]};
  const std::string calls = json::serialize(ForcedCallSchema(all, {}));
  const AnswerFormat answer{.param = "response_format", .form = "choice", .source = R"(["yes", "no"])"};
  const auto grammar =
      Grammar::Compile(AnswerOrCall(), AnswerOrCallSource(answer, "<tool_call>\n", calls)).value();
  const auto matches = [&](std::string_view text) { return MatchText(*grammar, text).value().matches; };
  EXPECT_TRUE(matches("yes"));
  EXPECT_TRUE(matches("<tool_call>\n{\"name\": \"f\", \"arguments\": {}}"));
  EXPECT_FALSE(matches("{\"name\": \"f\", \"arguments\": {}}"));
  EXPECT_FALSE(matches("perhaps"));
}

TEST(AnswerOrCall, IsNotToBeHadWhereTheMarkerIsAControlToken) {
  const CallShape shape{.open = "<tool_call>\n"};
  const std::string control[] = {"<|im_end|>", "<tool_call>"};
  EXPECT_TRUE(CanBeText(shape, std::span(control).first(1)));
  EXPECT_FALSE(CanBeText(shape, control));
  EXPECT_FALSE(CanBeText(std::nullopt, {}));
}

TEST(AnswerFormat, IsWhatOneFieldAsksFor) {
  const auto read = [](std::string_view body) {
    AnswerFormat format;
    const Problem problem = ReadAnswerFormat(json::parse(body).get_object(), &format);
    return problem ? problem->message : format.param + " " + format.form + " " + format.source;
  };
  EXPECT_EQ(read("{}"), "  ");
  EXPECT_EQ(read(R"({"response_format": {"type": "text"}})"), "  ");
  EXPECT_EQ(read(R"({"response_format": {"type": "json_object"}})"), "response_format json ");
  EXPECT_EQ(read(R"({"response_format": {"type": "json_object", "schema": {"const": 1}}})"),
            R"(response_format.schema json_schema {"const":1})");
  EXPECT_EQ(
      read(R"({"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}}})"),
      "response_format.json_schema.schema json_schema {}");
  EXPECT_EQ(read(R"({"response_format": {"type": "json_schema", "json_schema": {"name": "s"}}})"),
            "response_format.json_schema.schema: required");
  EXPECT_EQ(read(R"({"guided_json": "{}"})"), "guided_json json_schema {}");
  EXPECT_EQ(read(R"({"structured_outputs": {"regex": "a+"}})"), "structured_outputs.regex regex a+");
  EXPECT_EQ(read(R"({"structured_outputs": {"json_object": false}})"), "  ");
  EXPECT_EQ(read(R"({"guided_choice": ["a"], "json_schema": {}})"),
            "json_schema: not beside guided_choice, expected at most one of them");
}

TEST(ServedModel, IsCalledAsItsFileWithoutWhereThatLies) {
  const std::pair<const char*, const char*> cases[] = {
      {"smollm2", "smollm2"},
      {"org/name", "org/name"},
      {"/a/b/c.gguf", "c"},
      {"c.Q4_K_M.gguf", "c.Q4_K_M"},
      {"../x/c-00001-of-00003.gguf", "c"},
      {"./folder/", "folder"},
      {"/", "model"},
  };
  for (const auto& [model, id] : cases) EXPECT_EQ(ServedModel::IdOf(model), id) << model;
  const ServedModel served{.id = "c", .alias = "/a/c.gguf"};
  for (const char* name : {"c", "c:latest", "/a/c.gguf"}) EXPECT_TRUE(served.IsNamed(name)) << name;
  for (const char* name : {"", "/a/c", "d"}) EXPECT_FALSE(served.IsNamed(name)) << name;
}

TEST(GrammarCache, KeepsWhatWasUsedLastWithinItsBytes) {
  const GrammarFormDesc& form = *FindGrammarForm("regex").value();
  GrammarCache cache;
  const auto first = cache.Get(form, "a+").value();
  EXPECT_EQ(cache.Get(form, "a+").value(), first);
  EXPECT_NE(cache.Get(form, "b+").value(), first);
  EXPECT_FALSE(cache.Get(form, "(").ok());
  GrammarCache small(cache.bytes() - 1);
  const auto a = small.Get(form, "a+").value(), b = small.Get(form, "b+").value();
  EXPECT_EQ(small.Get(form, "b+").value(), b);
  EXPECT_NE(small.Get(form, "a+").value(), a);
  EXPECT_LT(small.bytes(), cache.bytes());
}

}  // namespace
}  // namespace tern
