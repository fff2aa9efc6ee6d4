#pragma once
// Which numbers a server's KV cache holds: int8, half of the usual 16 bits, for models that it costs next to
// nothing. That is measured once per model file, and kept beside its packed weights.

#include <memory>
#include <optional>

#include "engine/loaded_model.h"
#include "engine/runner.h"

namespace tern {

// What int8 may cost: mean KLD to the same model with its usual KV, in nats per token of the calibration text
// (engine/error_budget.h).
inline constexpr double kMostKvKld = 0.002;

// What another KV type than the options' costs the model that way. Errors: Runner::Make's and Step's.
Result<double> MeasureKvType(const std::shared_ptr<const LoadedModel>& model, RunnerOptions options,
                             KvType type);

// The options' type, if they name one; int8, where it was measured to cost no more than kMostKvKld; nothing,
// where it costs more, or what was measured has no place to be kept (options.cache_weights), or the precision
// promises more than int8 can keep, or the model does not continue texts. Errors: MeasureKvType's.
Result<std::optional<KvType>> ChooseKvType(const std::shared_ptr<const LoadedModel>& model,
                                           const RunnerOptions& options);

}  // namespace tern
