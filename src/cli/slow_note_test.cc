#include "cli/slow_note.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

using std::chrono::milliseconds, std::chrono::seconds;

TEST(SlowNote, SaysWhatTakesLongAndNothingElse) {
  testing::internal::CaptureStderr();
  { const SlowNote quick("quick", seconds(60)); }
  { const SlowNote silent("", milliseconds(0)); }
  {
    const SlowNote slow("slow", milliseconds(1));
    std::this_thread::sleep_for(milliseconds(300));
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "slow\n");
}

}  // namespace
}  // namespace tern
