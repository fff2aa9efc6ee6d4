#include "models/blocks/mlp.h"

namespace tern {

ValueId GatedMlp(ModelBuilder& b, ValueId x, std::string_view act, int64_t width, int64_t ffn_width) {
  ValueId gate, up;
  if (b.HasPart("ffn_gate")) {
    gate = b.Op(act, {b.Linear(x, "ffn_gate", ffn_width, width)});
    up = b.Linear(x, "ffn_up", ffn_width, width);
  } else {
    gate = b.Op(act, {b.LinearRows(x, "ffn_up", {0, ffn_width, 2 * ffn_width, width}, "ffn_gate")});
    up = b.LinearRows(x, "ffn_up", {ffn_width, ffn_width, 2 * ffn_width, width}, "ffn_up");
  }
  return b.Linear(b.Op("mul", {gate, up}), "ffn_down", width, ffn_width);
}

ValueId PlainMlp(ModelBuilder& b, ValueId x, std::string_view act, int64_t width, int64_t ffn_width) {
  return b.Linear(b.Op(act, {b.Linear(x, "ffn_up", ffn_width, width)}), "ffn_down", width, ffn_width);
}

}  // namespace tern
