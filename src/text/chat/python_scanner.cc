#include "text/chat/python_scanner.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "text/chat/space.h"
#include "text/utf8.h"

namespace tern::chat {
namespace {

constexpr size_t kMaxWordBytes = 400;

bool IsWordByte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '+' ||
         c == '-' || c == '_';
}

// A word as JSON. One that is no literal is taken for a string whose quotes the model forgot.
std::string JsonOf(std::string_view word) {
  if (word == "True" || word == "true") return "true";
  if (word == "False" || word == "false") return "false";
  if (word == "None" || word == "null") return "null";
  JsonScanner number;
  std::string json;
  if (number.Read(word, &json) == word.size() && number.Finish()) return json;
  return '"' + std::string(word) + '"';
}

}  // namespace

void AppendJsonEscaped(std::string_view text, std::string* json) {
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      *json += '\\';
      *json += c;
    } else if (c == '\n') {
      *json += "\\n";
    } else if (c == '\t') {
      *json += "\\t";
    } else if (c == '\r') {
      *json += "\\r";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      *json += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      *json += c;
    }
  }
}

size_t PythonScanner::Read(std::string_view text, std::string* json) {
  size_t used = 0;
  while (used < text.size() && state_ == State::kMore) {
    if (!Take(text[used], json)) break;
    ++used;
  }
  return used;
}

bool PythonScanner::Finish(std::string* json) {
  if (state_ == State::kMore && expect_ == Expect::kWord && open_.empty()) {
    EndWord(json);
    state_ = State::kDone;
  }
  return state_ == State::kDone;
}

// False: the byte is not part of the value.
bool PythonScanner::Take(char c, std::string* json) {
  if (expect_ == Expect::kWord) {
    if (IsWordByte(c) && word_.size() < kMaxWordBytes) {
      word_ += c;
      return true;
    }
    EndWord(json);
  }
  if (expect_ == Expect::kNext && open_.empty()) {
    state_ = State::kDone;  // a word, which ended in front of this
    return false;
  }
  const bool in_string = expect_ == Expect::kString || expect_ == Expect::kEscape || expect_ == Expect::kCode;
  if (in_string ? !TakeInString(c, json) : !IsSpace(c) && !TakeOutside(c, json)) {
    state_ = State::kBad;
    return false;
  }
  if (expect_ == Expect::kNext && open_.empty()) state_ = State::kDone;
  return true;
}

void PythonScanner::EndWord(std::string* json) {
  *json += JsonOf(word_);
  word_.clear();
  expect_ = Expect::kNext;
}

bool PythonScanner::TakeInString(char c, std::string* json) {
  if (expect_ == Expect::kEscape) return TakeEscape(c, json);
  if (expect_ == Expect::kCode) {
    code_ += c;
    const size_t digits = code_[0] == 'x' ? 2 : code_[0] == 'u' ? 4 : 8;
    if (code_.size() <= digits) return true;
    uint32_t point = 0;
    const auto [end, error] = std::from_chars(code_.data() + 1, code_.data() + code_.size(), point, 16);
    if (error != std::errc() || end != code_.data() + code_.size() || point > 0x10FFFF) return false;
    if (point < 0x20 || (point >= 0xD800 && point < 0xE000)) {
      *json += fmt::format("\\u{:04x}", point);  // JSON pairs surrogates, too
    } else {
      std::string text;
      AppendUtf8(point, &text);
      AppendJsonEscaped(text, json);
    }
    expect_ = Expect::kString;
  } else if (c == '\\') {
    expect_ = Expect::kEscape;
  } else if (c == quote_) {
    *json += '"';
    expect_ = is_key_ ? Expect::kColon : Expect::kNext;
  } else {
    AppendJsonEscaped({&c, 1}, json);
  }
  return true;
}

bool PythonScanner::TakeEscape(char c, std::string* json) {
  expect_ = Expect::kString;
  if (c == 'x' || c == 'u' || c == 'U') {
    code_.assign(1, c);
    expect_ = Expect::kCode;
  } else if (c == '\'' || c == '/') {
    *json += c;
  } else if (std::string_view("\"\\bfnrt").find(c) != std::string_view::npos) {
    *json += '\\';
    *json += c;
  } else if (c == '0') {
    *json += "\\u0000";
  } else if (c != '\n') {  // a line that goes on; else Python keeps the backslash
    *json += "\\\\";
    AppendJsonEscaped({&c, 1}, json);
  }
  return true;
}

bool PythonScanner::TakeOutside(char c, std::string* json) {
  switch (expect_) {
    case Expect::kFirstKey:
    case Expect::kKey:
      if (c == '}') return Close(c, json);
      if (c != '"' && c != '\'') return false;
      is_key_ = true;
      return TakeValue(c, json);
    case Expect::kColon:
      if (c != ':') return false;
      *json += ": ";
      expect_ = Expect::kValue;
      return true;
    case Expect::kNext:
      if (c != ',') return Close(c, json);
      has_comma_ = true;
      expect_ = open_.back() == '}' ? Expect::kKey : Expect::kFirst;
      return true;
    case Expect::kFirst:
      if (c == ']' || c == ')') return Close(c, json);
      [[fallthrough]];
    default:
      is_key_ = false;
      return TakeValue(c, json);
  }
}

void PythonScanner::Separate(std::string* json) {
  if (has_comma_) *json += ", ";
  has_comma_ = false;
}

bool PythonScanner::TakeValue(char c, std::string* json) {
  if (c == '"' || c == '\'') {
    Separate(json);
    *json += '"';
    quote_ = c;
    expect_ = Expect::kString;
    return true;
  }
  if (c == '{' || c == '[' || c == '(') {
    if (open_.size() >= JsonScanner::kMaxDepth) return false;
    Separate(json);
    open_ += c == '{' ? '}' : c == '[' ? ']' : ')';
    *json += c == '{' ? '{' : '[';
    expect_ = c == '{' ? Expect::kFirstKey : Expect::kFirst;
    return true;
  }
  if (!IsWordByte(c)) return false;
  Separate(json);
  word_.assign(1, c);
  expect_ = Expect::kWord;
  return true;
}

bool PythonScanner::Close(char c, std::string* json) {
  if (open_.empty() || c != open_.back()) return false;
  open_.pop_back();
  has_comma_ = false;
  *json += c == '}' ? '}' : ']';
  expect_ = Expect::kNext;
  return true;
}

}  // namespace tern::chat
