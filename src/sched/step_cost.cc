#include "sched/step_cost.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

namespace tern {
namespace {

constexpr int kFewRows = 8, kManyRows = 24;
constexpr size_t kTerms = 6;
constexpr int kFitEvery = 16, kFitAlways = 24;  // steps
constexpr double kHalfWeightAge = 20'000;       // steps since a kind was seen
// What a prior is asked for: decodes, prefills, shallow and deep. Each weighs less than one step that was
// seen.
constexpr double kPriorWeight = 0.1;
constexpr StepShape kPriorSteps[] = {{1, 1, 64, 64},         {1, 1, 2048, 2048},   {8, 8, 512, 512},
                                     {8, 8, 16384, 16384},   {32, 32, 8192, 8192}, {32, 0, 32, 528},
                                     {128, 0, 2048, 253184}, {256, 1, 256, 32896}, {512, 0, 512, 131328}};
constexpr double kTrustedError = 0.15;  // of a kind, relative
constexpr double kMostSpread = 2, kMostTail = 8;

using Terms = std::array<double, kTerms>;

Terms TermsOf(const StepShape& s) {
  return {1.0,
          static_cast<double>(std::min(s.rows, kFewRows)),
          static_cast<double>(std::max(s.rows - kFewRows, 0)),
          static_cast<double>(s.outputs),
          static_cast<double>(s.kv_read),
          static_cast<double>(s.kv_pairs)};
}

constexpr double StepCostCoefficients::*kMembers[kTerms] = {
    &StepCostCoefficients::step_s,   &StepCostCoefficients::row_s,     &StepCostCoefficients::more_row_s,
    &StepCostCoefficients::output_s, &StepCostCoefficients::kv_read_s, &StepCostCoefficients::kv_pair_s};

double Dot(const StepCostCoefficients& c, const Terms& terms) {
  double sum = 0;
  for (size_t i = 0; i < kTerms; ++i) sum += c.*kMembers[i] * terms[i];
  return sum;
}

// Exact for the few, then two to an octave.
uint64_t RowsBucket(int n) {
  const auto u = static_cast<unsigned>(std::max(n, 0));
  if (u < 4) return u;
  const auto octave = static_cast<unsigned>(std::bit_width(u));
  return 2 * octave + ((u >> (octave - 2)) & 1);
}

uint64_t KeyOf(const StepShape& s) {
  const auto octave = [](int64_t n) {
    return static_cast<uint64_t>(std::bit_width(static_cast<uint64_t>(n)));
  };
  return RowsBucket(s.rows) << 24 | RowsBucket(s.outputs) << 16 | octave(s.kv_read / 256) << 8 |
         octave(s.kv_pairs / 1024);
}

struct NormalEquations {
  std::array<Terms, kTerms> a{};
  Terms b{};

  void Add(const Terms& x, double y, double weight) {
    for (size_t i = 0; i < kTerms; ++i) {
      for (size_t j = 0; j < kTerms; ++j) a[i][j] += weight * x[i] * x[j];
      b[i] += weight * x[i] * y;
    }
  }
  // The least squares with no coefficient below 0, one coordinate after the other. The first ones get what
  // could be any one's.
  Terms Solve() const {
    constexpr int kSweeps = 200;
    constexpr double kSettled = 1e-5;
    Terms c{};
    double moved = 1;  // in shares of what is explained
    for (int sweep = 0; sweep < kSweeps && moved > kSettled; ++sweep) {
      moved = 0;
      for (size_t i = 0; i < kTerms; ++i) {
        if (a[i][i] <= 0) continue;
        double rest = b[i];
        for (size_t j = 0; j < kTerms; ++j) rest -= j == i ? 0 : a[i][j] * c[j];
        const double next = std::max(0.0, rest / a[i][i]);
        moved = std::max(moved, std::abs(next - c[i]) * a[i][i] / std::max(b[i], 1e-30));
        c[i] = next;
      }
    }
    return c;
  }
};

}  // namespace

void StepShape::Add(int first, int more, int wanted) {
  rows += more;
  outputs += wanted;
  kv_read += first + more;
  kv_pairs += int64_t{more} * first + int64_t{more} * (more + 1) / 2;
}

double StepSeconds(const StepCostCoefficients& c, const StepShape& shape) { return Dot(c, TermsOf(shape)); }

StepCost::StepCost(const StepCostCoefficients& prior)
    : coefficients_(prior), prior_(prior), known_(true), has_prior_(true) {}

StepCost::Kind& StepCost::KindOf(uint64_t key) {
  const auto found =
      std::ranges::find_if(kinds_, [key](const Kind& k) { return k.times > 0 && k.key == key; });
  if (found != kinds_.end()) return *found;
  Kind& oldest = *std::ranges::min_element(kinds_, {}, &Kind::last_seen);
  oldest = {.key = key};
  return oldest;
}

void StepCost::Observe(const StepShape& shape, double seconds) {
  if (shape.rows <= 0 || !(seconds > 0)) return;
  ++observed_;
  if (known_) Spread(seconds / std::max(Predict(shape), 1e-9));
  Kind& kind = KindOf(KeyOf(shape));
  kind.seconds[static_cast<size_t>(kind.times % kKept)] = static_cast<float>(seconds);
  ++kind.times;
  kind.last_seen = observed_;
  const Terms terms = TermsOf(shape);
  const double share = 1.0 / std::min(kind.times, kKept);
  for (size_t i = 0; i < kTerms; ++i) kind.terms[i] += share * (terms[i] - kind.terms[i]);
  if (observed_ <= kFitAlways || observed_ % kFitEvery == 0) Fit();
}

// Quantiles that as much lies below as it should, found a small step at a time.
void StepCost::Spread(double ratio) {
  const auto move = [ratio](double at, double quantile, double step) {
    return at + step * (ratio > at ? quantile : quantile - 1);
  };
  StepCostCoefficients& c = coefficients_;
  c.spread = std::clamp(move(c.spread, 0.9, 0.01), 1.0, kMostSpread);
  c.tail = std::clamp(move(c.tail, 0.99, 0.1), c.spread, kMostTail);
}

double StepCost::Kind::Median() const {
  const int n = std::min(times, kKept);
  std::array<float, kKept> sorted = seconds;
  std::nth_element(sorted.begin(), sorted.begin() + n / 2, sorted.begin() + n);
  return sorted[static_cast<size_t>(n / 2)];
}

// Twice: what is far from what the first round says counts less in the second.
void StepCost::Fit() {
  bool few = false, many = false;
  for (int round = 0; round < 2; ++round) {
    NormalEquations equations;
    for (const Kind& kind : kinds_) {
      if (kind.times == 0) continue;
      const double seconds = kind.Median();
      const double age = static_cast<double>(observed_ - kind.last_seen);
      double weight = std::min(kind.times, 4) / (1 + age / kHalfWeightAge);
      if (round > 0) {
        const double error = std::abs(Dot(coefficients_, kind.terms) / seconds - 1);
        weight *= std::min(1.0, kTrustedError / std::max(error, 1e-9));
      }
      equations.Add(kind.terms, seconds, weight / (seconds * seconds));
      few |= kind.terms[1] + kind.terms[2] <= kFewRows;
      many |= kind.terms[1] + kind.terms[2] >= kManyRows;
    }
    for (const StepShape& shape : has_prior_ ? std::span(kPriorSteps) : std::span<const StepShape>()) {
      const double before = std::max(StepSeconds(prior_, shape), 1e-9);
      equations.Add(TermsOf(shape), before, kPriorWeight / (before * before));
    }
    const Terms solved = equations.Solve();
    for (size_t i = 0; i < kTerms; ++i) coefficients_.*kMembers[i] = solved[i];
  }
  known_ = has_prior_ || (few && many);
}

}  // namespace tern
