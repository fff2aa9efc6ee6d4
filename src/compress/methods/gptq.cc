// Rounding whose errors the rest of the row makes up for, by the Hessian of the weight's input.

#include "compress/gptq.h"

#include <fmt/format.h>

#include "compress/method.h"

namespace tern {
namespace {

std::shared_ptr<const void> Prepare(const Observation& seen) {
  if (seen.hessian.empty()) return nullptr;
  return std::make_shared<GptqInput>(
      PrepareGptq(seen.hessian, static_cast<size_t>(seen.columns), seen.tokens, {}));
}

std::string NoteOf(const GptqOutcome& outcome, const EncodeTask& task) {
  switch (outcome.status) {
    case GptqStatus::kDone:
      break;
    case GptqStatus::kFewTokens:
      return fmt::format("{} tokens for {} inputs, expected twice as many: it may not hold for other text",
                         task.seen->tokens, task.columns);
    case GptqStatus::kTooFewTokens:
      return fmt::format("{} tokens for {} inputs, expected more: rounded to nearest, by importance",
                         task.seen->tokens, task.columns);
    case GptqStatus::kNotDefinite:
      return "its inputs' Hessian cannot be factored: rounded to nearest, by importance";
    case GptqStatus::kNoCodes:
      return fmt::format("{} has no codes to choose: encoded by importance", task.scheme->name);
  }
  return {};
}

Result<EncodedRows> Encode(const EncodeTask& task) {
  if (task.prepared == nullptr) {
    const MethodDesc* importance = FindMethod("importance").value();
    return importance->encode(task);
  }
  const auto rows = static_cast<size_t>(task.rows);
  const size_t row_bytes = BlockOffset(*task.scheme->format, static_cast<size_t>(task.columns));
  EncodedRows encoded{std::string(rows * row_bytes, 0), {}};
  const GptqTask gptq{.weights = task.weights,
                      .rows = rows,
                      .scheme = task.scheme,
                      .input = static_cast<const GptqInput*>(task.prepared)};
  encoded.note = NoteOf(EncodeGptq(gptq, encoded.bytes.data()), task);
  return encoded;
}

}  // namespace
extern const MethodDesc k_method_gptq;
const MethodDesc k_method_gptq = {.name = "gptq",
                                  .summary = "rounding whose errors the rest of the row makes up for",
                                  .source = "Frantar et al. 2022, GPTQ (arXiv 2210.17323)",
                                  .needs = Observed::kHessian,
                                  .prepare = Prepare,
                                  .encode = Encode};
}  // namespace tern
