// How much encoding costs: squared error over squared weight, on made-up weights.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "tensor/format.h"

namespace tern {
namespace {

struct Bound {
  const char* format;
  double gaussian, student;
};
// What the usual encoders of other programs reach without importances.
constexpr Bound kElsewhere[] = {{"q2_k", .0879, .1114},     {"q3_k", .02272, .03116},
                                {"q4_0", .007381, .011669}, {"q4_1", .006136, .008123},
                                {"q4_k", .005097, .006929}, {"q5_0", .001822, .002915},
                                {"q5_1", .001435, .001903}, {"q5_k", .001308, .001774},
                                {"q6_k", .000315, .000462}, {"q8_0", .000029, .000046}};

// What ours reach, where others are worse (ggml, with equal importances) or were not measured.
constexpr Bound kReached[] = {
    {"iq1_kt", 0.1435, 0.16},        {"iq1_m", 0.1666, 0.2031},      {"iq1_s", 0.1904, 0.254},
    {"iq2_k", 0.0717, 0.09618},      {"iq2_kl", 0.0486, 0.05875},    {"iq2_ks", 0.08712, 0.1244},
    {"iq2_kt", 0.0846, 0.09543},     {"iq2_s", 0.05481, 0.07579},    {"iq2_xs", 0.07944, 0.09335},
    {"iq2_xxs", 0.1054, 0.1272},     {"iq3_k", 0.01596, 0.02043},    {"iq3_ks", 0.02156, 0.02957},
    {"iq3_kt", 0.02352, 0.03038},    {"iq3_s", 0.01601, 0.02071},    {"iq3_xxs", 0.0309, 0.03584},
    {"iq4_k", 0.003764, 0.0047},     {"iq4_ks", 0.004942, 0.007074}, {"iq4_kss", 0.008425, 0.01248},
    {"iq4_kt", 0.008732, 0.01303},   {"iq4_nl", 0.005172, 0.007657}, {"iq4_xs", 0.00526, 0.007822},
    {"iq5_k", 0.0008911, 0.001193},  {"iq5_ks", 0.001171, 0.001782}, {"fp8_e4m3", .0006914, .000597},
    {"iq6_k", 0.0001955, 0.0002416}, {"nf4", .008057, .01109},       {"nvfp4_scaled", .00825, .0079},
    {"mxfp4", 0.01221, 0.01541},     {"nvfp4", 0.00816, 0.007784},   {"q1_0", 0.3556, 0.4587},
    {"q2_0", 0.1203, 0.1677},        {"q6_0", 0.0003678, 0.0006875}, {"q8_kv", 6.25e-05, 0.0003128},
    {"tq1_0", 0.1833, 0.2732},       {"tq2_0", 0.1833, 0.2732},      {"q8_24", 0.1368, 0.09}};

struct WeightedBound {
  const char* format;
  double gaussian;
};
// What other programs reach by importances whose logarithms are normal.
constexpr WeightedBound kWeightedElsewhere[] = {
    {"q8_0", .000029}, {"q6_k", .000264}, {"q5_k", .001092}, {"q5_1", .000962},   {"q5_0", .001481},
    {"q4_k", .004231}, {"q4_1", .004102}, {"q4_0", .006016}, {"iq4_nl", .004984}, {"iq4_xs", .005092},
    {"mxfp4", .01313}, {"nvfp4", .00903}, {"q3_k", .01817},  {"iq3_s", .01455},   {"iq3_xxs", .0239},
    {"q2_k", .0568},   {"iq2_s", .0513},  {"iq2_xs", .0683}, {"iq2_xxs", .0892},  {"iq1_m", .1537}};

std::vector<uint8_t> Encoded(const Format& format, const std::vector<float>& x, const std::vector<float>& w) {
  std::vector<uint8_t> row(RowBytes(format, x.size()).value());
  format.encode(x.data(), w.empty() ? nullptr : w.data(), row.data(), x.size());
  return row;
}

// Squared error over squared weight; `w` counts in both, `given` is what the encoder is told.
double RelativeError(const Format& format, const std::vector<float>& x, const std::vector<float>& w,
                     const std::vector<float>& given) {
  std::vector<float> y(x.size());
  format.decode(Encoded(format, x, given).data(), 0, y.data(), y.size());
  double error = 0, power = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double importance = w.empty() ? 1 : w[i];
    error += importance * (double{x[i]} - y[i]) * (double{x[i]} - y[i]);
    power += importance * x[i] * x[i];
  }
  return error / power;
}

double EncodeError(const Format& format, const std::vector<float>& x) {
  return RelativeError(format, x, {}, {});
}

template <class Distribution>
std::vector<float> Weights(Distribution distribution, size_t count) {
  std::mt19937_64 random(1234);
  std::vector<float> x(count);
  for (float& v : x) v = 0.02f * distribution(random);
  return x;
}

void ExpectWithin(std::span<const Bound> bounds, size_t weights) {
  const std::vector<float> gaussian = Weights(std::normal_distribution<float>(), weights);
  const std::vector<float> student = Weights(std::student_t_distribution<float>(5), weights);
  for (const Bound& bound : bounds) {
    const Format& format = *FindFormat(bound.format);
    EXPECT_LE(EncodeError(format, gaussian), 1.02 * bound.gaussian) << bound.format;
    EXPECT_LE(EncodeError(format, student), 1.02 * bound.student) << bound.format;
  }
}

TEST(EncodeError, IsNoWorseThanElsewhere) { ExpectWithin(kElsewhere, 64 * 4096); }

std::vector<float> Importances(size_t count) {
  std::mt19937_64 random(5);
  std::lognormal_distribution<float> draw;
  std::vector<float> w(count);
  for (float& v : w) v = draw(random);
  return w;
}

TEST(EncodeError, IsNoWorseThanElsewhereByImportance) {
  constexpr size_t kCount = 4096;
  const std::vector<float> x = Weights(std::normal_distribution<float>(), kCount);
  const std::vector<float> w = Importances(kCount);
  for (const WeightedBound& bound : kWeightedElsewhere) {
    EXPECT_LE(RelativeError(*FindFormat(bound.format), x, w, w), 1.02 * bound.gaussian) << bound.format;
  }
}

// Importances help those they are for, scaled as they may be; an input never seen does not lose its weights;
// importances that mean nothing mean equality.
TEST(EncodeError, ImportancesMeanTheirRatios) {
  constexpr size_t kCount = 768;
  const std::vector<float> x = Weights(std::student_t_distribution<float>(5), kCount);
  const std::vector<float> w = Importances(kCount);
  std::vector<float> tiny = w, unseen = w, bad = w;
  for (float& v : tiny) v *= 0x1p-100f;
  std::fill(unseen.begin() + 256, unseen.begin() + 512, 0.f);
  bad[7] = std::numeric_limits<float>::quiet_NaN();
  for (const Format* format : AllFormats()) {
    EXPECT_LE(RelativeError(*format, x, w, w), 1.0001 * RelativeError(*format, x, w, {})) << format->name;
    EXPECT_EQ(Encoded(*format, x, tiny), Encoded(*format, x, w)) << format->name;
    EXPECT_LE(RelativeError(*format, x, {}, unseen), 1) << format->name;
    EXPECT_EQ(Encoded(*format, x, bad), Encoded(*format, x, {})) << format->name;
    EXPECT_EQ(Encoded(*format, x, std::vector<float>(kCount)), Encoded(*format, x, {})) << format->name;
  }
}

TEST(EncodeError, IsNoWorseThanItWas) { ExpectWithin(kReached, 4096); }

}  // namespace
}  // namespace tern
