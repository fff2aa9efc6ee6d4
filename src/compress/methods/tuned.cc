// Codes as by importance; then each row's scales are moved together to where its output loses least.

#include <fmt/format.h>

#include <algorithm>

#include "compress/method.h"
#include "compress/tune_scales.h"

namespace tern {
namespace {

constexpr float kDamping = 0.01f;
constexpr size_t kRows = 48;  // at a time

std::shared_ptr<const void> Prepare(const Observation& seen) {
  if (seen.hessian.empty() || seen.tokens < seen.columns) return nullptr;
  return std::make_shared<GptqInput>(GptqInput{.columns = static_cast<size_t>(seen.columns),
                                               .hessian = seen.hessian,
                                               .energies = seen.energies,
                                               .factor = {}});
}

Result<EncodedRows> ByImportance(const EncodeTask& task, std::string why) {
  const MethodDesc* importance = FindMethod("importance").value();
  TERN_TRY(EncodedRows encoded, importance->encode(task));
  if (encoded.note.empty()) encoded.note = std::move(why);
  return encoded;
}

Result<EncodedRows> Encode(const EncodeTask& task) {
  const Scheme scheme = WithFreeScales(*task.scheme);
  if (scheme.group == 0) {
    return ByImportance(task,
                        fmt::format("{} has no scales that are free: encoded by importance", scheme.name));
  }
  if (task.prepared == nullptr) {
    return ByImportance(task,
                        task.seen == nullptr
                            ? std::string()
                            : fmt::format("{} tokens for {} inputs, expected more: encoded by importance",
                                          task.seen->tokens, task.columns));
  }
  const auto* input = static_cast<const GptqInput*>(task.prepared);
  const auto rows = static_cast<size_t>(task.rows);
  EncodedRows encoded;
  encoded.bytes.resize(rows * BlockOffset(*scheme.format, input->columns));
  const GptqTask on_grid{.weights = task.weights, .rows = rows, .scheme = &scheme, .input = input};
  for (size_t first = 0; first < rows; first += kRows) {
    RowsOnGrid some(on_grid, first, std::min(kRows, rows - first), encoded.bytes.data());
    some.RoundToNearest();
    TuneScales(*input, kDamping, &some);
    some.Write();
  }
  return encoded;
}

}  // namespace
extern const MethodDesc k_method_tuned;
const MethodDesc k_method_tuned = {.name = "tuned",
                                   .summary = "as importance, then a row's scales together, by its output",
                                   .source = "scale estimation of NNCF, solved by least squares",
                                   .needs = Observed::kHessian,
                                   .prepare = Prepare,
                                   .encode = Encode};
}  // namespace tern
