#include "engine/adaptation/adaptation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

namespace tern {
namespace {

// What steps cost by the value of one knob, on a clock of its own.
struct World {
  std::map<int, double> cost;  // seconds of a step
  double noise = 0;            // of a step, relative
  double hiccups = 0;          // the share of steps in which somebody else has the machine
  bool other_steps = false;    // the knob has nothing to do with what runs now
  int value = 0;
  double at_s = 100, steps_s = 0;
  std::mt19937 random{1};

  double bursts = 0;  // and at which it has for the next ten
  int burst_steps = 0;

  double Seconds() {
    std::normal_distribution<double> normal(0, noise);
    const auto now_and_then = [this](double share) {
      return std::uniform_real_distribution()(random) < share;
    };
    if (now_and_then(bursts)) burst_steps = 10;
    const double others = now_and_then(hiccups) ? 4 : burst_steps-- > 0 ? 2 : 1;
    return cost.at(value) * std::exp(normal(random)) * others;
  }
};
World* world = nullptr;  // knobs have no state

KnobRange Range(const AdaptedParts&) { return {{2, 4, 6, 8}, 8}; }
void Set(const AdaptedParts&, int value) { world->value = value; }
double Work(const StepRecord&, int) { return world->other_steps ? kNoWork : 1; }
const KnobDesc kKnob = {.name = "spoons",
                        .summary = "spoons in the soup",
                        .unit = "step",
                        .range = Range,
                        .set = Set,
                        .work = Work,
                        .changes_step_cost = true,
                        .is_kept = true};
const KnobDesc* const kKnobs[] = {&kKnob};

class AdaptationTest : public testing::Test {
 protected:
  AdaptationTest() { world = &world_; }
  ~AdaptationTest() override { world = nullptr; }

  void Start(std::map<int, double> cost, double noise, AdaptationOptions options = {}) {
    world_.cost = std::move(cost);
    world_.noise = noise;
    adaptation_.emplace(kKnobs, AdaptedParts{}, std::move(options));
  }
  void Run(double seconds) {
    for (const double end = world_.steps_s + seconds; world_.steps_s < end;) {
      StepRecord step{.seconds = world_.Seconds()};
      step.shape.rows = 1;
      world_.steps_s += step.seconds;
      step.at_s = world_.at_s += step.seconds;
      adaptation_->EndStep(step);
    }
  }
  AdaptationView View() const {
    AdaptationView view;
    adaptation_->LookAt(&view);
    return view;
  }
  // What trials may have cost by now.
  double Most() const { return Adaptation::kShare * world_.steps_s + 10 * world_.cost.at(8) + 0.05; }

  World world_;
  std::optional<Adaptation> adaptation_;
};

TEST_F(AdaptationTest, FindsTheBestValueAndSaysWhy) {
  Start({{2, 0.0013}, {4, 0.0009}, {6, 0.00097}, {8, 0.001}}, 0.03);
  Run(120);
  EXPECT_EQ(View().knobs[0].value, 4);
  ASSERT_GE(View().history.size(), 1u);
  const AdaptationMove last = View().history.back();
  EXPECT_EQ(last.knob, "spoons");
  EXPECT_EQ(last.to, 4);
  EXPECT_FALSE(last.is_back);
  EXPECT_NE(last.reason.find("% less time per step, in "), std::string::npos) << last.reason;
  EXPECT_LE(View().excess_s, Most());
  EXPECT_EQ(View().knobs[0].values[0].verdict, Verdict::kMuchWorse);
  EXPECT_NEAR(View().knobs[0].row_s, 0.0009, 0.00005);
}

TEST_F(AdaptationTest, FindsItInLongStepsToo) {
  Start({{2, 0.2}, {4, 0.09}, {6, 0.097}, {8, 0.1}}, 0.03);
  Run(600);
  EXPECT_EQ(View().knobs[0].value, 4);
  EXPECT_LE(View().excess_s, Most());
}

TEST_F(AdaptationTest, DoesNotMoveForNoise) {
  uint64_t moves = 0;
  for (unsigned seed = 1; seed <= 10; ++seed) {
    world_ = World();
    world_.random.seed(seed);
    world_.hiccups = 0.02;
    Start({{2, 0.001}, {4, 0.001}, {6, 0.001}, {8, 0.001}}, 0.15);
    Run(100);
    moves += View().moves;
  }
  EXPECT_LE(moves, 3u);
}

// What somebody else does to a few steps in a row is no property of the value that was on trial.
TEST_F(AdaptationTest, NoValueIsBlamedForBursts) {
  int blamed = 0, tried = 0;
  for (unsigned seed = 1; seed <= 10; ++seed) {
    world_ = World();
    world_.random.seed(seed);
    world_.bursts = 0.02;
    Start({{2, 0.001}, {4, 0.001}, {6, 0.001}, {8, 0.001}}, 0.03);
    Run(60);
    for (const TriedValue& v : View().knobs[0].values) {
      blamed += v.verdict == Verdict::kMuchWorse ? 1 : 0;
      tried += v.times;
    }
  }
  EXPECT_GT(tried, 30);
  EXPECT_LE(blamed, 1);
}

TEST_F(AdaptationTest, GoesBackWhereThatHasBecomeBetterAgain) {
  Start({{2, 0.0013}, {4, 0.0009}, {6, 0.00095}, {8, 0.001}}, 0.03);
  Run(120);
  ASSERT_EQ(View().knobs[0].value, 4);
  world_.cost = {{2, 0.003}, {4, 0.002}, {6, 0.0015}, {8, 0.001}};
  Run(60);
  EXPECT_EQ(View().knobs[0].value, 8);
  EXPECT_NE(View().history.back().reason.find("times as long"), std::string::npos)
      << View().history.back().reason;
  EXPECT_LE(View().excess_s, Most() + 0.01);
}

// A trial may have been lucky: what the move left behind is tried again, and soon.
TEST_F(AdaptationTest, TakesAMistakeBack) {
  Start({{2, 0.002}, {4, 0.002}, {6, 0.0009}, {8, 0.001}}, 0.02);
  while (View().moves == 0) Run(0.01);
  ASSERT_EQ(View().knobs[0].value, 6);
  world_.cost[6] = 0.00107;  // too little to be taken for another world
  Run(60);
  EXPECT_EQ(View().knobs[0].value, 8);
  EXPECT_TRUE(View().history.back().is_back);
}

TEST_F(AdaptationTest, TriesWhatIsBadEverMoreSeldom) {
  Start({{2, 0.01}, {4, 0.01}, {6, 0.01}, {8, 0.001}}, 0.02);
  Run(2000);
  EXPECT_EQ(View().moves, 0u);
  EXPECT_LE(View().excess_s, 0.0005 * world_.steps_s);
  EXPECT_LE(View().knobs[0].values[0].times, 12);
}

TEST_F(AdaptationTest, TrialsAreBoundedWhateverTheyCost) {
  world_.hiccups = 0.05;
  Start({{2, 0.0012}, {4, 0.0012}, {6, 0.0011}, {8, 0.001}}, 0.2);
  for (int i = 0; i < 50; ++i) {
    Run(1);
    EXPECT_LE(View().excess_s, Most());
  }
  EXPECT_LE(View().tried_s, 0.2 * View().steps_s);
}

TEST_F(AdaptationTest, StaticDoesNothing) {
  Start({{2, 0.001}, {4, 0.0005}, {6, 0.001}, {8, 0.001}}, 0.02, {.is_static = true});
  Run(20);
  EXPECT_EQ(world_.value, 8);
  EXPECT_EQ(View().moves, 0u);
  EXPECT_EQ(View().tried_s, 0);
  EXPECT_TRUE(View().is_static);
}

TEST_F(AdaptationTest, WhatTheUserFixedStays) {
  Start({{2, 0.001}, {3, 0.002}, {4, 0.0005}, {6, 0.001}, {8, 0.001}}, 0.02, {.fixed = {{"spoons", 3}}});
  Run(20);
  EXPECT_EQ(world_.value, 3);
  EXPECT_TRUE(View().knobs[0].is_fixed);
  EXPECT_EQ(View().tried_s, 0);
}

TEST_F(AdaptationTest, BeginsWhereAnEarlierRunEndedAndKeepsWhatItFinds) {
  std::vector<KeptKnob> kept;
  const auto keep = [&](const std::vector<KeptKnob>& values) { kept = values; };
  Start({{2, 0.0013}, {4, 0.0009}, {6, 0.00097}, {8, 0.001}}, 0.03, {.on_kept = keep});
  Run(120);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].name, "spoons");
  EXPECT_EQ(kept[0].value, 4);
  Start({{2, 0.0013}, {4, 0.0009}, {6, 0.00097}, {8, 0.001}}, 0.03, {.start = kept});
  EXPECT_EQ(world_.value, 4);
  EXPECT_EQ(View().knobs[0].start, 8);
  Start({{2, 0.001}, {8, 0.001}}, 0.03, {.start = {{"spoons", 5, {}}, {"forks", 2, {}}}});
  EXPECT_EQ(world_.value, 8);
}

// Steps tell nothing of their cost exactly while another value than the current one is set.
TEST_F(AdaptationTest, SaysWhichStepsAreOnTrial) {
  Start({{2, 0.0011}, {4, 0.0011}, {6, 0.0011}, {8, 0.001}}, 0.02);
  int others = 0;
  for (int i = 0; i < 2000; ++i) {
    EXPECT_EQ(adaptation_->disturbs_step_cost(), world_.value != 8);
    others += world_.value != 8 ? 1 : 0;
    StepRecord step{.at_s = world_.at_s += 0.001, .seconds = world_.Seconds()};
    step.shape.rows = 1;
    adaptation_->EndStep(step);
  }
  EXPECT_GT(others, 0);
}

TEST_F(AdaptationTest, GivesUpATrialWithoutSteps) {
  Start({{2, 0.0011}, {4, 0.0011}, {6, 0.0011}, {8, 0.001}}, 0.02);
  while (world_.value == 8) Run(0.001);
  world_.other_steps = true;
  Run(12);
  EXPECT_EQ(world_.value, 8);
  EXPECT_TRUE(View().trying.empty());
}

TEST(Knobs, HaveNamesOfTheirOwn) {
  for (const KnobDesc* knob : AllKnobs()) {
    EXPECT_EQ(FindKnob(knob->name), knob);
    EXPECT_FALSE(knob->summary.empty());
  }
  EXPECT_EQ(FindKnob("spoons"), nullptr);
}

}  // namespace
}  // namespace tern
