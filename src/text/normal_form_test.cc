#include "text/normal_form.h"

#include <gtest/gtest.h>

#include <ctime>

namespace tern {
namespace {

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

TEST(NormalForm, DecomposesAndFoldsCompatibleForms) {
  EXPECT_EQ(Normalize(NormalForm::kD, "é한Å"), "e\u0301\u1112\u1161\u11ABA\u030A");
  EXPECT_EQ(Normalize(NormalForm::kKC, "ﬁ①½\u212B"), "fi11\u20442Å");
  EXPECT_EQ(Normalize(NormalForm::kKD, "ﬁé"), "fie\u0301");
  EXPECT_EQ(Normalize(NormalForm::kD, "a\u0301\u0323 b"), "a\u0323\u0301 b");
}

TEST(NormalForm, LeavesAloneWhatPublishedTokenizersDoNotKnow) {
  EXPECT_EQ(Normalize(NormalForm::kKD, "\u32FF\U0001E044"), "\u32FF\U0001E044");  // of Unicode 12 and 15
  EXPECT_EQ(Normalize(NormalForm::kD, "\u0304\u08D2"), "\u0304\u08D2");           // a mark of Unicode 14
}

}  // namespace
}  // namespace tern
