#pragma once
// PlainWeights: tensors as safetensors of plain numbers, in one file or in shards with an index, in the way
// of Transformers. Numbers are converted a few rows at a time: a model need not fit into memory twice.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/safetensors_writer.h"
#include "models/convert.h"
#include "tensor/tensor.h"

namespace tern {

// A type that safetensors and a format share.
struct PlainType {
  const Format* format;
  RawType type;
  const char* name;  // as config.json's torch_dtype spells it
};
const PlainType* FindPlainType(std::string_view format);  // of "f32", "f16" or "bf16"; nullptr: another

// A tensor as it will be written.
struct PlainWeight {
  SafetensorsEntry entry;
  const PlainType* plain = nullptr;
  Tensor tensor;                   // rows as entry.shape has them
  bool transposes = false;         // stored [out, in] where the plain form is [in, out]
  bool minus_one = false;          // stored as its distance from one
  std::vector<int64_t> rows = {};  // which row of the tensor comes where; empty: as they are
  std::string packed = {};         // what is written instead, with `plain` null
};

class PlainWeights {
 public:
  void Add(PlainWeight weight);
  bool empty() const { return list_.empty(); }
  // model.safetensors, or shards and model.safetensors.index.json, in the folder `out`.
  Status Write(const std::string& out, const ConvertOptions& options);

 private:
  Status WriteFile(const std::string& path, std::span<const PlainWeight> shard);
  Status WriteTensor(const PlainWeight& weight, SafetensorsWriter& writer);

  std::vector<PlainWeight> list_;
  const ConvertOptions* options_ = nullptr;
  uint64_t total_ = 0, done_ = 0;
};

// Makes the new folder `out` by `write`, which is given a folder beside it to fill: it is there whole or not
// at all. Errors begin with `from`.
Status MakeFolder(const std::string& from, const std::string& out,
                  const std::function<Status(const std::string& folder)>& write);

}  // namespace tern
