#pragma once
// Rows of a part's tensors, to and from numbers.

#include <span>
#include <string>
#include <vector>

#include "compress/low_rank_fit.h"
#include "compress/part.h"

namespace tern {

// Each number to the nearest one of the tensor's format.
std::string EncodePlain(std::span<const float> numbers, const PartTensor& tensor);
std::vector<float> DecodePlain(const std::string& bytes, const PartTensor& tensor);
// weights - what `bytes` say
std::vector<float> WhatIsLost(std::span<const float> weights, const PartTensor& tensor,
                              const std::string& bytes);
FitTask FitOf(const PartTask& task, std::span<const float> error);

}  // namespace tern
