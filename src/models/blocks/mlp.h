#pragma once
// Feed-forward blocks.

#include <string>
#include <string_view>

#include "models/builder.h"

namespace tern {

// The op of the checkpoint's own activation (<architecture>.hidden_activation), or `act` where it names none.
std::string Activation(ModelBuilder& b, std::string_view act);

// down(act(gate x) * up x), the gated linear unit of Shazeer 2020 (arXiv 2002.05202). `act` is an op: "silu",
// "gelu_tanh", "gelu"; the checkpoint may name another. Weights ffn_gate, ffn_up [ffn_width, width] and
// ffn_down [width, ffn_width] of the layer; where there is no ffn_gate, ffn_up holds gate and up in one [2
// ffn_width, width].
ValueId GatedMlp(ModelBuilder& b, ValueId x, std::string_view act, int64_t width, int64_t ffn_width);

inline ValueId GatedMlp(ModelBuilder& b, ValueId x, std::string_view act, const Hparams& h) {
  return GatedMlp(b, x, act, h.width, h.ffn_width);
}

// down(act(up x)).
ValueId PlainMlp(ModelBuilder& b, ValueId x, std::string_view act, const Hparams& h);

}  // namespace tern
