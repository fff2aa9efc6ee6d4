// The method of docs/adding-a-compression-method.md, run on a few rows.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "compress/method.h"
#include "tensor/tensor.h"

// ---- src/compress/methods/clipped.cc
namespace tern {
namespace {

constexpr float kDeviations = 4;

Result<EncodedRows> Encode(const EncodeTask& task) {
  std::vector<float> clipped(task.weights.begin(), task.weights.end());
  for (size_t first = 0; first < clipped.size(); first += static_cast<size_t>(task.columns)) {
    const auto row = std::span(clipped).subspan(first, static_cast<size_t>(task.columns));
    float squares = 0;
    for (const float x : row) squares += x * x;
    const float most = kDeviations * std::sqrt(squares / static_cast<float>(row.size()));
    for (float& x : row) x = std::clamp(x, -most, most);
  }
  EncodeTask rest = task;
  rest.weights = clipped;
  return FindMethod("rtn").value()->encode(rest);
}

}  // namespace
extern const MethodDesc k_method_clipped;
const MethodDesc k_method_clipped = {.name = "clipped",
                                     .summary = "rounding of rows whose largest weights are cut off",
                                     .source = "an example",
                                     .encode = Encode};
}  // namespace tern
// ----

namespace tern {
namespace {

TEST(AddingACompressionMethod, TheExampleCutsTheLargestOff) {
  std::vector<float> weights(1024, 0.01f);
  weights[5] = 100;
  const Scheme scheme = ParseScheme("q8_0").value();
  EncodeTask task{.name = "w", .weights = weights, .rows = 1, .columns = 1024, .scheme = &scheme};
  const auto encoded = k_method_clipped.encode(task);
  ASSERT_TRUE(encoded.ok());
  const std::vector<float> decoded = DecodeAll({scheme.format, {1, 1024}, encoded.value().bytes.data()});
  EXPECT_NEAR(decoded[5], 12.5f, 0.1f);
  EXPECT_NEAR(decoded[100], 0.01f, 1e-4f);
}

}  // namespace
}  // namespace tern
