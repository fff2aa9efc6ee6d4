#pragma once
// QuantDesc: how one program stores quantized weights in a Hugging Face folder, and how they become tensors
// that kernels take as they are. One constant per models/hf/quant/<name>.cc and one line in quants.list.
//
// Whole numbers times a scale stay whole numbers: they are repacked without loss as q4_0, q5_0 or q8_0,
// whichever holds their range, or as q8_24 where they are 2:4; what these cannot hold (scales beyond f16,
// groups that change within 32 columns) becomes f32.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/required.h"
#include "base/result.h"
#include "io/hf_folder.h"
#include "tensor/tensor.h"

namespace tern {

// One weight of a folder: its parts lie under one stem, "model.layers.0.mlp.up_proj".
class QuantReader {
 public:
  QuantReader(const HfFolder& folder, std::string stem, std::vector<Buffer>* buffers)
      : folder_(folder), stem_(std::move(stem)), buffers_(*buffers) {}

  const Metadata& config() const { return folder_.config(); }  // of the folder
  const std::string& stem() const { return stem_; }
  // Whether the weight may come with a factor of its own, "<stem>.scale", [1]: then NVFP4 stays as it is.
  bool may_have_factor() const { return may_have_factor_; }
  void set_may_have_factor(bool may) { may_have_factor_ = may; }
  // What keys of the module's group in config_groups begin with, or those of all groups (ModuleGroups).
  const std::string& group_keys() const { return group_keys_; }
  void set_group_keys(std::string keys) { group_keys_ = std::move(keys); }
  bool Has(std::string_view part) const { return folder_.Find(stem_ + std::string(part)) != nullptr; }
  // The part with this type and this number of dimensions; the error names it.
  Result<RawTensor> Part(std::string_view part, std::initializer_list<RawType> types, size_t dims) const;
  // The numbers of a part of floats (F32, F16, BF16, F8_E4M3), or of whole numbers (I32, I64, U8).
  Result<std::vector<float>> Floats(std::string_view part) const;
  Result<std::vector<int64_t>> Integers(std::string_view part) const;
  Error Bad(std::string_view part, std::string_view problem) const;
  // What config keys "<prefix>...<suffix>" say: modules may have settings of their own there.
  std::vector<int64_t> ConfigIntegers(std::string_view prefix, std::string_view suffix) const;
  std::vector<std::vector<int64_t>> ConfigLists(std::string_view prefix, std::string_view suffix) const;
  // Inputs per scale, of `in` inputs with `groups` scales: the one of the config's `sizes` that makes so many
  // groups; in / groups where the config has none. An error where several do, or it does not divide.
  Result<int64_t> GroupSize(std::string_view part, int64_t in, int64_t groups,
                            const std::vector<int64_t>& sizes) const;

  // A matrix of whole numbers within int16, each times a scale. `row` fills one row's numbers and scales.
  using RowFn = std::function<void(int64_t row, std::span<int16_t> codes, std::span<float> scales)>;
  Tensor Pack(int64_t rows, int64_t cols, const RowFn& row);
  // A matrix that is f32 whatever it was.
  Tensor PackFloats(int64_t rows, int64_t cols,
                    const std::function<void(int64_t row, std::span<float> values)>& row);
  // Memory for a tensor of `format`, to be filled.
  struct Made {
    Tensor tensor;
    uint8_t* data;
  };
  Result<Made> Make(std::string_view format, Shape shape);

 private:
  const HfFolder& folder_;
  std::string stem_;
  std::vector<Buffer>& buffers_;
  std::string group_keys_;
  bool may_have_factor_ = false;
};

struct QuantTensor {
  std::string name;
  Tensor tensor;
};

struct QuantDesc {
  std::string_view method;   // quantization_config.quant_method
  std::string_view markers;  // parts that only a quantized weight has, separated by spaces: ".qweight"
  // The weight, and what belongs to it (NVFP4's factor of the whole tensor).
  Required<Result<std::vector<QuantTensor>> (*)(QuantReader&)> read;
};

std::span<const QuantDesc* const> AllQuants();

float Fp8E4m3ToF32(uint8_t bits);  // NaN for 0x7f and 0xff

}  // namespace tern
