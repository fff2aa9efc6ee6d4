#pragma once
// Compress: from a model and a target to the weights of a smaller model, its recipe and its bill. Weights are
// appraised, schemes chosen, weights encoded, and the whole is measured against the unmodified model on text
// that was neither calibrated nor chosen by (docs/compress.md).

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compress/calibration_data.h"
#include "compress/compare_models.h"
#include "compress/recipe.h"
#include "compress/search.h"

namespace tern {

struct CompressOptions {
  std::string model_name;  // as it was asked for
  CompressTarget target = {};
  std::string method = "gptq";            // of all weights that change
  std::vector<std::string> schemes = {};  // to choose from; empty: DefaultSchemes
  std::string imatrix = {};               // a file to take for what is observed; "": calibration text is read
  std::string imatrix_out = {};           // where what was observed is written; "": nowhere
  std::string data = {};                  // CalibrationOptions::data, for the recipe
  int64_t calibration_tokens = 16384;
  RecipeVocabulary vocabulary = {};  // of a model that TrimVocabulary made, for the recipe
  // For a folder of compressed-tensors: embeddings and head stay, and what stays is written in bf16.
  bool to_folder = false;
  int threads = 0;
  std::string work_path = {};  // of a WorkFile; "": a run that is killed starts anew
  bool fresh = false;          // what a WorkFile has is forgotten
  // To replay; then nothing is searched, and there is no target. One without weights: they stay as they are.
  const Recipe* recipe = nullptr;
  int front_points = 0;  // of the report's Pareto front
  int windows = 0;       // that the result is measured on; 0: as many as the protocol has
  std::vector<ComparedPrompt> prompts = {};
  int64_t header_bytes = 0;  // of the file to be written, beside tensors and what Compress says of them
  // What is done, and how far; an error ends the run.
  std::function<Status(std::string_view what, int64_t done, int64_t total)> progress = {};
  // Told once, before the long part begins: how long all of it will take.
  std::function<void(double seconds)> estimate = {};
};

struct Compressed {
  Recipe recipe;
  std::map<std::string, std::string> weights;  // encoded; the model looks into them
  std::shared_ptr<const LoadedModel> model;
  CompressionReport report;
};

// What readers of GGUF, or of compressed-tensors, know, and what is no worse than another of its size.
std::vector<std::string> DefaultSchemes(bool to_folder);

// `data`: of `model`. Errors name the weight, the method, the scheme, or what of the target is out of reach.
Result<Compressed> Compress(const std::shared_ptr<const LoadedModel>& model, const CalibrationData& data,
                            const CompressOptions& options);

}  // namespace tern
