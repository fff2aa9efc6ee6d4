#include "sched/step_cost.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace tern {
namespace {

// A machine that is not one of the model's: reading weights takes 4 ms, until arithmetic overtakes it.
double MachineSeconds(const StepShape& s) {
  const double arithmetic = 0.4e-3 * s.rows;
  return std::max(4e-3, arithmetic) + 0.15e-3 * s.rows + 0.3e-3 * s.outputs +
         1e-6 * static_cast<double>(s.kv_read) + 0.05e-6 * static_cast<double>(s.kv_pairs);
}

StepShape Decodes(int requests, int depth) {
  StepShape shape;
  for (int i = 0; i < requests; ++i) shape.Add(depth, 1, 1);
  return shape;
}

StepShape Prefill(int rows, int depth) {
  StepShape shape;
  shape.Add(depth, rows, 0);
  return shape;
}

class Traffic {
 public:
  explicit Traffic(double disturbed) : disturbed_(disturbed) {}

  void Serve(StepCost* cost, int steps) {
    for (int i = 0; i < steps; ++i) {
      StepShape shape = Decodes(Pick(0, 24), Pick(16, 2000));
      if (shape.rows == 0 || Pick(0, 3) == 0) shape.Add(Pick(0, 1000), Pick(16, 300), 0);
      Take(cost, shape);
    }
  }
  void Take(StepCost* cost, const StepShape& shape) {
    double noise = 1 + 0.05 * std::uniform_real_distribution(-1.0, 1.0)(random_);
    if (std::uniform_real_distribution(0.0, 1.0)(random_) < disturbed_) noise *= Pick(2, 20);
    cost->Observe(shape, noise * MachineSeconds(shape));
  }

 private:
  int Pick(int least, int most) { return std::uniform_int_distribution(least, most)(random_); }
  std::mt19937 random_{7};
  double disturbed_;
};

void ExpectClose(const StepCost& cost, const StepShape& shape, double tolerance) {
  EXPECT_NEAR(cost.Predict(shape) / MachineSeconds(shape), 1, tolerance)
      << shape.rows << " rows, " << shape.outputs << " outputs, " << shape.kv_read << " read";
}

void ExpectLearnt(const StepCost& cost, double tolerance) {
  ASSERT_TRUE(cost.is_known());
  for (const int depth : {100, 1500}) {
    for (const int requests : {1, 2, 4, 8, 16, 24}) ExpectClose(cost, Decodes(requests, depth), tolerance);
    for (const int rows : {64, 128, 256, 512}) ExpectClose(cost, Prefill(rows, depth), tolerance);
  }
}

TEST(StepCost, LearnsAMachineFromMixedTraffic) {
  StepCost cost;
  EXPECT_FALSE(cost.is_known());
  Traffic traffic(0);
  traffic.Serve(&cost, 1000);
  ExpectLearnt(cost, 0.15);
  EXPECT_LT(cost.coefficients().spread, 1.2);
}

TEST(StepCost, OneStepInTenThatIsDisturbedChangesLittle) {
  StepCost cost;
  Traffic(0.1).Serve(&cost, 2000);
  ExpectLearnt(cost, 0.2);
}

TEST(StepCost, IsKnownAfterOneRequest) {
  StepCost cost;
  Traffic traffic(0);
  traffic.Take(&cost, Prefill(200, 0));
  EXPECT_FALSE(cost.is_known());
  for (int i = 0; i < 20; ++i) traffic.Take(&cost, Decodes(1, 200 + i));
  ASSERT_TRUE(cost.is_known());
  ExpectClose(cost, Prefill(200, 0), 0.1);
  ExpectClose(cost, Prefill(100, 0), 0.3);
  ExpectClose(cost, Decodes(1, 210), 0.1);
}

TEST(StepCost, ManyDecodesLaterItStillKnowsPrefills) {
  StepCost cost;
  Traffic traffic(0);
  traffic.Serve(&cost, 500);
  for (int i = 0; i < 10'000; ++i) traffic.Take(&cost, Decodes(1 + i % 8, 100 + i % 1000));
  ExpectLearnt(cost, 0.2);
}

TEST(StepCost, MoreNeverTakesLess) {
  StepCost cost;
  Traffic(0.1).Serve(&cost, 300);
  for (const StepCostField& field : kStepCostFields)
    EXPECT_GE(cost.coefficients().*field.member, 0) << field.name;
  for (int rows = 1; rows < 512; ++rows) {
    EXPECT_LE(cost.Predict(Prefill(rows, 64)), cost.Predict(Prefill(rows + 1, 64)));
  }
}

TEST(StepCost, APriorHoldsUntilStepsSayOtherwise) {
  StepCost before;
  Traffic traffic(0);
  traffic.Serve(&before, 1000);
  StepCost cost(before.coefficients());
  ExpectLearnt(cost, 0.15);
  for (int i = 0; i < 100; ++i) traffic.Take(&cost, Decodes(1, 100));
  ExpectLearnt(cost, 0.25);
  // Twice as fast a machine.
  for (int i = 0; i < 100; ++i) {
    for (const StepShape& s : {Decodes(1, 100), Decodes(8, 100), Prefill(64, 0), Prefill(256, 0)}) {
      cost.Observe(s, MachineSeconds(s) / 2);
    }
  }
  EXPECT_NEAR(cost.Predict(Decodes(8, 100)) / MachineSeconds(Decodes(8, 100)), 0.5, 0.1);
  EXPECT_NEAR(cost.Predict(Prefill(256, 0)) / MachineSeconds(Prefill(256, 0)), 0.5, 0.1);
}

TEST(StepCost, NineStepsInTenTakeNoLongerThanItsSpreadSays) {
  StepCost cost;
  Traffic traffic(0.2);
  traffic.Serve(&cost, 3000);
  EXPECT_GT(cost.coefficients().spread, 1.3);
}

TEST(StepCost, OfEqualStepsOneInAHundredTakesLongerThanItsTailSays) {
  StepCost cost;
  for (int i = 0; i < 5000; ++i) {
    const StepShape shape = i % 2 == 0 ? Decodes(1, 100) : Prefill(64, 0);
    cost.Observe(shape, MachineSeconds(shape) * (i % 40 == 0 ? 4 : i % 8 == 0 ? 1.3 : 1));
  }
  EXPECT_NEAR(cost.coefficients().spread, 1.3, 0.1);
  EXPECT_GT(cost.coefficients().tail, 2.5);
}

}  // namespace
}  // namespace tern
