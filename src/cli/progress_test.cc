#include "cli/progress.h"

#include <gtest/gtest.h>

#include "cli/terminal.h"

namespace tern {
namespace {

using Unit = Progress::Unit;

TEST(Progress, ShowsBarShareRateAndTimeLeft) {
  EXPECT_EQ(Progress::Line("pulling x", Unit::kBytes, 50'000'000, 100'000'000, 10'000'000, 100),
            "pulling x  ███████████████                 50%  50.0 MB/100 MB  10.0 MB/s   0:05 left");
}

TEST(Progress, KeepsItsWidthWhileItGoes) {
  const auto columns = [](uint64_t done, double rate) {
    return Columns(Progress::Line("pulling x", Unit::kBytes, done, 253'000'000, rate, 80));
  };
  for (uint64_t done : {0, 9'000, 1'000'000, 99'949'999, 252'999'999}) {
    for (double rate : {0.0, 900.0, 32.5e6, 999e6}) EXPECT_EQ(columns(done, rate), columns(0, 0));
  }
  EXPECT_LE(columns(0, 0), 80u);
}

TEST(Progress, WithoutATotalShowsWhatIsDone) {
  EXPECT_EQ(Progress::Line("reading", Unit::kCount, 12, 0, 3, 80), "reading  12  3.0/s");
}

TEST(Progress, ShortensALongLabelForTheBar) {
  EXPECT_EQ(Progress::Line("pulling a-very-long-name-of-a-model.gguf", Unit::kCount, 5, 10, 0, 70),
            "pulling a-very-long-nam…  █████       50%   5/10                      ");
}

TEST(Progress, LeavesOutTheBarWhereItDoesNotFit) {
  EXPECT_EQ(Progress::Line("evaluating", Unit::kCount, 3, 12, 0, 50),
            "evaluating  25%   3/12                      ");
  EXPECT_LE(Columns(Progress::Line("evaluating", Unit::kCount, 3, 12, 0, 20)), 20u);
}

TEST(Progress, OfAShareShowsTheBarAndTheTimeLeft) {
  const std::string line = Progress::Line("encoding", Unit::kShare, 2500, 10'000, 100, 80);
  EXPECT_NE(line.find("25%"), std::string::npos) << line;
  EXPECT_NE(line.find("1:15 left"), std::string::npos) << line;
  EXPECT_EQ(line.find("2500"), std::string::npos) << line;
}

TEST(Progress, NeverShowsMoreThanAll) {
  EXPECT_NE(Progress::Line("x", Unit::kCount, 20, 10, 0, 80).find("100%  20/10"), std::string::npos);
}

TEST(Terminal, HumanBytes) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(999), "999 B");
  EXPECT_EQ(HumanBytes(999'999), "1.0 MB");
  EXPECT_EQ(HumanBytes(98'362'432), "98.4 MB");
  EXPECT_EQ(HumanBytes(253'113'024), "253 MB");
}

TEST(Terminal, HumanSeconds) {
  EXPECT_EQ(HumanSeconds(5), "0:05");
  EXPECT_EQ(HumanSeconds(65.4), "1:05");
  EXPECT_EQ(HumanSeconds(7390), "2:03:10");
  EXPECT_EQ(HumanSeconds(1e300), "?");
}

TEST(Terminal, PrintableTakesOutEscapes) { EXPECT_EQ(Printable("a\x1b[31mb\x7f"), "a?[31mb?"); }

}  // namespace
}  // namespace tern
