#include "text/chat/call_object.h"

#include <boost/json/parse.hpp>
#include <cstdint>
#include <optional>

#include "text/chat/space.h"

namespace tern::chat {
namespace {

constexpr size_t kMaxNameBytes = 1024;                 // of keys, names and ids
constexpr size_t kMaxArgumentBytes = size_t{1} << 20;  // of arguments that are held back

// A JSON string's text; anything else as it is written.
std::string Decoded(const std::string& json) {
  boost::json::parse_options options;
  options.allow_invalid_utf8 = true;  // a scanner has let it pass, and a string is one whatever its bytes
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(json, error, {}, options);
  return !error && value.is_string() ? std::string(value.get_string()) : json;
}

// The text as JSON, mended as the scanner mends what it reads; nothing if it is none.
std::optional<std::string> AsJson(std::string_view text) {
  JsonScanner scanner;
  std::string json;
  const size_t used = scanner.Read(text, &json);
  const bool is_json = scanner.Finish() && text.find_first_not_of(kSpace, used) == text.npos;
  return is_json ? std::optional(json) : std::nullopt;
}

}  // namespace

bool NamesTool(const boost::json::value& tools, std::string_view name) {
  if (!tools.is_array()) return true;
  for (const boost::json::value& tool : tools.get_array()) {
    const auto* described = tool.is_object() ? tool.get_object().if_contains("function") : nullptr;
    const boost::json::value& function = described ? *described : tool;
    const auto* named = function.is_object() ? function.get_object().if_contains("name") : nullptr;
    if (named && named->is_string() && std::string_view(named->get_string()) == name) return true;
  }
  return false;
}

CallObject::Role CallObject::RoleOf(std::string_view key) {
  if (key == "name" || key == "tool_name") return Role::kName;
  if (key == "arguments" || key == "parameters") return Role::kArguments;
  if (key == "id" || key == "tool_call_id" || key == "call_id") return Role::kId;
  return key == "function" ? Role::kFunction : Role::kOther;
}

size_t CallObject::Read(std::string_view text) {
  size_t used = 0;
  while (used < text.size() && state_ == State::kMore) {
    if (expect_ == Expect::kKeyText || expect_ == Expect::kInValue) {
      used += ReadScanned(text.substr(used));
    } else if (IsSpace(text[used]) || TakeOutside(text[used])) {
      ++used;
    } else if (expect_ != Expect::kKeyText && expect_ != Expect::kInValue) {
      state_ = State::kBad;
    }
  }
  return used;
}

// One byte of what stands around keys and values. False: it is left to ReadScanned, or wrong.
bool CallObject::TakeOutside(char c) {
  switch (expect_) {
    case Expect::kOpen:
      level_ = 1;
      expect_ = Expect::kFirstKey;
      return c == '{';
    case Expect::kFirstKey:
    case Expect::kKey:
      if (c == '}' && expect_ == Expect::kFirstKey) return Close();
      if (c != '"') return false;
      scanner_.Reset();
      word_.clear();
      value_bytes_ = 0;
      expect_ = Expect::kKeyText;
      return false;
    case Expect::kColon:
      expect_ = Expect::kValue;
      return c == ':';
    case Expect::kValue:
      return BeginValue(c);
    default:
      if (c != ',') return c == '}' && Close();
      expect_ = Expect::kKey;
      return true;
  }
}

bool CallObject::BeginValue(char c) {
  if (role_ == Role::kFunction && c == '{' && level_ == 1) {
    level_ = 2;
    expect_ = Expect::kFirstKey;
    return true;
  }
  if (role_ == Role::kFunction) role_ = c == '"' ? Role::kName : Role::kOther;
  if (role_ == Role::kArguments && has_arguments_) role_ = Role::kOther;
  if (role_ == Role::kArguments) has_arguments_ = true;
  is_word_ = role_ != Role::kArguments || (c != '{' && c != '[');
  // Whether it is a call is settled here, not by as much of the arguments as has arrived.
  if (!is_word_ && !name_.empty() && !has_begun_ && !Begin()) return false;
  scanner_.Reset();
  word_.clear();
  value_bytes_ = 0;
  expect_ = Expect::kInValue;
  return false;
}

size_t CallObject::ReadScanned(std::string_view text) {
  text = text.substr(0, MostBytes() - value_bytes_);
  std::string json;
  const size_t used = scanner_.Read(text, &json);
  value_bytes_ += used;
  const bool is_full = value_bytes_ == MostBytes() && scanner_.state() == JsonScanner::State::kMore;
  if (!Keep(json) || is_full || scanner_.state() == JsonScanner::State::kBad) {
    state_ = State::kBad;
  } else if (scanner_.state() == JsonScanner::State::kDone) {
    const bool fits = expect_ == Expect::kKeyText ? EndKey() : EndValue();
    if (!fits) state_ = State::kBad;
  }
  return used;
}

// How much of the value being read may be kept; what is passed on has no limit.
size_t CallObject::MostBytes() const {
  if (expect_ == Expect::kKeyText || role_ == Role::kName || role_ == Role::kId) return kMaxNameBytes;
  const bool is_kept = role_ == Role::kArguments && (is_word_ || name_.empty());
  return is_kept ? kMaxArgumentBytes : SIZE_MAX;
}

// False where it shows that this is no call.
bool CallObject::Keep(std::string_view json) {
  if (expect_ == Expect::kInValue && !is_word_) return TakeArguments(json);
  if (expect_ == Expect::kKeyText || role_ != Role::kOther) word_ += json;
  return true;
}

bool CallObject::EndKey() {
  const std::string key = Decoded(word_);
  role_ = RoleOf(key);
  expect_ = Expect::kColon;
  const bool is_foreign = only_tools_ && is_first_key_ && role_ == Role::kOther && key != "type";
  is_first_key_ = false;
  return !is_foreign;
}

bool CallObject::EndValue() {
  expect_ = Expect::kNext;
  const std::string text = Decoded(word_);
  if (role_ == Role::kName && name_.empty()) name_ = text;
  if (role_ == Role::kName && has_arguments_ && !has_begun_) return Begin();
  if (role_ == Role::kId) id_ = text;
  if (role_ != Role::kArguments || !is_word_ || text == "null") return true;
  if (text.find_first_not_of(kSpace) == text.npos) return true;
  const std::optional<std::string> json = AsJson(text);
  is_json_ = json.has_value();
  return TakeArguments(json ? *json : text);
}

bool CallObject::TakeArguments(std::string_view json) {
  if (!has_begun_ && name_.empty()) {
    held_ += json;
    return true;
  }
  if (!has_begun_ && !Begin()) return false;
  out_->Arguments(json);
  return true;
}

bool CallObject::Begin() {
  if (name_.empty() || (only_tools_ && (!has_arguments_ || !NamesTool(*only_tools_, name_)))) return false;
  has_begun_ = true;
  out_->BeginCall(name_, id_);
  out_->Arguments(held_);
  held_.clear();
  return true;
}

bool CallObject::Close() {
  expect_ = Expect::kNext;
  if (--level_ > 0) return true;
  if (!has_begun_ && !Begin()) return false;
  out_->EndCall(is_json_);
  state_ = State::kDone;
  return true;
}

}  // namespace tern::chat
