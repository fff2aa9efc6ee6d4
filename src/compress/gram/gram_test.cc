#include "compress/gram/gram.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "base/isa.h"

namespace tern {
namespace {

TEST(Gram, AddsOuterProductsAtOddSizes) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (const size_t columns : {1, 5, 6, 7, 32, 33, 100}) {
    for (const size_t tokens : {1, 3, 64}) {
      std::vector<float> x(tokens * columns), sum(columns * columns, 0.5f);
      for (float& v : x) v = normal(random);
      const GramArgs args{x.data(), tokens, columns, sum.data()};
      for (size_t first = 0; first < columns; first += kGramRows) PickGram(DetectIsa())(args, first);
      for (size_t i = 0; i < columns; ++i) {
        for (size_t j = i; j < columns; ++j) {
          double expected = 0.5;
          for (size_t t = 0; t < tokens; ++t)
            expected += static_cast<double>(x[t * columns + i]) * static_cast<double>(x[t * columns + j]);
          EXPECT_NEAR(sum[i * columns + j], expected, 1e-4)
              << columns << " " << tokens << " " << i << " " << j;
        }
      }
    }
  }
}

}  // namespace
}  // namespace tern
