// Runs tests/chat_formats/*.test (the README there says how they are written), and feeds every input there
// again in other pieces: the message must be the same.

#include "text/chat_format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tern {
namespace {

namespace fs = std::filesystem;

struct Piece {
  std::string text;
  bool is_control = false;
};

struct Case {
  std::string where;
  std::string format;
  ChatFormatOptions options;
  std::vector<Piece> pieces;
  std::vector<std::vector<std::string>> events;  // of every piece, then of the end
};

std::string Replaced(std::string text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

std::string Shown(const ChatEvent& event) {
  const std::string text = Replaced(event.text, "\n", "⏎");
  const std::string call = std::to_string(event.call);
  switch (event.kind) {
    case ChatEvent::Kind::kContent:
      return "content: " + text;
    case ChatEvent::Kind::kReasoning:
      return "reasoning: " + text;
    case ChatEvent::Kind::kCallBegin:
      return "call " + call + ": " + text + (event.id.empty() ? "" : " (" + event.id + ")");
    case ChatEvent::Kind::kCallArguments:
      return "arguments " + call + ": " + text;
    case ChatEvent::Kind::kCallEnd:
      return "end " + call + (event.is_whole ? "" : ", not whole");
  }
  return "";
}

// One line of a case's head. False: there is no such line.
bool ReadOption(const std::string& line, Case* made) {
  const size_t space = std::min(line.find(' '), line.size());
  const std::string word = line.substr(0, space), rest = line.substr(std::min(space + 1, line.size()));
  if (word == "format") {
    made->format = rest;
  } else if (word == "thinks") {
    made->options.reasoning = DetectReasoning(rest);
    if (made->options.reasoning.open.empty()) return false;
  } else if (line == "begins thinking") {
    made->options.begins_in_reasoning = true;
  } else if (line == "without calls") {
    made->options.calls = false;
  } else if (word == "tools") {
    made->options.tools = boost::json::parse(rest);
  } else if (word == "control") {
    std::istringstream tokens(rest);
    for (std::string token; tokens >> token;) made->options.control_tokens.push_back(token);
  } else {
    return false;
  }
  return true;
}

std::vector<Case> ReadCases(const fs::path& path) {
  std::ifstream in(path);
  std::vector<Case> cases;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (!line.starts_with("  ")) continue;
    line = Replaced(Replaced(line.substr(2), "⏎", "\n"), "␣", " ");
    if (line.starts_with("format ")) {
      cases.emplace_back().where = path.filename().string() + ":" + std::to_string(number);
    }
    if (cases.empty()) throw std::runtime_error(path.string() + ": a case begins with its format");
    Case& made = cases.back();
    if (line.starts_with("< ") || line.starts_with("! ")) {
      made.pieces.push_back({line.substr(2), line[0] == '!'});
      made.events.emplace_back();
    } else if (line == "<end>") {
      made.events.emplace_back();
    } else if (line.starts_with("  ") && !made.events.empty()) {
      made.events.back().push_back(Replaced(line.substr(2), "\n", "⏎"));
    } else if (!ReadOption(line, &made)) {
      throw std::runtime_error(path.string() + ":" + std::to_string(number) + ": " + line);
    }
  }
  return cases;
}

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const auto& entry : fs::directory_iterator(fs::path(TERN_SOURCE_DIR) / "tests/chat_formats")) {
    if (entry.path().extension() != ".test") continue;
    const std::vector<Case> more = ReadCases(entry.path());
    cases.insert(cases.end(), more.begin(), more.end());
  }
  return cases;
}

// Events joined: what a client has at the end.
std::vector<std::string> Message(const std::vector<ChatEvent>& events) {
  std::vector<ChatEvent> joined;
  for (const ChatEvent& event : events) {
    const bool is_text = event.kind != ChatEvent::Kind::kCallBegin && event.kind != ChatEvent::Kind::kCallEnd;
    if (is_text && !joined.empty() && joined.back().kind == event.kind && joined.back().call == event.call) {
      joined.back().text += event.text;
    } else {
      joined.push_back(event);
    }
  }
  std::vector<std::string> message;
  for (const ChatEvent& event : joined) message.push_back(Shown(event));
  return message;
}

std::vector<std::string> Parsed(const Case& made, const std::vector<Piece>& pieces) {
  const auto parser = FindChatFormat(made.format).value()->make.value(made.options);
  std::vector<ChatEvent> events;
  for (const Piece& piece : pieces) {
    if (piece.is_control) {
      parser->FeedControl(piece.text, &events);
    } else {
      parser->Feed(piece.text, &events);
    }
  }
  parser->Finish(&events);
  return Message(events);
}

// The input with every text cut after each `size` bytes, the first after `first`.
std::vector<Piece> Cut(const std::vector<Piece>& pieces, size_t first, size_t size) {
  std::vector<Piece> cut;
  for (const Piece& piece : pieces) {
    if (piece.is_control) {
      cut.push_back(piece);
      continue;
    }
    for (size_t begin = 0, next = first; begin < piece.text.size(); begin = next, next += size) {
      cut.push_back({piece.text.substr(begin, next - begin)});
    }
  }
  return cut;
}

TEST(ChatFormat, EventsComeAsSoonAsTheyAreCertain) {
  const auto cases = AllCases();
  ASSERT_GT(cases.size(), 20u);
  for (const Case& made : cases) {
    SCOPED_TRACE(made.where);
    const auto format = FindChatFormat(made.format);
    ASSERT_TRUE(format.ok()) << format.error().what;
    const auto parser = format.value()->make.value(made.options);
    for (size_t i = 0; i < made.events.size(); ++i) {
      std::vector<ChatEvent> events;
      if (i == made.pieces.size()) {
        parser->Finish(&events);
      } else if (made.pieces[i].is_control) {
        parser->FeedControl(made.pieces[i].text, &events);
      } else {
        parser->Feed(made.pieces[i].text, &events);
      }
      std::vector<std::string> shown;
      for (const ChatEvent& event : events) shown.push_back(Shown(event));
      EXPECT_EQ(shown, made.events[i]) << "piece " << i + 1;
    }
  }
}

TEST(ChatFormat, AnyCutGivesTheSameMessage) {
  for (const Case& made : AllCases()) {
    SCOPED_TRACE(made.where);
    std::vector<Piece> whole;  // neighbouring texts joined
    for (const Piece& piece : made.pieces) {
      if (!whole.empty() && !piece.is_control && !whole.back().is_control) {
        whole.back().text += piece.text;
      } else {
        whole.push_back(piece);
      }
    }
    const auto want = Parsed(made, whole);
    EXPECT_EQ(Parsed(made, made.pieces), want);
    size_t longest = 0;
    for (const Piece& piece : whole) longest = std::max(longest, piece.text.size());
    for (size_t first = 1; first < longest; ++first) {
      ASSERT_EQ(Parsed(made, Cut(whole, first, longest)), want) << "in two, at byte " << first;
    }
    for (size_t size : {1, 2, 3, 5, 7}) ASSERT_EQ(Parsed(made, Cut(whole, size, size)), want) << size;
  }
}

// A model may break a character; its bytes are passed on inside names and arguments as elsewhere.
TEST(ChatFormat, BytesThatAreNoUtf8StayInStrings) {
  Case made;
  made.format = "hermes";
  const std::string text =
      "<tool_call>{\"name\": \"f\xDE\", \"arguments\": \"{\\\"x\\\": \\\"\xDE\\\"}\"}</tool_call>";
  const std::vector<std::string> want = {"call 0: f\xDE", "arguments 0: {\"x\": \"\xDE\"}", "end 0"};
  EXPECT_EQ(Parsed(made, {{text}}), want);
}

// Every format is found by a template that speaks of it, unless an earlier one is.
TEST(ChatFormat, DetectedByWhatTheTemplateMentions) {
  const auto named = [](std::string_view text) { return DetectChatFormat(text).name; };
  EXPECT_EQ(named("{{ m.content }}"), "plain");
  EXPECT_EQ(named("<tool_call>\\n{\"name\""), "hermes");
  EXPECT_EQ(named("<tool_call>\\n<function=x>\\n<parameter=y>"), "qwen3_coder");
  EXPECT_EQ(named("<tool_call>{name}<arg_key>"), "glm");
  EXPECT_EQ(named("'[TOOL_CALLS]' + name + '[ARGS]'"), "mistral");
  for (const ChatFormatDesc* format : AllChatFormats()) {
    if (format->mentions[0].empty()) continue;
    EXPECT_EQ(named(format->mentions[0]), format->name);
  }
}

TEST(ChatFormat, UnknownNameListsTheNames) {
  const auto found = FindChatFormat("hermès");
  ASSERT_FALSE(found.ok());
  EXPECT_TRUE(found.error().what.starts_with("chat format 'hermès': not known, expected one of gpt_oss, "))
      << found.error().what;
}

TEST(ChatFormat, ReasoningIsOpenWhereTheTemplateEndsWithTheTag) {
  const ReasoningTags tags = DetectReasoning("... '</think>' in content ...");
  ASSERT_EQ(tags.open, "<think>");
  const auto opens = [&](std::string text, bool is_template) {
    return OpensReasoning(std::vector<TextSegment>{{"x", false}, {std::move(text), is_template}}, tags);
  };
  EXPECT_TRUE(opens("<|im_start|>assistant\n<think>\n", true));
  EXPECT_FALSE(opens("<|im_start|>assistant\n<think>\n\n</think>\n\n", true));
  EXPECT_FALSE(opens("<think>\n", false));
  EXPECT_FALSE(OpensReasoning({}, tags));
  EXPECT_TRUE(DetectReasoning("{{ m.content }}").open.empty());
}

}  // namespace
}  // namespace tern
