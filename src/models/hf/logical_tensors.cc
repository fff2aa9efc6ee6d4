#include "models/hf/logical_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "io/field_reader.h"
#include "models/hf/module_groups.h"
#include "models/hf/quant/quant.h"

namespace tern {
namespace {

const Format* PlainFormat(RawType type) {
  if (type == RawType::kF32) return FindFormat("f32");
  if (type == RawType::kF16) return FindFormat("f16");
  if (type == RawType::kBf16) return FindFormat("bf16");
  return nullptr;
}

// Kernels read floats where they lie: a file may hold them at odd addresses.
const void* Aligned(const RawTensor& raw, std::vector<Buffer>* buffers) {
  if (reinterpret_cast<uintptr_t>(raw.data) % RawTypeBytes(raw.type) == 0) return raw.data;
  Buffer& copy = buffers->emplace_back(raw.bytes());
  std::memcpy(copy.data(), raw.data, raw.bytes());
  return copy.data();
}

// How the folder's weights are quantized; nullptr: they are not.
Result<const QuantDesc*> FindQuant(const Metadata& config) {
  TERN_TRY(const std::string method, config.Str("quantization_config.quant_method", ""));
  if (method.empty()) return static_cast<const QuantDesc*>(nullptr);
  std::string known;
  for (const QuantDesc* desc : AllQuants()) {
    if (desc->method == method) return desc;
    known += (known.empty() ? "" : ", ") + std::string(desc->method);
  }
  return Unsupported(
      fmt::format("config.json: quantization_config.quant_method: {}, supported: {}", Quote(method), known));
}

// "model.layers.0.mlp.up_proj" of "model.layers.0.mlp.up_proj.qweight"; "": the name is no marker.
std::string StemOf(const QuantDesc& quant, std::string_view name) {
  std::string_view markers = quant.markers;
  while (!markers.empty()) {
    const size_t end = std::min(markers.find(' '), markers.size());
    if (name.ends_with(markers.substr(0, end))) return std::string(name.substr(0, name.size() - end));
    markers.remove_prefix(std::min(end + 1, markers.size()));
  }
  return "";
}

// Whether `name` is a part of a weight with one of these stems. A bias is a tensor of its own.
bool IsPartOf(const std::set<std::string>& stems, std::string_view name) {
  if (name.ends_with("bias")) return false;
  for (size_t end = name.find_last_of("._"); end != name.npos && end > 0;
       end = name.find_last_of("._", end - 1)) {
    if (stems.contains(std::string(name.substr(0, end)))) return true;
  }
  return false;
}

}  // namespace

Result<NamedTensors> LogicalTensors(const HfFolder& folder, std::vector<Buffer>* buffers,
                                    const MayHaveFactorFn& may_have_factor) {
  NamedTensors out;
  TERN_TRY(const QuantDesc* quant, FindQuant(folder.config()));
  std::set<std::string> stems;
  for (const auto& [name, raw] : folder.tensors()) {
    if (quant == nullptr) break;
    if (std::string stem = StemOf(*quant, name); !stem.empty()) stems.insert(std::move(stem));
  }
  TERN_TRY(ModuleGroups groups, ModuleGroups::Read(folder.config()));
  for (const std::string& stem : stems) {
    TERN_TRY(std::string keys, groups.KeysOf(stem));
    QuantReader reader(folder, stem, buffers);
    reader.set_group_keys(std::move(keys));
    reader.set_may_have_factor(may_have_factor && may_have_factor(stem + ".weight"));
    TERN_TRY(const std::vector<QuantTensor> made, quant->read.value(reader));
    for (const QuantTensor& tensor : made) out.emplace_back(tensor.name, tensor.tensor);
  }
  for (const auto& [name, raw] : folder.tensors()) {
    if (IsPartOf(stems, name)) continue;
    const Format* format = PlainFormat(raw.type);
    // Counters and masks are no weights; a weight of such a type is missed by its name later.
    if (format == nullptr && !name.ends_with(".weight")) continue;
    if (format == nullptr) {
      return Unsupported(fmt::format("{}: {}, supported: F32, F16, BF16", name, RawTypeName(raw.type)));
    }
    // Without elements, its shape would not be bounded by the file.
    if (Elements(raw.shape) == 0) return BadInput(fmt::format("{}: {}: is empty", name, ToString(raw.shape)));
    Shape shape = raw.shape.empty() ? Shape{1} : raw.shape;
    out.emplace_back(name, Tensor{format, std::move(shape), Aligned(raw, buffers)});
  }
  return out;
}

}  // namespace tern
