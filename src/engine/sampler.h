#pragma once
// Samplers: how the next token is chosen from a row of logits. One step is one descriptor in
// samplers/<name>.cc and one line in samplers.list; the list's order is the default order of a chain.

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/required.h"
#include "base/result.h"
#include "engine/dry_breakers.h"
#include "ops/batch.h"

namespace tern {

struct Candidate {
  int32_t id;
  float logit;
};

// Every option of every sampler; the defaults mean "off" or plain sampling at a low temperature.
struct SamplingOptions {
  uint64_t seed = 0;         // 0: drawn at random, and reported
  float temperature = 0.3f;  // 0: greedy. Small models wander off above
  int top_k = 40;            // 0: off
  float top_p = 0.95f;       // 1: off
  float min_p = 0.05f;       // 0: off
  float typical_p = 1.0f;    // 1: off
  float repetition_penalty = 1.0f;
  float presence_penalty = 0.0f;
  float frequency_penalty = 0.0f;
  int penalty_last_n = 64;  // how far back penalties look; -1: everything
  float dry_multiplier = 0.0f, dry_base = 1.75f;
  int dry_allowed_length = 2, dry_last_n = -1;
  std::vector<std::string> dry_breakers = {"\n", ":", "\"", "*"};  // texts that end a sequence
  float xtc_probability = 0.0f, xtc_threshold = 0.1f;
  int mirostat = 0;  // 0 or 2
  float mirostat_tau = 5.0f, mirostat_eta = 0.1f;
  std::map<int32_t, float> logit_bias = {};
  int min_tokens = 0;                    // until the answer has so many, none of end_tokens
  std::vector<int32_t> end_tokens = {};  // ids that would end it
  std::vector<std::string> order = {};   // sampler names; empty: the order of samplers.list
};
// An error that names the option and its range.
Status Validate(const SamplingOptions& options);

// Random numbers with a fixed sequence per seed on every platform (PCG-XSH-RR 64/32).
class Random {
 public:
  explicit Random(uint64_t seed);
  uint32_t Next();
  double Uniform();  // [0, 1)

 private:
  uint64_t state_;
};

// What a sampler step sees and changes. Memory is reused from token to token: no allocation after warm-up.
struct SamplerState {
  std::vector<Candidate>& candidates;  // what is left; samplers erase from it or change logits
  bool sorted = false;                 // candidates descend by logit
  std::span<const int32_t> history;    // prompt and answer so far
  size_t answer_from;                  // where in it the answer begins
  const SamplingOptions& options;
  Random& random;
  float mirostat_mu = 0;
  std::vector<int64_t>& scratch;  // for the step's own use: as many as the context
  const DryBreakers* dry_breakers = nullptr;
};

struct SamplerDesc {
  std::string_view name;
  std::string_view summary;
  // False: with these options the step changes nothing and is left out of the chain.
  Required<bool (*)(const SamplingOptions&)> active;
  Required<void (*)(SamplerState&)> apply;
  // Set where `apply` changes logits token by token, whatever the other candidates, and leaves none out:
  // appends the tokens that it may change. Greedy sampling runs these steps only.
  void (*touches)(const SamplerState&, std::vector<int32_t>& ids) = nullptr;
  // Set where `apply` leaves so many of the likeliest, in their order, and nothing of the others: behind
  // steps with `touches` it need not see all candidates.
  size_t (*likeliest)(const SamplingOptions&) = nullptr;
  // True: leaves candidates out by their share. Mirostat decides that itself: with it on, such steps run only
  // where `order` names them.
  bool truncates = false;
};
std::span<const SamplerDesc* const> AllSamplers();

// A chain for one sequence. Not thread-safe.
class Sampler {
 public:
  // `options` validated; unknown names in `order` are an error. Histories of up to `context` tokens allocate
  // nothing. `dry_breakers`: options.dry_breakers in the vocabulary; null: none.
  static Result<Sampler> Make(SamplingOptions options, int vocabulary, int context = 4096,
                              std::shared_ptr<const DryBreakers> dry_breakers = nullptr);
  // One more step, behind the others, whatever samplers.list has.
  void Append(const SamplerDesc& step);
  // The next token. `history` is the prompt and, from `answer_from` on, the answer so far. Non-finite logits
  // are treated as -inf; if none is finite, if a step leaves no candidate, or all with -inf, an error.
  Result<int32_t> Sample(std::span<const float> logits, std::span<const int32_t> history,
                         size_t answer_from = 0);
  // What of the next row of logits Sample will look at; good until then. For others it takes -inf.
  WantedLogits Needs(std::span<const int32_t> history, size_t answer_from = 0);
  const SamplingOptions& options() const { return options_; }
  std::vector<std::string_view> chain() const;  // names of the active steps, in order

 private:
  Sampler(SamplingOptions options, int vocabulary, int context);
  size_t CountLikeliest() const;
  SamplerState StateOf(std::span<const int32_t> history, size_t answer_from);
  void FindTouched(const SamplerState& state);
  // The candidates that steps_ need to be given; false: none is finite.
  bool Gather(std::span<const float> logits, SamplerState& state);
  int32_t Draw(float max);
  SamplingOptions options_;
  std::vector<const SamplerDesc*> steps_;
  size_t likeliest_ = 0;          // steps_ need no more candidates than these and touched_; 0: they need all
  std::vector<int32_t> touched_;  // ascending
  std::vector<Candidate> candidates_;
  std::vector<int64_t> scratch_;
  std::shared_ptr<const DryBreakers> dry_breakers_;
  Random random_;
  float mirostat_mu_ = 0;
};

}  // namespace tern
