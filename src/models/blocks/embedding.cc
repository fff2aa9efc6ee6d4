#include "models/blocks/embedding.h"

#include <fmt/format.h>

namespace tern {

ValueId LearnedPositions(ModelBuilder& b, const Hparams& h) {
  const ValueId table = b.Weight("position_embd.weight", {h.context, h.width});
  if (h.run_context > h.context) {
    return b.Fail(BadInput(fmt::format("context: {} tokens, but position_embd.weight has {} positions",
                                       h.run_context, h.context)));
  }
  return b.Op("embed", {b.positions(), table}, {{"scale", 1.0}});
}

}  // namespace tern
