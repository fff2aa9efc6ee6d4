// The chat format of docs/adding-a-chat-format.md, fed a call.

#include <gtest/gtest.h>

// ---- src/text/chat_formats/arrows.cc
// Arrows:
//
//   => {"name": "f", "arguments": {"x": 1}} <=

#include "text/chat/json_calls.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::JsonCalls>(options,
                                                   chat::JsonCallTags{.open = {"=>"}, .close = {"<="}});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_arrows;
const ChatFormatDesc k_chatformat_arrows = {
    .name = "arrows",
    .summary = "JSON between arrows",
    .mentions = {"=> {"},
    .make = Make,
};

}  // namespace tern
// ----

namespace tern {
namespace {

TEST(AddingAChatFormat, TheExampleFindsACall) {
  const auto parser = k_chatformat_arrows.make.value({});
  std::vector<ChatEvent> events;
  parser->Feed("One moment. => {\"name\": \"f\", \"argum", &events);
  parser->Feed("ents\": {\"x\": 1}} <= done", &events);
  parser->Finish(&events);
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(events[0].text, "One moment.");
  EXPECT_EQ(events[1].text, "f");
  EXPECT_EQ(events[2].text, "{\"x\": 1}");
  EXPECT_EQ(events[3].kind, ChatEvent::Kind::kCallEnd);
  EXPECT_EQ(events[4].text, "done");
}

}  // namespace
}  // namespace tern
