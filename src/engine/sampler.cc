#include "engine/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "engine/likeliest.h"
#include "engine/samplers/softmax.h"

namespace tern {

#define SAMPLER(id) extern const SamplerDesc k_sampler_##id;
#include "engine/samplers.list"
#undef SAMPLER

std::span<const SamplerDesc* const> AllSamplers() {
  static constexpr const SamplerDesc* kAll[] = {
#define SAMPLER(id) &k_sampler_##id,
#include "engine/samplers.list"
#undef SAMPLER
  };
  return kAll;
}

namespace {

Status CheckRange(std::string_view name, double value, double low, double high) {
  if (value >= low && value <= high) return {};  // NaN is in no range
  return BadInput(fmt::format("{}: {}, expected {} to {}", name, value, low, high));
}

uint64_t RandomSeed() {
  std::random_device device;
  // 53 bits: the seed is reported in JSON, whose readers may hold it in a double.
  return ((static_cast<uint64_t>(device()) << 32 | device()) >> 11) | 1;
}

}  // namespace

Status Validate(const SamplingOptions& o) {
  constexpr double kMany = 1 << 30;
  constexpr float kMaxBias = 1e6f;
  const struct {
    std::string_view name;
    double value, low, high;
  } kRanges[] = {
      {"temperature", o.temperature, 0, 100},
      {"top-k", static_cast<double>(o.top_k), 0, kMany},
      {"top-p", o.top_p, 0, 1},
      {"min-p", o.min_p, 0, 1},
      {"typical-p", o.typical_p, 0, 1},
      {"repetition-penalty", o.repetition_penalty, 0.01f, 100},
      {"presence-penalty", o.presence_penalty, -100, 100},
      {"frequency-penalty", o.frequency_penalty, -100, 100},
      {"penalty-last-n", static_cast<double>(o.penalty_last_n), -1, kMany},
      {"dry-multiplier", o.dry_multiplier, 0, 100},
      {"dry-base", o.dry_base, 1, 100},
      {"dry-allowed-length", static_cast<double>(o.dry_allowed_length), 1, kMany},
      {"dry-last-n", static_cast<double>(o.dry_last_n), -1, kMany},
      {"xtc-probability", o.xtc_probability, 0, 1},
      {"xtc-threshold", o.xtc_threshold, 0, 1},
      {"mirostat-tau", o.mirostat_tau, 0, 100},
      {"mirostat-eta", o.mirostat_eta, 0, 1},
  };
  for (const auto& range : kRanges)
    TERN_TRY_STATUS(CheckRange(range.name, range.value, range.low, range.high));
  if (o.mirostat != 0 && o.mirostat != 2)
    return BadInput(fmt::format("mirostat: {}, expected 0 or 2", o.mirostat));
  for (const std::string& text : o.dry_breakers) {
    if (text.empty()) return BadInput("dry-sequence-breaker: empty, expected a text");
  }
  for (const auto& [id, bias] : o.logit_bias) {
    if (bias <= kMaxBias) continue;  // -inf: never this token
    return BadInput(fmt::format("logit-bias: token {}: {}, expected at most {}", id, bias, kMaxBias));
  }
  return {};
}

Random::Random(uint64_t seed) : state_(0) {
  Next();
  state_ += seed;
  Next();
}

// PCG-XSH-RR 64/32 (O'Neill 2014, HMC-CS-2014-0905), stream 1442695040888963407.
uint32_t Random::Next() {
  const uint64_t old = state_;
  state_ = old * 6364136223846793005ull + 1442695040888963407ull;
  const auto shifted = static_cast<uint32_t>(((old >> 18) ^ old) >> 27);
  const auto turn = static_cast<uint32_t>(old >> 59);
  return (shifted >> turn) | (shifted << ((32 - turn) & 31));
}

double Random::Uniform() {
  const uint64_t high = Next() >> 5, low = Next() >> 6;  // 53 bits
  return static_cast<double>(high << 26 | low) * 0x1p-53;
}

Sampler::Sampler(SamplingOptions options, int vocabulary, int context)
    : options_(std::move(options)), random_(options_.seed), mirostat_mu_(2 * options_.mirostat_tau) {
  candidates_.reserve(static_cast<size_t>(vocabulary));
  scratch_.reserve(static_cast<size_t>(context));
  // logit_bias, min_tokens, penalties and dry.
  touched_.reserve(options_.logit_bias.size() + options_.end_tokens.size() +
                   2 * static_cast<size_t>(context));
}

Result<Sampler> Sampler::Make(SamplingOptions options, int vocabulary, int context,
                              std::shared_ptr<const DryBreakers> dry_breakers) {
  for (const auto& [id, bias] : options.logit_bias) {
    if (id >= 0 && id < vocabulary) continue;
    return BadInput(fmt::format("logit-bias: token {}: expected 0 to {}", id, vocabulary - 1));
  }
  if (options.seed == 0) options.seed = RandomSeed();
  Sampler sampler(std::move(options), vocabulary, context);
  sampler.dry_breakers_ = std::move(dry_breakers);
  const SamplingOptions& o = sampler.options_;
  auto add = [&](const SamplerDesc* desc) {
    if (desc->active(o)) sampler.steps_.push_back(desc);
  };
  if (o.order.empty()) {
    for (const SamplerDesc* desc : AllSamplers()) {
      if (o.mirostat == 0 || !desc->truncates) add(desc);
    }
  }
  // It is no matter of taste: it holds in any order.
  const bool named = std::ranges::find(o.order, k_sampler_min_tokens.name) != o.order.end();
  if (!o.order.empty() && !named) add(&k_sampler_min_tokens);
  for (const std::string& name : o.order) {
    const auto all = AllSamplers();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const SamplerDesc* d) { return d->name == name; });
    if (found == all.end()) {
      std::string known;
      for (const SamplerDesc* desc : all) known += (known.empty() ? "" : ", ") + std::string(desc->name);
      return BadInput(fmt::format("samplers: '{}' is none; there are {}", name, known));
    }
    add(*found);
  }
  sampler.likeliest_ = sampler.CountLikeliest();
  return sampler;
}

void Sampler::Append(const SamplerDesc& step) {
  steps_.push_back(&step);
  likeliest_ = CountLikeliest();
}

size_t Sampler::CountLikeliest() const {
  if (options_.temperature <= 0) return 1;
  for (const SamplerDesc* step : steps_) {
    // One more: then the step sees that there are others, and sorts.
    if (step->likeliest != nullptr) return step->likeliest(options_) + 1;
    if (step->touches == nullptr) return 0;
  }
  return 0;
}

std::vector<std::string_view> Sampler::chain() const {
  std::vector<std::string_view> names;
  for (const SamplerDesc* step : steps_) names.push_back(step->name);
  return names;
}

void Sampler::FindTouched(const SamplerState& state) {
  touched_.clear();
  for (const SamplerDesc* step : steps_) {
    if (step->touches != nullptr) step->touches(state, touched_);
  }
  std::sort(touched_.begin(), touched_.end());
  touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
}

SamplerState Sampler::StateOf(std::span<const int32_t> history, size_t answer_from) {
  return {candidates_, false,        history,  answer_from,        options_,
          random_,     mirostat_mu_, scratch_, dry_breakers_.get()};
}

WantedLogits Sampler::Needs(std::span<const int32_t> history, size_t answer_from) {
  if (likeliest_ == 0 || likeliest_ > kMaxLikeliest) return {};
  FindTouched(StateOf(history, answer_from));
  return {likeliest_, touched_};
}

bool Sampler::Gather(std::span<const float> logits, SamplerState& state) {
  if (likeliest_ > 0 && likeliest_ <= kMaxLikeliest) {
    FindTouched(state);
    if (KeepLikeliest(logits, likeliest_, touched_, candidates_)) return true;
  }
  candidates_.clear();
  for (size_t i = 0; i < logits.size(); ++i) {
    // NaN and infinities say nothing about a token: it is left out.
    if (std::isfinite(logits[i])) candidates_.push_back({static_cast<int32_t>(i), logits[i]});
  }
  return !candidates_.empty();
}

Result<int32_t> Sampler::Sample(std::span<const float> logits, std::span<const int32_t> history,
                                size_t answer_from) {
  SamplerState state = StateOf(history, answer_from);
  if (!Gather(logits, state)) return Error{Code::kInternal, "logits: none of the row is finite"};
  const bool greedy = options_.temperature <= 0;
  for (const SamplerDesc* step : steps_) {
    // The likeliest token needs only what changes logits by token.
    if (greedy && step->touches == nullptr) continue;
    step->apply(state);
    if (!candidates_.empty()) continue;
    return Error{Code::kInternal,
                 fmt::format("sampler {}: left no candidate, expected at least one", step->name)};
  }
  const float max = MaxLogit(candidates_);
  if (!(max > -std::numeric_limits<float>::infinity()))
    return BadInput("samplers: every candidate's logit is -inf, expected a token that is not ruled out");
  if (greedy) return std::min_element(candidates_.begin(), candidates_.end(), Likelier)->id;
  return Draw(max);
}

// One of the candidates by its probability; `max` is their largest logit.
int32_t Sampler::Draw(float max) {
  const double sum = SoftmaxSum(candidates_, max);
  double left = random_.Uniform() * sum;
  const Candidate* chosen = &candidates_.back();
  for (const Candidate& c : candidates_) {
    left -= std::exp(static_cast<double>(c.logit - max));
    if (left < 0) {
      chosen = &c;
      break;
    }
  }
  if (options_.mirostat == 2) {
    const double surprise = (std::log(sum) - static_cast<double>(chosen->logit - max)) / std::log(2.0);
    mirostat_mu_ -=
        options_.mirostat_eta * static_cast<float>(surprise - static_cast<double>(options_.mirostat_tau));
  }
  return chosen->id;
}

}  // namespace tern
