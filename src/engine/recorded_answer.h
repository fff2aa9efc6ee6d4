#pragma once
// For tests: all that an engine says of a request, to be compared bit by bit.

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"

namespace tern {

struct RecordedAnswer {
  std::vector<int32_t> tokens;
  std::vector<float> logprobs;
  Outcome outcome;
  bool finished = false;
};

// Tokens of a tiny model's vocabulary; others for another seed.
inline std::vector<int32_t> PromptOf(int tokens, int seed) {
  std::vector<int32_t> prompt;
  for (int i = 0; i < tokens; ++i) prompt.push_back((i * 37 + seed * 101 + 5) % 251);
  return prompt;
}

// Greedy, and told into `said`, which has to outlive it.
inline Request RecordedRequest(std::vector<int32_t> prompt, RecordedAnswer* said,
                               const std::string& tenant = "", int max_tokens = 20) {
  Request request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = 0;
  request.max_tokens = max_tokens;
  request.ignore_end = true;
  request.tenant = tenant;
  request.top_logprobs = 3;
  request.on_token = [said](int32_t token) { said->tokens.push_back(token); };
  request.on_logprobs = [said](const TokenLogprobs& p) {
    for (const auto& each : p.top) said->logprobs.push_back(each.logit);
  };
  request.on_finish = [said](const Outcome& outcome) {
    said->outcome = outcome;
    said->finished = true;
  };
  return request;
}

inline void RunToTheEnd(Engine& engine) {
  for (int steps = 0; engine.Step(); ++steps) ASSERT_LT(steps, 10000);
}

inline void ExpectSameAnswer(const RecordedAnswer& got, const RecordedAnswer& want) {
  EXPECT_TRUE(got.finished);
  EXPECT_EQ(got.tokens, want.tokens);
  ASSERT_EQ(got.logprobs.size(), want.logprobs.size());
  EXPECT_EQ(std::memcmp(got.logprobs.data(), want.logprobs.data(), got.logprobs.size() * sizeof(float)), 0);
}

}  // namespace tern
