#pragma once
// What a mapping does to tensors: rows chosen, transposed, shifted, stacked. Rows of any weight format can be
// chosen and stacked; transposing and shifting decode to f32.

#include <string_view>
#include <vector>

#include "base/result.h"
#include "models/hf/mapping.h"
#include "tensor/tensor.h"

namespace tern {

// Edits tensors; what they make lies in `buffers`.
class HfEditor {
 public:
  explicit HfEditor(std::vector<Buffer>* buffers) : buffers_(*buffers) {}

  // `name` stands in front of errors.
  Result<Tensor> Apply(std::string_view name, const Tensor& tensor, const HfRule& rule, HfDims dims);
  // Tensors of one shape, one behind the other in a format that holds them all: [n, ...shape].
  Result<Tensor> Stack(std::string_view name, const std::vector<Tensor>& tensors);
  Tensor Floats(const std::vector<float>& values);

 private:
  void* Allocate(size_t bytes);
  Result<Tensor> SplitHeads(std::string_view name, const Tensor& tensor, int64_t heads);
  Result<Tensor> Transpose(std::string_view name, const Tensor& tensor);
  Tensor PlusOne(const Tensor& tensor);
  Result<Tensor> ChooseRows(std::string_view name, const Tensor& tensor, HfRowsFn choose, HfDims dims);
  Result<Tensor> ChooseColumns(std::string_view name, const Tensor& tensor, HfRowsFn choose, HfDims dims);

  std::vector<Buffer>& buffers_;
};

}  // namespace tern
