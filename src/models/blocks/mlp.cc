#include "models/blocks/mlp.h"

#include "models/activation.h"

namespace tern {

std::string Activation(ModelBuilder& b, std::string_view act) {
  const std::string name = b.MetaStr("hidden_activation", act);
  const std::string_view op = ActivationOp(name);
  if (op.empty()) {
    b.Fail(Unsupported("hidden_activation: \"" + name + "\", supported: " + std::string(kKnownActivations)));
  }
  return std::string(op);
}

ValueId GatedMlp(ModelBuilder& b, ValueId x, std::string_view act, int64_t width, int64_t ffn_width) {
  const std::string op = Activation(b, act);
  ValueId gate, up;
  if (b.HasPart("ffn_gate")) {
    gate = b.Op(op, {b.Linear(x, "ffn_gate", ffn_width, width)});
    up = b.Linear(x, "ffn_up", ffn_width, width);
  } else {
    gate = b.Op(op, {b.LinearRows(x, "ffn_up", {0, ffn_width, 2 * ffn_width, width}, "ffn_gate")});
    up = b.LinearRows(x, "ffn_up", {ffn_width, ffn_width, 2 * ffn_width, width}, "ffn_up");
  }
  return b.Linear(b.Op("mul", {gate, up}), "ffn_down", width, ffn_width);
}

ValueId PlainMlp(ModelBuilder& b, ValueId x, std::string_view act, const Hparams& h) {
  const ValueId up = b.Linear(x, "ffn_up", h.ffn_width, h.width);
  return b.Linear(b.Op(Activation(b, act), {up}), "ffn_down", h.width, h.ffn_width);
}

}  // namespace tern
