#pragma once
// The flags that every command shares which loads or runs a model.

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "cli/arguments.h"
#include "engine/error_budget.h"
#include "engine/loaded_model.h"
#include "engine/runner.h"

namespace tern {

struct ModelFlags {
  std::string model = "smollm2";
  bool offline = false;
  // How to run it:
  std::string device = "cpu", precision = "default", kv_type = "auto";
  int threads = 0, context = 0;
  std::vector<std::string> disabled_passes;
  std::vector<std::string> granted;
  std::string error_budget, calibration;  // "": none; "": CalibrationText()
  bool no_cache = false;
};

// MODEL (a catalogue name, hf:, pypi:, https:, a file or a folder) and --offline.
void AddModelArgument(Arguments& args, ModelFlags* flags, bool required);
enum class ContextFlag : uint8_t { kYes, kNo };
// --precision, --threads, --device, --kv-type, --disable-pass, --error-budget, --calibration, --grant,
// --no-cache, and --context where a sequence is what the user thinks of.
void AddRunnerFlags(Arguments& args, ModelFlags* flags, ContextFlag context = ContextFlag::kYes);

// The local path of flags.model; pulls it first, with a progress bar, where that is needed and allowed.
Result<std::string> FindModelFile(const ModelFlags& flags);
// Says on stderr that `context` is more than the model was trained for, if it is.
void NoteLongContext(const LoadedModel& model, const std::string& name, int context);
Result<std::shared_ptr<const LoadedModel>> OpenModel(const ModelFlags& flags);
// The same; an encoder, with or without a decoder, is an error.
Result<std::shared_ptr<const LoadedModel>> OpenPredictor(const ModelFlags& flags);
// With an error budget it is spent here, which takes a while (a progress bar), and `spent` says on what.
Result<RunnerOptions> ToRunnerOptions(const std::shared_ptr<const LoadedModel>& model,
                                      const ModelFlags& flags, SpentBudget* spent = nullptr);

}  // namespace tern
