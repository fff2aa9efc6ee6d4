#include "models/blocks/rope.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tern {
namespace {

// In float, as Transformers does: the tables are compared with it to the bit of an angle.
std::vector<float> PlainFrequencies(float base, int dims) {
  std::vector<float> frequency;
  for (int i = 0; 2 * i < dims; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(dims);
    frequency.push_back(1.0f / std::pow(base, exponent));
  }
  return frequency;
}

// The base grows with the context (NTK-aware scaling, as Transformers' "dynamic").
float DynamicBase(const Hparams& h, const RopeSpec& spec) {
  const double context = std::max(h.run_context, h.context), trained = h.context,
               factor = spec.scaling.factor;
  const double dims = spec.dims;
  const double stretch = factor * context / trained - (factor - 1);
  return static_cast<float>(spec.base * std::pow(stretch, dims / (dims - 2)));
}

// Channels that turn often keep their frequency, those that turn less than once are interpolated, a ramp lies
// between (YaRN, Peng et al. 2023, arXiv 2309.00071).
void ApplyYarn(const RopeSpec& spec, std::vector<float>& frequency) {
  const RopeScaling& s = spec.scaling;
  const auto channel = [&](double turns) {
    return spec.dims * std::log(s.original_context / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(double{spec.base}));
  };
  double low = channel(s.beta_fast), high = channel(s.beta_slow);
  if (s.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, spec.dims - 1.0);
  if (low == high) high += 0.001;
  for (size_t i = 0; i < frequency.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    frequency[i] = static_cast<float>(frequency[i] / s.factor * ramp + frequency[i] * (1 - ramp));
  }
}

// The tensor of divisors that applies, if any.
std::string Divisors(const ModelBuilder& b, const Hparams& h, const RopeScaling& s) {
  if (b.Has("rope_freqs.weight")) return "rope_freqs.weight";
  if (!b.Has("rope_factors_long.weight")) return "";
  return h.run_context > s.original_context ? "rope_factors_long.weight" : "rope_factors_short.weight";
}

}  // namespace

RopeSpec RopeOf(const Hparams& h) {
  return {.base = h.rope_base, .dims = h.rope_dims, .scaling = h.rope_scaling};
}

ValueId RopeTable(ModelBuilder& b, const Hparams& h, const RopeSpec& spec) {
  if (spec.dims + spec.dims % 2 > h.head_dim) {
    return b.Fail(Unsupported("rope.dimension_count: " + std::to_string(spec.dims) +
                              ", expected an even number in heads of " + std::to_string(h.head_dim)));
  }
  const RopeScaling& s = spec.scaling;
  std::vector<float> frequency =
      PlainFrequencies(s.type == "dynamic" ? DynamicBase(h, spec) : spec.base, spec.dims);
  if (s.type == "linear") {
    for (float& f : frequency) f /= s.factor;
  }
  if (s.type == "yarn") ApplyYarn(spec, frequency);
  if (const std::string name = Divisors(b, h, s); !name.empty()) {
    if (b.Weight(name, {(spec.dims + 1) / 2}) == kNoValue) return kNoValue;
    const std::vector<float> divisors = DecodeAll(*b.checkpoint().Find(name));
    const auto bad =
        std::find_if_not(divisors.begin(), divisors.end(), [](float x) { return x > 0 && std::isfinite(x); });
    if (bad != divisors.end()) {
      return b.Fail(BadInput(fmt::format("{}: value {} is {}, expected a positive number",
                                         b.checkpoint().Shown(name), bad - divisors.begin(), *bad)));
    }
    for (size_t i = 0; i < frequency.size(); ++i) frequency[i] /= divisors[i];
  }
  Attrs attrs;
  if (s.attention_factor != 1.f) attrs.Set("factor", static_cast<double>(s.attention_factor));
  return b.Op("rope_table", {b.positions(), b.Constant(spec.name, frequency)}, std::move(attrs));
}

}  // namespace tern
