// main of the GoogleTest programs: gtest's, less runs under a name of an ISA that this machine lacks. They
// are skipped, visibly (ctest's SKIP_RETURN_CODE), where the next best would be tested a second time.
#include <gtest/gtest.h>

#include <cstdio>

#include "base/isa.h"

int main(int argc, char** argv) {
  constexpr int kSkipped = 77, kUsage = 2;
  testing::InitGoogleTest(&argc, argv);
  if (const tern::Status cap = tern::CheckIsaCap(); !cap.ok()) {
    std::fprintf(stderr, "%s\n", cap.error().what.c_str());
    return kUsage;
  }
  if (!tern::ReachesIsaCap()) {
    std::fprintf(stderr, "skipped: this machine has %s\n", tern::IsaName(tern::DetectIsa()).c_str());
    return kSkipped;
  }
  return RUN_ALL_TESTS();
}
