#pragma once
// MethodDesc: one way to make a model smaller. One constant per methods/<name>.cc and one line in
// methods.list; docs/adding-a-compression-method.md.
//
// A method encodes: it turns rows of a weight into the bytes of a scheme, by what was observed of the
// weight's inputs while calibration text ran. Rows are encoded apart, on any thread, in any order: a row's
// bytes must depend on nothing but the row, the scheme and the observation.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/required.h"
#include "base/result.h"
#include "compress/observation.h"
#include "compress/scheme.h"

namespace tern {

// What a method wants to know of a weight's inputs.
enum class Observed : uint8_t {
  kNothing,
  kEnergies,
  kHessian,  // and the energies
};

// Some rows of one weight, to be stored in one scheme.
struct EncodeTask {
  std::string_view name;           // of the weight, for messages
  std::span<const float> weights;  // [rows, columns], finite
  int64_t rows = 0, columns = 0;
  const Scheme* scheme = nullptr;     // fits the columns
  const Observation* seen = nullptr;  // null: of this weight's input nothing was observed
  const void* prepared = nullptr;     // what `prepare` made of `seen`
};

struct EncodedRows {
  std::string bytes;  // rows as the scheme's format lays them
  std::string note;   // what did not go as the method says: "too few tokens: rtn"; empty: nothing
};

// A fold (compress/fold.h) that a method may choose factors for.
struct FoldTask {
  size_t channels = 0;
  std::span<const float> energies, peaks;  // by channel: mean square and largest size of its numbers
  std::span<const float> weight_peaks;     // by channel: the largest size of a weight that reads it
};

struct MethodDesc {
  std::string_view name;
  std::string_view summary;  // one line
  std::string_view source;   // where the method was published
  Observed needs = Observed::kNothing;
  // Once per observation, before it encodes what reads that input, whatever the scheme: a factor of the
  // Hessian. null: there is nothing to prepare.
  std::shared_ptr<const void> (*prepare)(const Observation&) = nullptr;
  Required<Result<EncodedRows> (*)(const EncodeTask&)> encode;
  // Where all weights of a fold are encoded by the method: factors to try, each one per channel or none at
  // all. Those are taken that leave the least error in the outputs of what reads the channels, when that is
  // encoded by importance. null: weights are encoded as they are.
  std::vector<std::vector<float>> (*folds)(const FoldTask&) = nullptr;
};

std::span<const MethodDesc* const> AllMethods();
// The error lists the names there are.
Result<const MethodDesc*> FindMethod(std::string_view name);

}  // namespace tern
