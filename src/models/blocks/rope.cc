#include "models/blocks/rope.h"

#include <cmath>

namespace tern {

ValueId RopeTable(ModelBuilder& b, const RopeSpec& spec) {
  const int pairs = spec.dims / 2;
  std::vector<float> factors(static_cast<size_t>(pairs), 1.f);
  if (!spec.factors.empty()) {
    if (b.Weight(spec.factors, {pairs}) == kNoValue) return kNoValue;
    const Tensor& tensor = *b.checkpoint().Find(spec.factors);
    tensor.format->decode(tensor.data, factors.data(), factors.size());
  }
  std::vector<float> frequency(static_cast<size_t>(pairs));
  for (int i = 0; i < pairs; ++i) {
    const auto at = static_cast<size_t>(i);
    // In float, as Transformers does: the tables are compared with it to the bit of an angle.
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(spec.dims);
    frequency[at] = 1.0f / std::pow(spec.base, exponent) / spec.linear_factor / factors[at];
  }
  return b.Op("rope_table", {b.positions(), b.Constant(spec.name, frequency)});
}

}  // namespace tern
