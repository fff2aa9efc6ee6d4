// The sampler of docs/adding-a-sampler.md, run on a row of logits.

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/sampler.h"

// ---- src/engine/samplers/even_only.cc
namespace tern {
namespace {

// Only where --samplers names it: no other chain changes.
bool Active(const SamplingOptions& options) { return !options.order.empty(); }

// Where all are odd, they stay: one candidate must remain.
void Apply(SamplerState& state) {
  const auto is_odd = [](const Candidate& c) { return c.id % 2 != 0; };
  if (!std::ranges::all_of(state.candidates, is_odd)) std::erase_if(state.candidates, is_odd);
}

}  // namespace
extern const SamplerDesc k_sampler_even_only;
const SamplerDesc k_sampler_even_only = {
    .name = "even_only", .summary = "keeps even token ids", .active = Active, .apply = Apply};
}  // namespace tern
// ----

namespace tern {
namespace {

TEST(AddingASampler, TheExampleLeavesEvenIds) {
  std::vector<Candidate> candidates = {{0, 1.f}, {1, 3.f}, {2, 2.f}};
  std::vector<int64_t> scratch;
  SamplingOptions options;
  Random random(1);
  EXPECT_FALSE(k_sampler_even_only.active.value(options));
  options.order = {"even_only"};
  ASSERT_TRUE(k_sampler_even_only.active.value(options));
  SamplerState state{candidates, false, {}, 0, options, random, 0, scratch};
  k_sampler_even_only.apply.value(state);
  ASSERT_EQ(candidates.size(), 2u);
  EXPECT_EQ(candidates[0].id, 0);
  EXPECT_EQ(candidates[1].id, 2);
  candidates = {{1, 0.0f}, {3, 0.0f}};
  k_sampler_even_only.apply.value(state);
  EXPECT_EQ(candidates.size(), 2u) << "never empty";
}

}  // namespace
}  // namespace tern
