#pragma once
// Flags of what adapts to the machine, shared by the commands that answer.

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/arguments.h"
#include "engine/engine.h"

namespace tern {

struct AdaptationFlags {
  bool is_static = false;
  std::vector<std::string> fixed;  // "decode-threads=8"
};

// --static, --fix.
void AddAdaptationFlags(Arguments& args, AdaptationFlags* flags);
// Fills `engine`. `runner` as it was made with `options`: its knob file says where to begin, and is written.
void SetAdaptation(const AdaptationFlags& flags, const Runner& runner, const RunnerOptions& options,
                   EngineOptions* engine);
// An error that names the range where --fix was outside of it.
Status CheckFixed(const AdaptationFlags& flags, const Engine& engine);
// "decode-threads 16 -> 8: 5.3 % less time per step, in 9 pairs of runs"
std::string MoveText(const AdaptationMove& move);

}  // namespace tern
