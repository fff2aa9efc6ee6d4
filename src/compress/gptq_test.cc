// GPTQ against rounding to nearest on made-up layers: by how much the outputs' error falls on inputs that the
// Hessian has not seen, and that the bytes hold what was chosen.
#include "compress/gptq.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "base/isa.h"
#include "compress/gram/gram.h"
#include "compress/tune_scales.h"

namespace tern {
namespace {

constexpr size_t kColumns = 256, kOut = 48;

enum class Inputs { kWhite, kSmooth, kUneven };  // neighbours correlated; and channels of unequal energy

// x [tokens, kColumns]: AR(1) along channels with rho 0.9, and energies whose logarithms are normal.
std::vector<float> MakeInputs(Inputs kind, size_t tokens, uint32_t seed, uint32_t channels_seed = 5) {
  std::mt19937_64 random(seed), channels(channels_seed);
  std::normal_distribution<float> normal;
  std::vector<float> strength(kColumns, 1);
  if (kind == Inputs::kUneven) {
    for (float& s : strength) s = std::exp(normal(channels));
  }
  std::vector<float> x(tokens * kColumns);
  for (size_t t = 0; t < tokens; ++t) {
    float state = normal(random);
    for (size_t c = 0; c < kColumns; ++c) {
      const float fresh = normal(random);
      state = kind == Inputs::kWhite || c == 0 ? fresh : 0.9f * state + std::sqrt(1 - 0.81f) * fresh;
      x[t * kColumns + c] = state * strength[c];
    }
  }
  return x;
}

std::vector<float> Hessian(const std::vector<float>& x) {
  const size_t tokens = x.size() / kColumns;
  std::vector<float> sum(kColumns * kColumns);
  const GramArgs args{x.data(), tokens, kColumns, sum.data()};
  for (size_t first = 0; first < kColumns; first += kGramRows) PickGram(DetectIsa())(args, first);
  for (float& s : sum) s /= static_cast<float>(tokens);
  return sum;
}

std::vector<float> Weights() {
  std::mt19937_64 random(7);
  std::student_t_distribution<float> student(5);
  std::vector<float> w(kOut * kColumns);
  for (float& v : w) v = 0.02f * student(random);
  return w;
}

std::vector<float> Decoded(const Format& format, const std::string& bytes) {
  std::vector<float> w(kOut * kColumns);
  for (size_t r = 0; r < kOut; ++r)
    format.decode(bytes.data() + r * BlockOffset(format, kColumns), 0, w.data() + r * kColumns, kColumns);
  return w;
}

// d^T H d summed over rows, d being what is lost of the weights; H's upper triangle counts.
double OutputError(const std::vector<float>& hessian, const std::vector<float>& w,
                   const std::vector<float>& kept) {
  double error = 0;
  for (size_t r = 0; r < kOut; ++r) {
    for (size_t i = 0; i < kColumns; ++i) {
      const double lost = static_cast<double>(w[r * kColumns + i]) - kept[r * kColumns + i];
      for (size_t j = i; j < kColumns; ++j) {
        const double other = static_cast<double>(w[r * kColumns + j]) - kept[r * kColumns + j];
        error += (i == j ? 1 : 2) * lost * other * hessian[i * kColumns + j];
      }
    }
  }
  return error;
}

struct Layer {
  explicit Layer(Inputs kind, size_t tokens = 2048)
      : hessian(Hessian(MakeInputs(kind, tokens, 1))),
        held_out(Hessian(MakeInputs(kind, 2048, 2))),
        count(static_cast<int64_t>(tokens)) {}
  std::vector<float> w = Weights(), hessian, held_out;
  int64_t count;
};

struct Encoded {
  GptqOutcome outcome;
  std::vector<float> kept;
};
struct Options {
  FactorOptions factor = {};
  GptqScales scales = GptqScales::kWeighted;
};
Encoded Encode(const Layer& layer, const Scheme& scheme, const Options& options = {}) {
  std::string bytes(kOut * BlockOffset(*scheme.format, kColumns), '\xff');
  const GptqInput input = PrepareGptq(layer.hessian, kColumns, layer.count, options.factor);
  const GptqTask task{
      .weights = layer.w, .rows = kOut, .scheme = &scheme, .input = &input, .scales = options.scales};
  const GptqOutcome outcome = EncodeGptq(task, bytes.data());
  return {outcome, Decoded(*scheme.format, bytes)};
}

// Share of the error of rounding to nearest at the largest weight's scale that is left, on held-out inputs.
double Left(Inputs kind, const Options& options = {}) {
  const Layer layer(kind);
  const Scheme scheme = ParseScheme("int4_g128").value();
  const Layer few = [&] {  // too few tokens: rounded to nearest
    Layer l = layer;
    l.count = 1;
    return l;
  }();
  Options plain;
  plain.scales = GptqScales::kAbsMax;
  const double nearest = OutputError(layer.held_out, layer.w, Encode(few, scheme, plain).kept);
  return OutputError(layer.held_out, layer.w, Encode(layer, scheme, options).kept) / nearest;
}

TEST(Gptq, LeavesLittleOfTheErrorOfHeldOutOutputs) {
  EXPECT_LE(Left(Inputs::kWhite), 0.85);
  EXPECT_LE(Left(Inputs::kSmooth), 0.22);
  EXPECT_LE(Left(Inputs::kUneven), 0.10);
}

// Which part does what: neighbours' correlation, scales, order.
TEST(Gptq, EachPartHelpsWhereItShould) {
  Options options{.factor = {.by_strength = false}, .scales = GptqScales::kAbsMax};
  const double feedback = Left(Inputs::kUneven, options);
  options.scales = GptqScales::kSquaredError;
  const double scales = Left(Inputs::kUneven, options);
  options.factor.by_strength = true;
  const double order = Left(Inputs::kUneven, options);
  options.scales = GptqScales::kWeighted;
  const double weighted = Left(Inputs::kUneven, options);
  EXPECT_LE(feedback, 0.32);
  EXPECT_LE(scales, feedback);
  EXPECT_LE(order, scales);
  EXPECT_LE(weighted, order);
}

// Every format whose codes may be chosen: better than its own encoder with importances, and what the solver
// said it lost is what the bytes lost.
TEST(Gptq, ServesFormatsOnTheirOwnScales) {
  const Layer layer(Inputs::kUneven);
  std::vector<float> energies(kColumns);
  for (size_t c = 0; c < kColumns; ++c) energies[c] = layer.hessian[c * kColumns + c];
  for (const std::string name : {"q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k",
                                 "q6_k", "iq4_nl", "iq4_xs", "mxfp4", "int4_g32_asym", "int8_channel"}) {
    const Scheme scheme = ParseScheme(name).value();
    const Encoded gptq = Encode(layer, scheme);
    EXPECT_EQ(gptq.outcome.status, GptqStatus::kDone) << name;
    const double lost = OutputError(layer.hessian, layer.w, gptq.kept);
    EXPECT_NEAR(gptq.outcome.error, lost, 1e-3 * lost) << name;
    EXPECT_LE(lost, 0.75 * gptq.outcome.nearest_error) << name;
    if (scheme.group != 0) continue;
    std::string bytes(kOut * BlockOffset(*scheme.format, kColumns), 0);
    for (size_t r = 0; r < kOut; ++r) {
      scheme.format->encode(layer.w.data() + r * kColumns, energies.data(),
                            bytes.data() + r * BlockOffset(*scheme.format, kColumns), kColumns);
    }
    EXPECT_LE(OutputError(layer.held_out, layer.w, gptq.kept),
              0.75 * OutputError(layer.held_out, layer.w, Decoded(*scheme.format, bytes)))
        << name;
  }
}

TEST(Gptq, SaysWhenTokensDoNotSuffice) {
  const Scheme scheme = ParseScheme("q4_0").value();
  EXPECT_EQ(Encode(Layer(Inputs::kSmooth, 2 * kColumns - 1), scheme).outcome.status, GptqStatus::kFewTokens);
  const Encoded few = Encode(Layer(Inputs::kSmooth, kColumns - 1), scheme);
  EXPECT_EQ(few.outcome.status, GptqStatus::kTooFewTokens);
  EXPECT_EQ(few.outcome.error, few.outcome.nearest_error);
  Layer broken(Inputs::kSmooth);
  broken.hessian[3] = 1e30f;
  EXPECT_EQ(Encode(broken, scheme).outcome.status, GptqStatus::kNotDefinite);
  EXPECT_EQ(Encode(Layer(Inputs::kSmooth), ParseScheme("iq3_s").value()).outcome.status,
            GptqStatus::kNoCodes);
}

// Gate T4, 2:4: of every four weights the two are kept whose loss would count most. Over some draws of how
// strong channels are, as few of them weigh much.
TEST(Sparsity, ByImportanceLosesAFifthOfWhatBySizeDoes) {
  const std::vector<float> w = Weights();
  const Format& format = *FindFormat("q8_24");
  const size_t row_bytes = BlockOffset(format, kColumns);
  double by_importance = 0, by_size = 0;
  for (const uint32_t channels : {5, 6, 7, 8, 9, 10, 11, 12}) {
    const std::vector<float> seen = Hessian(MakeInputs(Inputs::kUneven, 1024, 1, channels)),
                             held_out = Hessian(MakeInputs(Inputs::kUneven, 1024, 2, channels));
    std::vector<float> energies(kColumns);
    for (size_t c = 0; c < kColumns; ++c) energies[c] = seen[c * kColumns + c];
    for (const float* importance :
         {static_cast<const float*>(energies.data()), static_cast<const float*>(nullptr)}) {
      std::string bytes(kOut * row_bytes, 0);
      for (size_t r = 0; r < kOut; ++r)
        format.encode(w.data() + r * kColumns, importance, bytes.data() + r * row_bytes, kColumns);
      (importance == nullptr ? by_size : by_importance) += OutputError(held_out, w, Decoded(format, bytes));
    }
  }
  EXPECT_LE(by_importance, 0.2 * by_size);
}

// Codes stay, and held-out outputs lose less, where inputs depend on each other; where they do not, nothing
// is to be gained and nothing lost.
TEST(TuneScales, TakesErrorOffHeldOutOutputs) {
  for (const std::string name : {"int4_g32", "int4_g128", "int4_g64_asym", "q4_0", "int8_channel"}) {
    const Scheme scheme = WithFreeScales(ParseScheme(name).value());
    for (const Inputs kind : {Inputs::kWhite, Inputs::kSmooth, Inputs::kUneven}) {
      const Layer layer(kind);
      const GptqInput input = PrepareGptq(layer.hessian, kColumns, layer.count, {});
      std::string bytes(kOut * BlockOffset(*scheme.format, kColumns), '\xff');
      const GptqTask task{.weights = layer.w, .rows = kOut, .scheme = &scheme, .input = &input};
      RowsOnGrid rows(task, 0, kOut, bytes.data());
      rows.RoundToNearest();
      rows.Write();
      const std::vector<uint8_t> codes(rows.codes(3).begin(), rows.codes(3).end());
      const double before = OutputError(layer.held_out, layer.w, Decoded(*scheme.format, bytes));
      TuneScales(input, 0.01f, &rows);
      rows.Write();
      const double after = OutputError(layer.held_out, layer.w, Decoded(*scheme.format, bytes));
      EXPECT_TRUE(std::equal(codes.begin(), codes.end(), rows.codes(3).begin())) << name;
      // Scales have eight bits (RoundScale): of bytes there is nothing left to gain.
      const bool may_gain = kind != Inputs::kWhite && name != "int8_channel";
      EXPECT_LE(after, (may_gain ? 0.97 : 1.03) * before) << name;
    }
  }
}

// U^T U is the inverse of the damped Hessian, at sizes around the blocks of the factorisation.
TEST(HessianFactor, FeedsByTheInverse) {
  for (const size_t n : {1, 7, 64, 65, 150}) {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    std::vector<float> x(4 * n * n), hessian(n * n);
    for (float& v : x) v = normal(random);
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = i; j < n; ++j) {
        for (size_t t = 0; t < 4 * n; ++t) hessian[i * n + j] += x[t * n + i] * x[t * n + j] / 4;
      }
    }
    const HessianFactor factor = FactorHessian(hessian, n, {}).value();
    // H^-1 = F^T D F where row i of F is 1 at i and the feed beyond: so F H = D^-1 F^-T, which is lower.
    double mean = 0;
    for (size_t i = 0; i < n; ++i) mean += hessian[i * n + i] / static_cast<double>(n);
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = i + 1; j < n; ++j) {
        double sum = 0;
        for (size_t k = i; k < n; ++k) {
          const size_t a = std::min(factor.order[k], factor.order[j]);
          const size_t b = std::max(factor.order[k], factor.order[j]);
          const double damped = hessian[a * n + b] + (a == b ? factor.damping * mean : 0);
          sum += (k == i ? 1. : static_cast<double>(factor.feed[i * n + k])) * damped;
        }
        EXPECT_NEAR(sum, 0, 2e-4 * mean) << n << ": " << i << ", " << j;
      }
    }
  }
}

}  // namespace
}  // namespace tern
