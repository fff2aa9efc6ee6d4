#pragma once
// PackedWeights: weights of whole numbers as compressed-tensors stores them, for vLLM and Transformers: 4-bit
// codes in 32-bit words with a scale per group or output ("pack-quantized"), bytes with a scale per output
// ("int-quantized"); and what config.json says of them.

#include <boost/json/object.hpp>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/safetensors.h"
#include "tensor/tensor.h"

namespace tern {

// How a tensor of q4_0 (4 bits) or q8_0 (8) blocks is meant: `group` weights of a row share a scale; 0: the
// whole row.
struct PackedForm {
  int bits = 8;
  int64_t group = 0;
};

// A tensor that is part of a packed weight.
struct PackedPart {
  std::string suffix;  // behind the module's name: ".weight_packed"
  RawType type = RawType::kI32;
  Shape shape;
  std::string bytes;
};

// The parts of a matrix in q4_0 or, in whole rows, q8_0, in the order `rows`; empty: as they are.
// Errors: another format, blocks of one group with different scales.
Result<std::vector<PackedPart>> PackForCompressedTensors(const Tensor& tensor, const PackedForm& form,
                                                         const std::vector<int64_t>& rows);
// quantization_config; `modules` in each form, others of class Linear in `ignored`.
boost::json::object QuantizationConfig(const std::map<std::string, PackedForm>& modules,
                                       const std::vector<std::string>& ignored);

}  // namespace tern
