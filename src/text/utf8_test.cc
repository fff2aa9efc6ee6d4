#include "text/utf8.h"

#include <gtest/gtest.h>

#include <ctime>

#include "base/utf8.h"
#include "text/normal_form.h"

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

TEST(Nfc, ComposesAndOrdersMarks) {
  EXPECT_EQ(Normalize(NormalForm::kC, "plain"), "plain");
  EXPECT_EQ(Normalize(NormalForm::kC, "e\u0301"), "é");
  EXPECT_EQ(Normalize(NormalForm::kC, "\u1112\u1161\u11AB"), "한");
  EXPECT_EQ(Normalize(NormalForm::kC, "\u212B"), "Å");                    // a singleton
  EXPECT_EQ(Normalize(NormalForm::kC, "a\u0301\u0323"), "\u1EA1\u0301");  // dot below sorts before acute
  EXPECT_EQ(Normalize(NormalForm::kC, "ﬁ"), "ﬁ");                         // no compatibility forms
  EXPECT_EQ(Normalize(NormalForm::kC, "\u0958"), "\u0915\u093C");         // a composition exclusion
}

TEST(Nfc, ThousandsOfMarksInTheWorstOrderTakeNoTime) {
  std::string text = "a";
  for (int i = 0; i < 100'000; ++i) text += i % 2 == 0 ? "\u0301" : "\u0323";
  const std::clock_t start = std::clock();
  const std::string out = Normalize(NormalForm::kC, text);
  EXPECT_LT(std::clock() - start, 3 * CLOCKS_PER_SEC);
  EXPECT_EQ(out.substr(0, 5), "\u1EA1\u0323");
}

}  // namespace
}  // namespace tern
