#pragma once
// The prompts that reports show two models' answers to.

#include <vector>

#include "base/result.h"
#include "compress/compare_models.h"

namespace tern {

// Questions where the model has a chat template, else texts to go on with.
Result<std::vector<ComparedPrompt>> ComparedPrompts(const LoadedModel& model);

}  // namespace tern
