#pragma once
// What is set by measuring, for people: by a server that runs, and by whatever starts on this machine.

#include <memory>
#include <string>

#include "base/result.h"
#include "engine/runner.h"

namespace tern {

// What /debug/adaptation answers, in lines. Errors: it is something else.
Result<std::string> AdaptationText(const std::string& adaptation);
// Prints what earlier runs found out of the model on this machine, and what the device is fixed to. Where
// nothing was found out, it is now, in a few seconds.
Status ExplainTuning(const std::shared_ptr<const LoadedModel>& model, const std::string& name,
                     RunnerOptions options, bool json);

}  // namespace tern
