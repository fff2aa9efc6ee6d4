#include "backends/cpu/weights.h"

namespace tern {

Result<std::shared_ptr<const PackedWeight>> WeightCache::Packed(const Value& weight, PackForm form) {
  const std::lock_guard lock(mutex_);
  std::weak_ptr<const PackedWeight>& slot = packed_[{weight.data, form}];
  if (auto packed = slot.lock(); packed != nullptr && packed->IsOf(weight.type.shape)) return packed;

  auto made = PackedWeight::Make(weight.tensor(), form, isa_);
  if (!made.ok()) return Error{made.error().code, weight.name + ": " + made.error().what};
  auto packed = std::make_shared<PackedWeight>(std::move(made).value());
  TaskCounter counter;
  team_.Run([&](int) {
    counter.ForEach(packed->experts() * packed->panels(), 4,
                    [&](size_t begin, size_t end) { packed->Pack(begin, end); });
  });
  slot = packed;
  return std::shared_ptr<const PackedWeight>(packed);
}

std::shared_ptr<const float> WeightCache::Floats(const Value& weight) {
  if (weight.type.format == &F32()) {
    return {std::shared_ptr<const float>(), static_cast<const float*>(weight.data)};
  }
  const auto n = static_cast<size_t>(Elements(weight.type.shape));
  auto values = std::make_shared<std::vector<float>>(n);
  weight.type.format->decode(weight.data, values->data(), n);
  return {values, values->data()};
}

}  // namespace tern
