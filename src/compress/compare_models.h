#pragma once
// CompareModels: two models with one vocabulary side by side: quality, speed, weights, what they write.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "compress/report.h"
#include "engine/compare.h"
#include "engine/loaded_model.h"
#include "engine/runner.h"

namespace tern {

struct ComparedModel {
  std::string name;
  std::shared_ptr<const LoadedModel> model;
};

struct ComparedPrompt {
  std::string text;             // as people read it
  std::vector<int32_t> tokens;  // as the model does
};

struct CompareModelsOptions {
  // How both run where speed is measured and text is written. Quality is measured in precise mode, so that it
  // says what the weights cost and nothing else.
  RunnerOptions runner = {};
  std::vector<ComparedPrompt> prompts = {};
  int prompt_tokens = 64;  // that are written after each
  bool measures_speed = true;
  int windows = 0;  // of the text; 0: as many as ProtocolFor has
};

using CompareProgress = std::function<void(std::string_view what, int64_t done, int64_t total)>;

// Fills in all of a report but title, points, formats and recipe; tensors lack method and reason. The text is
// measured on as ProtocolFor has it. Errors: Compare's.
Result<CompressionReport> CompareModels(const ComparedModel& reference, const ComparedModel& model,
                                        std::span<const DomainText> text, const CompareModelsOptions& options,
                                        const CompareProgress& progress);

// What became of each of the reference's weights, and what the model has beside these.
std::vector<ReportTensor> ReportTensors(const Checkpoint& reference, const Checkpoint& model);
// Of all its tensors.
double BitsPerWeight(const Checkpoint& checkpoint);

}  // namespace tern
