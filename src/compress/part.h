#pragma once
// PartDesc: what a weight may have beside its codes, so that what the codes lose most of is made up for: a
// scheme's name says so behind a "+", with how much of it: "q4_0+low_rank32". One constant per
// parts/<name>.cc and one line in parts.list.
//
// A weight with parts is several tensors (docs/formats/weight-parts.md), which models add up where they
// multiply (ModelBuilder::Linear). Parts are computed from the whole matrix, and from nothing else.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/required.h"
#include "base/result.h"
#include "base/team.h"
#include "compress/method.h"
#include "compress/observation.h"
#include "compress/scheme.h"
#include "models/weight_parts.h"
#include "tensor/tensor.h"

namespace tern {

// One of the tensors that a weight becomes: NAME + suffix.
struct PartTensor {
  std::string suffix;  // "": the weight's own
  const Format* format = nullptr;
  Shape shape;

  int64_t bytes() const { return shape[0] * RowBytes(); }
  int64_t RowBytes() const {
    return static_cast<int64_t>(BlockOffset(*format, shape.size() < 2 ? 1 : static_cast<size_t>(shape[1])));
  }
};

struct PartTask {
  std::span<const float> weights;  // [rows, columns], finite
  int64_t rows = 0, columns = 0;
  const Scheme* scheme = nullptr;
  const Observation* seen = nullptr;  // null: of this weight's input nothing was observed
  Team* team = nullptr;
  // Rows of weights [n, columns of `seen`], in the scheme without its part, by the method that was asked for.
  std::function<Result<EncodedRows>(std::span<const float> weights, int64_t rows, const Observation* seen)>
      encode;
};

struct EncodedParts {
  std::vector<std::string> bytes;  // by tensor of the layout
  std::string note;                // as EncodedRows has it
};

struct PartDesc {
  std::string_view name;
  std::string_view summary;  // one line
  std::string_view source;   // where it was published
  // The tensors of a weight [rows, columns]; none: the scheme cannot hold it.
  Required<std::vector<PartTensor> (*)(const Scheme&, int64_t rows, int64_t columns)> layout;
  Required<Result<EncodedParts> (*)(const PartTask&)> encode;
};

std::span<const PartDesc* const> AllParts();
const PartDesc* FindPart(std::string_view name);  // nullptr: none

// Of any scheme; without a part the weight's own tensor alone.
std::vector<PartTensor> LayoutOf(const Scheme& scheme, int64_t rows, int64_t columns);
// Whole bytes where rows of `width` fit into blocks, else f16: of a part's tensors.
const Format* PartFormat(int64_t width);
// The numbers at `rows` that tensors of the layout stand for together, [rows, columns].
std::vector<float> DecodeParts(const std::vector<PartTensor>& layout, const std::vector<std::string>& bytes,
                               std::span<const int64_t> rows, int64_t columns);

}  // namespace tern
