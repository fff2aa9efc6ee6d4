#pragma once
// What a model is compressed with: text to calibrate on, to choose formats by, and to measure the result on.
// A document belongs to one of the three, by a hash of its contents, whatever else there is.

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "compress/documents.h"
#include "engine/compare.h"
#include "engine/loaded_model.h"

namespace tern {

enum class DataPart : uint8_t { kCalibrate, kAllocate, kEvaluate };  // 60 %, 20 %, 20 % of the documents
inline constexpr int kDataParts = 3;
std::string_view DataPartName(DataPart part);

struct CalibrationOptions {
  std::string data = {};          // a file or a folder; "": what the model writes itself and what lies here
  int generated_tokens = 32768;   // how many of its own; 0: none
  size_t domain_bytes = 600'000;  // of text that lies on this machine, per domain
  int threads = 0;
  uint64_t seed = 1;  // of what the model writes
};

struct CalibrationData {
  // By DataPart: a text per domain, in the order of Domain. None is empty.
  std::array<std::vector<DomainText>, kDataParts> parts;
  std::string source;              // "README.md", or "text of the model's own, files of this machine"
  std::vector<std::string> notes;  // warnings: what is too little, and what was done about it

  const std::vector<DomainText>& part(DataPart p) const { return parts[static_cast<size_t>(p)]; }
  int64_t tokens(DataPart p) const;
  std::string Summary() const;  // "calibrate 201,034 tokens (code 61,200, ...), allocate ..., evaluate ..."
};

// Fewer tokens than this in a part is too little: the built-in text is added, with a note. (Eight windows to
// measure on; for calibrating what quality.md's imatrix gate takes.)
inline constexpr std::array<int64_t, kDataParts> kLeastTokens = {16384, 8192, 8192};

// The same files, model and options give the same tokens. `progress(done, total)` counts tokens that the
// model writes. Errors: a model without a tokenizer, or one that does not continue text; `data` cannot be
// read.
Result<CalibrationData> GatherCalibrationData(const std::shared_ptr<const LoadedModel>& model,
                                              const CalibrationOptions& options,
                                              const std::function<void(int64_t, int64_t)>& progress);

// For measuring without a model to calibrate: all of a file or a folder, by domain; of "" the documents of
// this machine that GatherCalibrationData would evaluate on, or else the embedded text.
Result<std::vector<DomainText>> MeasuringText(const Tokenizer& tokenizer, const std::string& path);

// By the hash alone.
DataPart PartOf(uint64_t document_hash);

// Samples of the model at temperature 1, each from its beginning token on and at most `sample_tokens` long,
// until they are `tokens` together. Tokens less than 1/10,000 as likely as the likeliest are left out: they
// are where a small model loses its way.
Result<std::vector<std::vector<int32_t>>> GenerateSamples(
    const std::shared_ptr<const LoadedModel>& model, int64_t tokens, int sample_tokens, uint64_t seed,
    int threads, const std::function<void(int64_t, int64_t)>& progress);

}  // namespace tern
