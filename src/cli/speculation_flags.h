#pragma once
// Flags of speculative decoding, shared by the commands that answer.

#include <string>

#include "base/result.h"
#include "cli/arguments.h"
#include "cli/model_flags.h"
#include "engine/engine.h"
#include "engine/speculation/draft_model.h"

namespace tern {

struct SpeculationFlags {
  std::string speculation = "auto", draft_model;
  int draft_tokens = EngineOptions().draft_tokens;
};

// --speculation, --draft-model, --draft-tokens.
void AddSpeculationFlags(Arguments& args, SpeculationFlags* flags);
// Rows of a step with logits; `options` with all sequences.
Status MakeRoomForDrafts(const SpeculationFlags& flags, RunnerOptions* options);
// Fills `engine`, and opens the draft model, to run as the target does, in the memory that it leaves. Null:
// there is none.
Result<std::unique_ptr<DraftModel>> OpenDrafts(const SpeculationFlags& flags, const ModelFlags& model,
                                               const Runner& target, EngineOptions* engine);

}  // namespace tern
