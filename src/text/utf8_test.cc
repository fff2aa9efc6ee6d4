#include "text/utf8.h"

#include <gtest/gtest.h>

#include "base/utf8.h"

namespace tern {
namespace {

std::string Valid(std::string_view bytes) {
  std::string out;
  AppendValidUtf8(bytes, &out);
  return out;
}

TEST(Utf8, KeepsWhatIsValid) {
  for (const char* text : {"", "ascii", "é", "漢字", "🦙", "a\u00A0b\u2028c", "\U0010FFFF"}) {
    EXPECT_TRUE(IsUtf8(text));
    EXPECT_EQ(Valid(text), text);
  }
}

// The number of replacement characters is that of the WHATWG decoder: one for each maximal subpart.
TEST(Utf8, ReplacesInvalidSequencesByTheWhatwgRule) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"\xF4\x90\x80\x80", "����"},  // above U+10FFFF
      {"\xC0\xAF", "��"},            // an overlong "/"
      {"\xED\xA0\x80", "���"},       // a surrogate
      {"\xE0\x80\x80", "���"},       // overlong
      {"\xF0\x9F\xA6", "�"},         // an incomplete character at the end is one
      {"\xF0\x9F\xA6z", "�z"},       // and so it is before something else
      {"a\xFF\xFE z", "a�� z"},     {"\x80", "�"}, {"\xE6\xBC\xE6\xBC\xA2", "�漢"}};
  for (const auto& [bytes, expected] : kCases) {
    EXPECT_FALSE(IsUtf8(bytes));
    EXPECT_EQ(Valid(bytes), expected);
  }
}

TEST(Utf8, DecodesWhatItEncodes) {
  for (char32_t c :
       {U'a', U'\u007F', U'\u0080', U'\u07FF', U'\u0800', U'\uFFFD', U'\U00010000', U'\U0010FFFF'}) {
    std::string text;
    AppendUtf8(c, &text);
    EXPECT_EQ(DecodeUtf8(text), c);
    EXPECT_EQ(Utf8Size(text[0]), text.size());
  }
}

}  // namespace
}  // namespace tern
