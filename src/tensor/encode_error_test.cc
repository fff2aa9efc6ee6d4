// How much encoding costs: squared error over squared weight, on made-up weights. The bounds are what the
// usual encoders of other programs reach without importances, plus 2 %.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tensor/format.h"

namespace tern {
namespace {

struct Bound {
  const char* format;
  double gaussian, student;
};
constexpr Bound kBounds[] = {{"q2_k", .0879, .1114},     {"q3_k", .02272, .03116},
                             {"q4_0", .007381, .011669}, {"q4_1", .006136, .008123},
                             {"q4_k", .005097, .006929}, {"q5_0", .001822, .002915},
                             {"q5_1", .001435, .001903}, {"q5_k", .001308, .001774},
                             {"q6_k", .000315, .000462}, {"q8_0", .000029, .000046}};

double EncodeError(const Format& format, const std::vector<float>& x) {
  std::vector<uint8_t> blocks(RowBytes(format, x.size()).value());
  std::vector<float> y(x.size());
  format.encode(x.data(), blocks.data(), x.size());
  format.decode(blocks.data(), 0, y.data(), y.size());
  double error = 0, power = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    error += (double{x[i]} - y[i]) * (double{x[i]} - y[i]);
    power += double{x[i]} * x[i];
  }
  return error / power;
}

template <class Distribution>
std::vector<float> Weights(Distribution distribution) {
  std::mt19937_64 random(1234);
  std::vector<float> x(64 * 4096);
  for (float& v : x) v = 0.02f * distribution(random);
  return x;
}

TEST(EncodeError, IsNoWorseThanElsewhere) {
  const std::vector<float> gaussian = Weights(std::normal_distribution<float>());
  const std::vector<float> student = Weights(std::student_t_distribution<float>(5));
  for (const Bound& bound : kBounds) {
    const Format& format = *FindFormat(bound.format);
    EXPECT_LE(EncodeError(format, gaussian), 1.02 * bound.gaussian) << bound.format;
    EXPECT_LE(EncodeError(format, student), 1.02 * bound.student) << bound.format;
  }
}

}  // namespace
}  // namespace tern
