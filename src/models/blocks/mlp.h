#pragma once
// Feed-forward blocks.

#include <string_view>

#include "models/builder.h"

namespace tern {

// down(act(gate x) * up x), the gated linear unit of Shazeer 2020 (arXiv 2002.05202). `act` is an op: "silu",
// "gelu_tanh", "gelu". Weights ffn_gate, ffn_up [ffn_width, width] and ffn_down [width, ffn_width] of the
// layer; where there is no ffn_gate, ffn_up holds gate and up in one [2 ffn_width, width].
ValueId GatedMlp(ModelBuilder& b, ValueId x, std::string_view act, int64_t width, int64_t ffn_width);

// down(act(up x)).
ValueId PlainMlp(ModelBuilder& b, ValueId x, std::string_view act, int64_t width, int64_t ffn_width);

}  // namespace tern
