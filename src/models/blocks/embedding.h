#pragma once
// What is added to token embeddings.

#include "models/builder.h"

namespace tern {

// The learned vector of every row's position, position_embd.weight [context, width]: f32[T, width]. A run
// longer than the table is an error.
ValueId LearnedPositions(ModelBuilder& b, const Hparams& h);

}  // namespace tern
