#pragma once
// Feed-forward blocks.

#include <string_view>

#include "models/builder.h"

namespace tern {

// down(act(gate x) * up x), the gated linear unit of Shazeer 2020 (arXiv 2002.05202). `act` is an op: "silu",
// "gelu_tanh", "gelu". Weights ffn_gate, ffn_up [ffn_width, width] and ffn_down [width, ffn_width] of the
// layer.
inline ValueId GatedMlp(ModelBuilder& b, ValueId x, std::string_view act, int64_t width, int64_t ffn_width) {
  const ValueId gate = b.Op(act, {b.Linear(x, "ffn_gate", ffn_width, width)});
  const ValueId up = b.Linear(x, "ffn_up", ffn_width, width);
  return b.Linear(b.Op("mul", {gate, up}), "ffn_down", width, ffn_width);
}

}  // namespace tern
