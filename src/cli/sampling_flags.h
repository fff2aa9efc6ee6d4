#pragma once
// Sampling options as flags of `tern run` and as /set NAME VALUE of the chat: one table serves both.

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/arguments.h"
#include "engine/sampler.h"

namespace tern {

void AddSamplingFlags(Arguments& args, SamplingOptions* options);
// "top-k" "40"; the error names the option, or lists those there are.
Status SetSamplingOption(SamplingOptions* options, std::string_view name, const std::string& value);
// One line per option with its value.
std::string DescribeSampling(const SamplingOptions& options);

}  // namespace tern
