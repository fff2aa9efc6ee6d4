#pragma once
// PythonScanner: follows one Python (or JSON) literal through text that arrives in pieces, and hands it on as
// JSON: strings in either quotes, True, False and None, tuples as lists, commas before closing brackets.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/chat/json_scanner.h"

namespace tern::chat {

// Appends text as it stands inside a JSON string.
void AppendJsonEscaped(std::string_view text, std::string* json);

class PythonScanner {
 public:
  using State = JsonScanner::State;

  // As JsonScanner::Read; `json` gets the JSON of what was used.
  size_t Read(std::string_view text, std::string* json);
  State state() const { return state_; }
  // The end of all text: whether the value is whole. Appends what was missing of it.
  bool Finish(std::string* json);
  void Reset() { *this = PythonScanner(); }

 private:
  enum class Expect { kValue, kFirst, kKey, kFirstKey, kColon, kNext, kString, kEscape, kCode, kWord };

  bool Take(char c, std::string* json);
  bool TakeOutside(char c, std::string* json);
  bool TakeValue(char c, std::string* json);
  bool TakeInString(char c, std::string* json);
  bool TakeEscape(char c, std::string* json);
  void EndWord(std::string* json);
  bool Close(char c, std::string* json);
  void Separate(std::string* json);

  State state_ = State::kMore;
  Expect expect_ = Expect::kValue;
  std::string open_;        // closing brackets, innermost last
  bool has_comma_ = false;  // read, not yet written
  bool is_key_ = false;
  char quote_ = '"';
  std::string code_;  // of \xHH, \uHHHH, \UHHHHHHHH: the letter and the digits so far
  std::string word_;
};

}  // namespace tern::chat
