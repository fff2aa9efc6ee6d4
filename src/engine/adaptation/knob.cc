#include "engine/adaptation/knob.h"

#include <algorithm>

namespace tern {

#define KNOB(id) extern const KnobDesc k_knob_##id;
#include "engine/adaptation/knobs.list"
#undef KNOB

std::span<const KnobDesc* const> AllKnobs() {
  static constexpr const KnobDesc* kAll[] = {
#define KNOB(id) &k_knob_##id,
#include "engine/adaptation/knobs.list"
#undef KNOB
  };
  return kAll;
}

const KnobDesc* FindKnob(std::string_view name) {
  const auto found = std::ranges::find(AllKnobs(), name, &KnobDesc::name);
  return found == AllKnobs().end() ? nullptr : *found;
}

}  // namespace tern
