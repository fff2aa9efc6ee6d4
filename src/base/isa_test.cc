#include "base/isa.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace tern {
namespace {

// Sets TERN_ISA for a test and puts back what was there.
class IsaCap : public testing::Test {
 protected:
  void SetUp() override {
    if (const char* old = std::getenv("TERN_ISA")) old_ = old;
  }
  void TearDown() override { old_.empty() ? unsetenv("TERN_ISA") : setenv("TERN_ISA", old_.c_str(), 1); }

  std::string old_;
};

TEST_F(IsaCap, NamesALevelOrIsAnError) {
  for (const char* name : {"", "none", "avx2", "avxvnni", "avx512"}) {
    setenv("TERN_ISA", name, 1);
    EXPECT_TRUE(CheckIsaCap().ok()) << name;
  }
  setenv("TERN_ISA", "avx-512", 1);
  EXPECT_EQ(CheckIsaCap().error().what, "TERN_ISA: \"avx-512\", expected none, avx2, avxvnni or avx512");
  unsetenv("TERN_ISA");
  EXPECT_TRUE(CheckIsaCap().ok());
}

TEST_F(IsaCap, IsReachedWhereTheCpuHasTheLevel) {
  unsetenv("TERN_ISA");
  const uint32_t have = DetectIsa();
  EXPECT_TRUE(ReachesIsaCap());
  setenv("TERN_ISA", "none", 1);
  EXPECT_EQ(DetectIsa(), kNone);
  EXPECT_TRUE(ReachesIsaCap());
  const std::pair<const char*, uint32_t> levels[] = {
      {"avx2", kAvx2}, {"avxvnni", kAvxVnni}, {"avx512", kAvx512}};
  for (const auto& [name, level] : levels) {
    setenv("TERN_ISA", name, 1);
    EXPECT_EQ(ReachesIsaCap(), HasIsa(level, have)) << name;
    EXPECT_EQ(HasIsa(level, DetectIsa()), HasIsa(level, have)) << name;
  }
}

}  // namespace
}  // namespace tern
