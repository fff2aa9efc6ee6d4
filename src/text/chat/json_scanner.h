#pragma once
// JsonScanner: follows one JSON value through text that arrives in pieces, and hands on what it read.
//
// Strict where it matters (brackets, commas, colons, words), kind where models are sloppy: line breaks and
// other control characters inside strings are escaped on the way. Constant memory but for one bit per level.

#include <string>
#include <string_view>
#include <vector>

namespace tern::chat {

class JsonScanner {
 public:
  enum class State { kMore, kDone, kBad };

  // Reads on and appends what it read to `json`. Returns how many bytes were used: all, unless the value
  // ended (kDone: the rest lies behind it) or went wrong (kBad: the rest begins with what does not belong
  // there). A number ends with what follows it.
  size_t Read(std::string_view text, std::string* json);
  State state() const { return state_; }
  // The end of all text: whether the value is whole.
  bool Finish();
  void Reset() { *this = JsonScanner(); }

  static constexpr size_t kMaxDepth = 256;

 private:
  enum class Expect { kValue, kFirstValue, kFirstKey, kKey, kColon, kNext, kString, kEscape, kHex, kWord };

  bool Take(char c, std::string* json);
  bool TakeOutside(char c);
  bool TakeValue(char c);
  void TakeInString(char c, std::string* json);
  bool Close(char c);
  void Ended() { expect_ = Expect::kNext; }

  State state_ = State::kMore;
  Expect expect_ = Expect::kValue;
  std::vector<bool> in_object_;  // of every open bracket, outermost first
  bool is_key_ = false;          // the string being read
  int hex_ = 0;                  // digits still to come of \uXXXX
  std::string word_;             // a number, or as much of true, false and null as was read
};

}  // namespace tern::chat
