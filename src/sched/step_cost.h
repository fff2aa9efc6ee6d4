#pragma once
// StepCost: how long a step takes, learnt from the steps that an engine took. Doubles only; no clock: times
// come with the calls.
//
// Seconds of a step are a sum that grows in each of its counts, so that "how many more rows fit into 80 ms"
// has one answer:
//
//   step + row * min(rows, 8) + more_row * max(rows - 8, 0) + output * outputs
//        + kv_read * kv_read + kv_pair * kv_pairs
//
// Rows come in two prices since the first few wait for weights to be read, and later ones for arithmetic.
//
// What was seen is kept by kind of step (counts that are alike), the last few times of each: hours of
// decoding do not wash away what a prefill costs, and the median of a kind does not care for a moment in
// which somebody else had the machine. The coefficients are the least squares of relative errors over these,
// none below 0.
//
// Not thread-safe. Allocates nothing.

#include <array>
#include <cstdint>
#include <string_view>

namespace tern {

// What a step computes.
struct StepShape {
  int rows = 0;          // of all requests
  int outputs = 0;       // of those, with logits
  int64_t kv_read = 0;   // positions that are read, once per request
  int64_t kv_pairs = 0;  // positions that a row looks at, of all rows
  // `rows` more of one request, the first at position `first`.
  void Add(int first, int rows, int outputs);
};

struct StepCostCoefficients {
  double step_s = 0, row_s = 0, more_row_s = 0, output_s = 0, kv_read_s = 0, kv_pair_s = 0;
  // Nine steps in ten take no longer than `spread` times what is said here, ninety-nine in a hundred no
  // longer than `tail` times.
  double spread = 1, tail = 1;
};
// For JSON.
struct StepCostField {
  std::string_view name;
  double StepCostCoefficients::*member;
};
inline constexpr StepCostField kStepCostFields[] = {
    {"step_s", &StepCostCoefficients::step_s},         {"row_s", &StepCostCoefficients::row_s},
    {"more_row_s", &StepCostCoefficients::more_row_s}, {"output_s", &StepCostCoefficients::output_s},
    {"kv_read_s", &StepCostCoefficients::kv_read_s},   {"kv_pair_s", &StepCostCoefficients::kv_pair_s},
    {"spread", &StepCostCoefficients::spread},         {"tail", &StepCostCoefficients::tail},
};

// Seconds of a step that nobody disturbs.
double StepSeconds(const StepCostCoefficients& c, const StepShape& shape);

class StepCost {
 public:
  StepCost() = default;
  // As known before, by another run or a simulator's file; what is seen from now on counts beside it.
  explicit StepCost(const StepCostCoefficients& prior);

  void Observe(const StepShape& shape, double seconds);
  // Whether steps with few rows and steps with many have been seen, or a prior was given: before, Predict is
  // a guess that nothing should be decided by.
  bool is_known() const { return known_; }
  double Predict(const StepShape& shape) const { return StepSeconds(coefficients_, shape); }
  const StepCostCoefficients& coefficients() const { return coefficients_; }

 private:
  static constexpr int kKept = 15;    // times of a kind
  static constexpr int kKinds = 128;  // then the one that was seen longest ago goes
  struct Kind {
    uint64_t key = 0, last_seen = 0;
    int times = 0;                       // so far; 0: free
    std::array<float, kKept> seconds{};  // the last ones, in a ring
    std::array<double, 6> terms{};       // of the formula, their mean
    double Median() const;               // seconds
  };
  Kind& KindOf(uint64_t key);
  void Fit();
  void Spread(double ratio);

  std::array<Kind, kKinds> kinds_{};
  StepCostCoefficients coefficients_, prior_;
  bool known_ = false, has_prior_ = false;
  uint64_t observed_ = 0;
};

}  // namespace tern
