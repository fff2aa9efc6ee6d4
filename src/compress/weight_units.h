#pragma once
// WeightUnit: a weight that can be stored in another scheme: matrices that linears multiply with, and the
// table of token embeddings.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "compress/scheme.h"
#include "engine/loaded_model.h"

namespace tern {

// A head of its own, which a model with a tied one gets where the two are stored in different schemes.
inline constexpr std::string_view kTableName = "token_embd.weight", kHeadName = "output.weight";

struct WeightUnit {
  std::string name;
  Tensor tensor;          // as the model has it
  std::string role;       // "attn_q", "ffn_down", "head", ...
  bool is_table = false;  // looked up by token
  bool is_head = false;   // multiplies the last hidden state, perhaps beside being looked up

  // Models look for parts beside it (compress/part.h): a matrix that whole linears of a layer multiply with.
  bool takes_parts = false;

  bool is_tied() const { return is_table && is_head; }
  // The two parts of a tied one.
  WeightUnit TableAlone() const { return {name, tensor, role, true, false, false}; }
  WeightUnit HeadAlone() const { return {std::string(kHeadName), tensor, role, false, true, false}; }
  int64_t rows() const { return tensor.rows(); }
  int64_t columns() const { return tensor.cols(); }
  size_t bytes() const { return static_cast<size_t>(rows()) * tensor.row_bytes(); }
};

// The tensor of the checkpoint that a weight of its model's graph lies in: a tied head's is the table of
// embeddings, that of a linear on some rows the whole; "": none, as its numbers were made.
std::string TensorOf(const Checkpoint& checkpoint, const Value& weight);
// Whether the unit can be stored so.
bool CanBecome(const WeightUnit& unit, const Scheme& scheme);
// In the order of the checkpoint.
std::vector<WeightUnit> ListUnits(const LoadedModel& model);
// nullptr: none has this name.
const WeightUnit* FindUnit(std::span<const WeightUnit> units, std::string_view name);
// The error names the first weight that has a NaN or an infinity, and where.
Status CheckFinite(const LoadedModel& model);
// Rows [first, first + count) as numbers.
std::vector<float> DecodeRows(const Tensor& tensor, int64_t first, int64_t count);

}  // namespace tern
