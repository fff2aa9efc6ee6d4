// Strong channels are made larger before they are rounded, and what feeds them smaller: s = strength^alpha,
// of all alpha tried the one with the least error in what the weights put out. What is folded is encoded by
// gptq.

#include <algorithm>
#include <cmath>

#include "compress/method.h"

namespace tern {
namespace {

constexpr int kSteps = 10;
// Channels weaker than this share of the strongest count as so strong.
constexpr float kWeakest = 1e-4f;

std::vector<std::vector<float>> Folds(const FoldTask& task) {
  std::vector<std::vector<float>> tries = {{}};
  const float most = std::sqrt(*std::max_element(task.energies.begin(), task.energies.end()));
  if (!(most > 0)) return tries;
  std::vector<float> logs;
  float mean = 0;
  for (const float energy : task.energies) {
    logs.push_back(std::log(std::max(std::sqrt(energy), kWeakest * most)));
    mean += logs.back() / static_cast<float>(task.channels);
  }
  for (int step = 1; step <= kSteps; ++step) {
    std::vector<float>& factors = tries.emplace_back();
    const float alpha = static_cast<float>(step) / kSteps;
    for (const float log : logs) factors.push_back(std::exp(alpha * (log - mean)));
  }
  return tries;
}

const MethodDesc& Rest() { return *FindMethod("gptq").value(); }
std::shared_ptr<const void> Prepare(const Observation& seen) { return Rest().prepare(seen); }
Result<EncodedRows> Encode(const EncodeTask& task) { return Rest().encode(task); }

}  // namespace
extern const MethodDesc k_method_awq;
const MethodDesc k_method_awq = {
    .name = "awq",
    .summary = "strong channels larger before rounding, what feeds them smaller; then gptq",
    .source = "Lin et al. 2023, AWQ (arXiv 2306.00978)",
    .needs = Observed::kHessian,
    .prepare = Prepare,
    .encode = Encode,
    .folds = Folds};
}  // namespace tern
