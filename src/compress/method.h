#pragma once
// MethodDesc: one way to make a model smaller. One constant per methods/<name>.cc and one line in
// methods.list; docs/adding-a-compression-method.md.
//
// A method encodes: it turns one weight into the bytes of a scheme, by what was observed of the weight's
// inputs while calibration text ran. Weights are encoded apart, on any thread, in any order: the bytes must
// depend on nothing but the task.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/required.h"
#include "base/result.h"
#include "compress/scheme.h"

namespace tern {

// What a method wants to know of a weight's inputs x, over all tokens of the calibration text.
enum class Observed : uint8_t {
  kNothing,
  kEnergies,  // mean of x_j^2 per input channel (what imatrix files hold)
  kHessian,   // mean of x x^T, and the energies
};

// Some rows of one weight, to be stored in one scheme.
struct EncodeTask {
  std::string_view name;           // of the weight, for messages
  std::span<const float> weights;  // [rows, columns]
  int64_t rows = 0, columns = 0;
  const Scheme* scheme = nullptr;        // fits the columns
  std::span<const float> energies = {};  // [columns]; empty: not observed
  std::span<const float> hessian = {};   // [columns, columns]; empty: not observed
  int64_t tokens = 0;                    // observed
};

struct EncodedRows {
  std::string bytes;  // rows as the scheme's format lays them
  std::string note;   // what did not go as the method says: "too few tokens: rtn"; empty: nothing
};

struct MethodDesc {
  std::string_view name;
  std::string_view summary;  // one line
  std::string_view source;   // where the method was published
  Observed needs = Observed::kNothing;
  Required<Result<EncodedRows> (*)(const EncodeTask&)> encode;
};

std::span<const MethodDesc* const> AllMethods();
// The error lists the names there are.
Result<const MethodDesc*> FindMethod(std::string_view name);

}  // namespace tern
