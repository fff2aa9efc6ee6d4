#include "tensor/encode/encode.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "base/isa.h"

namespace tern {
namespace {

TEST(Encode, EveryIsaGivesTheSameBits) {
  std::mt19937 random(3);
  std::student_t_distribution<float> student(5);
  std::lognormal_distribution<float> energy;
  std::vector<float> x(256), importance(256);
  for (float& v : x) v = 0.02f * student(random);
  for (float& v : importance) v = energy(random);
  for (const Format* format : AllFormats()) {
    for (const float* given :
         {static_cast<const float*>(nullptr), static_cast<const float*>(importance.data())}) {
      std::vector<uint8_t> expected(RowBytes(*format, x.size()).value()), row(expected.size());
      format->encode(x.data(), given, expected.data(), x.size());
      PickEncode(*format, DetectIsa())(x.data(), given, row.data(), x.size());
      EXPECT_EQ(row, expected) << format->name << (given == nullptr ? "" : ", by importance");
    }
  }
}

}  // namespace
}  // namespace tern
