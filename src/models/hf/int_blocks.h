#pragma once
// Weights that are whole numbers times a scale, as blocks of 32 of the formats that kernels take as they are:
// q4_0, q5_0 and q8_0, each of which holds what the ones before it hold; and q8_24, for those that are 2:4.

#include <cstdint>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace tern {

constexpr size_t kIntBlockWeights = 32;

// The narrowest format for numbers from `low` to `high`; nullptr: none.
const Format* IntFormatFor(int low, int high);
// One block, of its numbers and their scale, which must be an f16 value.
void PutIntBlock(const Format& format, const int16_t* codes, float d, uint8_t* out);

// A row of q8_24: `n` numbers of which at most two of each four are not 0, times any scale.
void PutSparseRow(const int16_t* codes, size_t n, float d, uint8_t* out);

// The format that holds all of `tensors` without loss: their own where they share one, the widest where all
// are of whole numbers, else f32.
const Format& CommonFormat(const std::vector<Tensor>& tensors);
// The tensor's rows in a CommonFormat of it and others.
void WriteIn(const Format& format, const Tensor& tensor, uint8_t* out);

}  // namespace tern
