// Peaks of channels move into the weights that read them, so that activations of 8 bits lose less: s =
// max|x|^1/2 / max|w|^1/2, by channel. What is folded is encoded by importance.

#include <algorithm>
#include <cmath>

#include "compress/method.h"

namespace tern {
namespace {

constexpr float kWeakest = 1e-5f;  // as awq's

std::vector<std::vector<float>> Folds(const FoldTask& task) {
  const float most = *std::max_element(task.peaks.begin(), task.peaks.end());
  const float most_weight = *std::max_element(task.weight_peaks.begin(), task.weight_peaks.end());
  if (!(most > 0 && most_weight > 0)) return {{}};
  std::vector<float> factors;
  for (size_t c = 0; c < task.channels; ++c) {
    factors.push_back(std::sqrt(std::max(task.peaks[c], kWeakest * most) /
                                std::max(task.weight_peaks[c], kWeakest * most_weight)));
  }
  return {factors};
}

Result<EncodedRows> Encode(const EncodeTask& task) {
  const MethodDesc* importance = FindMethod("importance").value();
  return importance->encode(task);
}

}  // namespace
extern const MethodDesc k_method_smoothquant;
const MethodDesc k_method_smoothquant = {
    .name = "smoothquant",
    .summary = "peaks of activations moved into weights, for activations of 8 bits; then importance",
    .source = "Xiao et al. 2022, SmoothQuant (arXiv 2211.10438)",
    .needs = Observed::kEnergies,
    .encode = Encode,
    .folds = Folds};
}  // namespace tern
