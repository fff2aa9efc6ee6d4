#include "compress/product/product.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "base/isa.h"

namespace tern {
namespace {

TEST(Product, IsTakenOffAtOddSizes) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (const size_t rows : {1, 6, 7, 13}) {
    for (const size_t columns : {1, 31, 33, 100}) {
      for (const size_t depth : {0, 1, 65}) {
        std::vector<float> a(rows * (depth + 1)), b((depth + 1) * (columns + 2)),
            out(rows * (columns + 3), 2);
        for (float& v : a) v = normal(random);
        for (float& v : b) v = normal(random);
        PickProduct(DetectIsa())({.a = a.data(),
                                  .b = b.data(),
                                  .out = out.data(),
                                  .rows = rows,
                                  .depth = depth,
                                  .columns = columns,
                                  .a_stride = depth + 1,
                                  .b_stride = columns + 2,
                                  .out_stride = columns + 3});
        for (size_t i = 0; i < rows; ++i) {
          for (size_t j = 0; j < columns + 3; ++j) {
            double expected = 2;
            for (size_t k = 0; j < columns && k < depth; ++k)
              expected -= static_cast<double>(a[i * (depth + 1) + k]) * b[k * (columns + 2) + j];
            EXPECT_NEAR(out[i * (columns + 3) + j], expected, 1e-4) << rows << " " << columns << " " << depth;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace tern
