#include "compress/part.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <random>

#include "compress/encode_weight.h"
#include "compress/low_rank_fit.h"
#include "compress/part_rows.h"

namespace tern {
namespace {

constexpr size_t kRows = 48, kColumns = 96;

std::vector<float> Normal(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& x : values) x = normal(random);
  return values;
}

// Of inputs that share directions, and of which some are far stronger than others.
Observation SeenInputs() {
  Observation seen;
  seen.columns = kColumns;
  seen.tokens = 4096;
  const std::vector<float> mix = Normal(kColumns * kColumns, 5);
  seen.hessian.resize(kColumns * kColumns);
  for (size_t i = 0; i < kColumns; ++i) {
    for (size_t j = 0; j < kColumns; ++j) {
      float sum = i == j ? 1.f : 0.f;
      for (size_t k = 0; k < 12; ++k) sum += mix[i * kColumns + k] * mix[j * kColumns + k];
      const float strong = (i % 16 == 3 ? 10.f : 1.f) * (j % 16 == 3 ? 10.f : 1.f);
      seen.hessian[i * kColumns + j] = sum * strong;
    }
    seen.energies.push_back(seen.hessian[i * kColumns + i]);
  }
  return seen;
}

double Cost(const std::vector<float>& lost, const Observation& seen) {
  double sum = 0;
  for (size_t r = 0; r < lost.size() / kColumns; ++r) {
    for (size_t i = 0; i < kColumns; ++i) {
      double dot = 0;
      for (size_t j = 0; j < kColumns; ++j)
        dot +=
            static_cast<double>(seen.hessian[i * kColumns + j]) * static_cast<double>(lost[r * kColumns + j]);
      sum += dot * static_cast<double>(lost[r * kColumns + i]);
    }
  }
  return sum;
}

std::vector<float> Times(const std::vector<float>& b, const std::vector<float>& a, size_t rank) {
  std::vector<float> product(kRows * kColumns);
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t k = 0; k < rank; ++k) {
      for (size_t j = 0; j < kColumns; ++j)
        product[r * kColumns + j] += b[r * rank + k] * a[k * kColumns + j];
    }
  }
  return product;
}

TEST(LowRankFit, FindsAProductAndLosesNoMoreThanAnyOther) {
  Team one(1), two(2);
  const Observation seen = SeenInputs();
  // A matrix that is a product is found again.
  const std::vector<float> exact = Times(Normal(kRows * 4, 1), Normal(4 * kColumns, 2), 4);
  FitTask task{exact, kRows, kColumns, {seen.hessian, seen.energies}, &one};
  std::vector<float> a = LeadingRows(task, 4);
  std::vector<float> rest = Times(FitLeft(task, a, 4), a, 4);
  for (size_t i = 0; i < rest.size(); ++i) ASSERT_NEAR(rest[i], exact[i], 2e-3f);
  // Of any other matrix what is left is less than with what is best for the identity.
  const std::vector<float> any = Normal(kRows * kColumns, 3);
  task.error = any;
  FitTask blind = task;
  blind.inputs = {};
  const auto left = [&](const FitTask& t) {
    const std::vector<float> rows = LeadingRows(t, 6);
    std::vector<float> lost = Times(FitLeft(t, rows, 6), rows, 6);
    for (size_t i = 0; i < lost.size(); ++i) lost[i] = any[i] - lost[i];
    return lost;
  };
  EXPECT_LT(Cost(left(task), seen), 0.7 * Cost(left(blind), seen));
  task.team = &two;
  FitTask again = task;
  again.team = &one;
  EXPECT_EQ(LeadingRows(task, 6), LeadingRows(again, 6));
}

// A bigger part loses less, and bytes are as the layout says.
TEST(Parts, LoseLessTheMoreThereIsOfThem) {
  const std::vector<float> weights = Normal(kRows * kColumns, 7);
  const Observation seen = SeenInputs();
  Team team(2);
  const auto cost = [&](const std::string& name) {
    const Scheme scheme = ParseScheme(name).value();
    Scheme alone = scheme;
    alone.part = nullptr;
    const PartTask task{.weights = weights,
                        .rows = kRows,
                        .columns = kColumns,
                        .scheme = &scheme,
                        .seen = &seen,
                        .team = &team,
                        .encode = [&](std::span<const float> w, int64_t rows, const Observation* of) {
                          return FindMethod("importance")
                              .value()
                              ->encode.value({.name = "w",
                                              .weights = w,
                                              .rows = rows,
                                              .columns = static_cast<int64_t>(w.size()) / rows,
                                              .scheme = &alone,
                                              .seen = of});
                        }};
    const std::vector<PartTensor> layout = LayoutOf(scheme, kRows, kColumns);
    const EncodedParts encoded = scheme.part == nullptr
                                     ? EncodedParts{{task.encode(weights, kRows, &seen).value().bytes}, ""}
                                     : scheme.part->encode.value(task).value();
    EXPECT_EQ(encoded.bytes.size(), layout.size());
    for (size_t i = 0; i < layout.size(); ++i)
      EXPECT_EQ(static_cast<int64_t>(encoded.bytes[i].size()), layout[i].bytes()) << name << layout[i].suffix;
    std::vector<int64_t> rows(kRows);
    for (size_t i = 0; i < kRows; ++i) rows[i] = static_cast<int64_t>(i);
    std::vector<float> lost = DecodeParts(layout, encoded.bytes, rows, kColumns);
    for (size_t i = 0; i < lost.size(); ++i) lost[i] = weights[i] - lost[i];
    return Cost(lost, seen);
  };
  const double none = cost("q4_0");
  EXPECT_LT(cost("q4_0+low_rank4"), 0.8 * none);
  EXPECT_LT(cost("q4_0+low_rank32"), 0.5 * cost("q4_0+low_rank4"));
  EXPECT_LT(cost("q4_0+outliers6"), 0.5 * none);  // all of the strong ones
  EXPECT_LT(cost("q4_0+outliers32"), 0.6 * cost("q4_0+outliers6"));
  EXPECT_LT(cost("f16+factors32"), 0.5 * cost("f16+factors8"));
  EXPECT_NEAR(cost("q8_0+factors32"), cost("f16+factors32"), 0.1 * cost("f16+factors32"));
}

TEST(Parts, OfSchemesThatCannotHoldThemAreRefused) {
  EXPECT_TRUE(LayoutOf(ParseScheme("q4_0+low_rank48").value(), kRows, kColumns).empty());
  EXPECT_TRUE(LayoutOf(ParseScheme("q8_0+factors20").value(), kRows, kColumns).empty());
  for (const char* wrong :
       {"q4_0+", "q4_0+low_rank", "q4_0+low_rank0", "q4_0+low_rank4x", "q4_0+wings3", "+low_rank4"})
    EXPECT_FALSE(ParseScheme(wrong).ok()) << wrong;
  EXPECT_NE(
      ParseScheme("q4_0+wings3").error().what.find("part \"wings3\", expected one of factors, low_rank"),
      std::string::npos);
}

}  // namespace
}  // namespace tern
