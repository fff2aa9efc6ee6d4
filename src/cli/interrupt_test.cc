#include "cli/interrupt.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

TEST(InterruptScope, TheOuterOneHoldsAgainWhereTheInnerEnds) {
  const InterruptScope outer;
  {
    const InterruptScope inner;
    raise(SIGINT);
    EXPECT_TRUE(Interrupted());
    ClearInterrupt();
  }
  raise(SIGINT);  // would end the program
  EXPECT_TRUE(Interrupted());
  const InterruptScope next;
  EXPECT_FALSE(Interrupted());
}

TEST(InterruptScopeDeathTest, ASecondCtrlCThatNobodyAskedForEndsTheProgram) {
  EXPECT_EXIT(
      {
        const InterruptScope scope;
        raise(SIGINT);
        raise(SIGINT);
      },
      testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace tern
