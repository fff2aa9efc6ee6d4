#pragma once
// EventWriter: turns what a parser finds into events: joins neighbours, numbers calls, and drops the white
// space that stands next to markers.

#include <string>
#include <string_view>
#include <vector>

#include "text/chat/markers.h"
#include "text/chat_format.h"

namespace tern::chat {

class EventWriter {
 public:
  // Where events go until the next call of this.
  void SetTarget(std::vector<ChatEvent>* events) { events_ = events; }

  void Content(std::string_view text) { Text(ChatEvent::Kind::kContent, text); }
  void Reasoning(std::string_view text) { Text(ChatEvent::Kind::kReasoning, text); }
  // A marker was used up here: white space before and after it goes with it.
  void Marker();
  // The end: white space that was held back is text after all.
  void Flush();

  void BeginCall(std::string_view name, std::string_view id = {});
  void Arguments(std::string_view json);
  void EndCall(bool is_whole);

  bool in_call() const { return in_call_; }
  bool has_content() const { return has_content_; }  // other than white space
  int calls() const { return calls_; }

 private:
  void Text(ChatEvent::Kind kind, std::string_view text);
  void Append(ChatEvent::Kind kind, std::string_view text);

  std::vector<ChatEvent>* events_ = nullptr;
  std::string space_;  // white space at the end of the text so far
  ChatEvent::Kind space_kind_ = ChatEvent::Kind::kContent;
  bool after_marker_ = false;
  bool has_content_ = false;
  bool in_call_ = false;
  bool has_arguments_ = false;
  int calls_ = 0;
};

}  // namespace tern::chat
