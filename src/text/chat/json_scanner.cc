#include "text/chat/json_scanner.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "text/chat/space.h"

namespace tern::chat {
namespace {

constexpr size_t kMaxWordBytes = 400;  // longer than any double that is written out

bool IsHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool IsWordByte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '.' || c == '+' || c == '-';
}

bool IsNumber(std::string_view word) {
  const std::string_view digits = word.substr(word.starts_with('-'));
  if (digits.empty() || digits[0] < '0' || digits[0] > '9') return false;
  if (digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9') return false;
  const size_t dot = digits.find('.');
  if (dot != digits.npos && (dot + 1 == digits.size() || digits[dot + 1] < '0' || digits[dot + 1] > '9')) {
    return false;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return end == word.data() + word.size() && error != std::errc::invalid_argument;
}

bool IsWord(std::string_view word) {
  return word == "true" || word == "false" || word == "null" || IsNumber(word);
}

bool MayBecomeWord(std::string_view word) {
  for (const std::string_view whole : {"true", "false", "null"}) {
    if (whole.starts_with(word)) return true;
  }
  return word.size() <= kMaxWordBytes && (word[0] == '-' || (word[0] >= '0' && word[0] <= '9'));
}

}  // namespace

size_t JsonScanner::Read(std::string_view text, std::string* json) {
  size_t used = 0;
  while (used < text.size() && state_ == State::kMore) {
    if (!Take(text[used], json)) break;
    ++used;
  }
  return used;
}

bool JsonScanner::Finish() {
  if (state_ == State::kMore && expect_ == Expect::kWord && in_object_.empty() && IsWord(word_)) {
    state_ = State::kDone;
  }
  return state_ == State::kDone;
}

// False: the byte is not part of the value.
bool JsonScanner::Take(char c, std::string* json) {
  if (expect_ == Expect::kWord) {
    if (IsWordByte(c)) {
      word_ += c;
      if (!MayBecomeWord(word_)) {
        state_ = State::kBad;
        return false;
      }
      *json += c;
      return true;
    }
    if (!IsWord(word_)) {
      state_ = State::kBad;
      return false;
    }
    word_.clear();
    Ended();
  }
  if (expect_ == Expect::kString || expect_ == Expect::kEscape || expect_ == Expect::kHex) {
    TakeInString(c, json);
    if (state_ == State::kBad) return false;
  } else if (expect_ == Expect::kNext && in_object_.empty()) {
    state_ = State::kDone;  // a word, which ended in front of this
    return false;
  } else if (!IsSpace(c) && !TakeOutside(c)) {
    state_ = State::kBad;
    return false;
  } else {
    *json += c;
  }
  if (expect_ == Expect::kNext && in_object_.empty()) state_ = State::kDone;
  return true;
}

void JsonScanner::TakeInString(char c, std::string* json) {
  if (expect_ == Expect::kHex) {
    if (!IsHex(c)) {
      state_ = State::kBad;
      return;
    }
    if (--hex_ == 0) expect_ = Expect::kString;
  } else if (expect_ == Expect::kEscape) {
    if (std::string_view("\"\\/bfnrtu").find(c) == std::string_view::npos) {
      state_ = State::kBad;
      return;
    }
    hex_ = 4;
    expect_ = c == 'u' ? Expect::kHex : Expect::kString;
  } else if (c == '\\') {
    expect_ = Expect::kEscape;
  } else if (c == '"') {
    expect_ = is_key_ ? Expect::kColon : Expect::kNext;
  } else if (static_cast<unsigned char>(c) < 0x20) {
    *json += c == '\n'   ? "\\n"
             : c == '\t' ? "\\t"
             : c == '\r' ? "\\r"
                         : fmt::format("\\u{:04x}", static_cast<int>(c));
    return;
  }
  *json += c;
}

bool JsonScanner::TakeOutside(char c) {
  switch (expect_) {
    case Expect::kFirstKey:
    case Expect::kKey:
      if (c == '}' && expect_ == Expect::kFirstKey) return Close(c);
      if (c != '"') return false;
      is_key_ = true;
      expect_ = Expect::kString;
      return true;
    case Expect::kColon:
      expect_ = Expect::kValue;
      return c == ':';
    case Expect::kNext:
      if (c != ',') return Close(c);
      expect_ = in_object_.back() ? Expect::kKey : Expect::kValue;
      return true;
    case Expect::kFirstValue:
      if (c == ']') return Close(c);
      [[fallthrough]];
    default:
      return TakeValue(c);
  }
}

bool JsonScanner::TakeValue(char c) {
  if (c == '"') {
    is_key_ = false;
    expect_ = Expect::kString;
  } else if (c == '{' || c == '[') {
    if (in_object_.size() >= kMaxDepth) return false;
    in_object_.push_back(c == '{');
    expect_ = c == '{' ? Expect::kFirstKey : Expect::kFirstValue;
  } else {
    word_.assign(1, c);
    expect_ = Expect::kWord;
    return MayBecomeWord(word_);
  }
  return true;
}

bool JsonScanner::Close(char c) {
  if (in_object_.empty() || c != (in_object_.back() ? '}' : ']')) return false;
  in_object_.pop_back();
  Ended();
  return true;
}

}  // namespace tern::chat
