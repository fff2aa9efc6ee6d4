#pragma once
// CallObject: one call written as a JSON object, {"name": "f", "arguments": {...}}, read as it arrives.
//
// Keys may come in any order and under the names that models use ("parameters", "tool_name", OpenAI's nested
// "function"); others are skipped. Arguments may be an object or a string that holds one.

#include <string>
#include <string_view>
#include <vector>

#include "text/chat/event_writer.h"
#include "text/chat/json_scanner.h"

namespace tern::chat {

// The values of "name" in the request's tools.
bool NamesTool(const boost::json::value& tools, std::string_view name);

class CallObject {
 public:
  enum class State { kMore, kDone, kBad };

  // `only_tools` not null: an object is a call only if it names one of these and has arguments, and begins
  // with a key that calls have.
  CallObject(EventWriter* out, const boost::json::value* only_tools) : out_(out), only_tools_(only_tools) {}

  // Reads on from the object's "{". Returns how many bytes were used; with kBad the rest begins with what
  // went wrong. The call begins when its name and its arguments are there, and ends with kDone; not whole
  // where its arguments are a string that holds no JSON.
  size_t Read(std::string_view text);
  State state() const { return state_; }
  bool has_begun() const { return has_begun_; }

 private:
  enum class Expect { kOpen, kFirstKey, kKey, kKeyText, kColon, kValue, kInValue, kNext };
  enum class Role { kName, kId, kArguments, kFunction, kOther };

  bool TakeOutside(char c);
  bool BeginValue(char c);
  size_t ReadScanned(std::string_view text);
  size_t MostBytes() const;
  bool Keep(std::string_view json);
  bool EndKey();
  bool EndValue();
  bool TakeArguments(std::string_view json);
  bool Close();
  bool Begin();
  static Role RoleOf(std::string_view key);

  EventWriter* out_;
  const boost::json::value* only_tools_;
  State state_ = State::kMore;
  Expect expect_ = Expect::kOpen;
  int level_ = 0;  // 1: in the object, 2: in its "function"
  Role role_ = Role::kOther;
  JsonScanner scanner_;
  std::string word_;  // what is read whole, as JSON: keys, names, ids, arguments that are no object
  bool is_word_ = false;
  size_t value_bytes_ = 0;  // read of it
  std::string name_, id_;
  std::string held_;  // arguments that came before the name
  bool is_first_key_ = true, has_arguments_ = false, has_begun_ = false;
  bool is_json_ = true;  // the arguments
};

}  // namespace tern::chat
