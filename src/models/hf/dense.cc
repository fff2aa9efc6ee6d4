#include "models/hf/dense.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/field_reader.h"
#include "models/hf/logical_tensors.h"

namespace tern {
namespace {

constexpr int64_t kMaxDenseWidth = 1 << 20;

// What config.json says of a module.
struct DenseConfig {
  int64_t in = 0, out = 0;
  bool bias = true;
  std::string activation;  // "": none
};

Result<std::string> DenseActivation(const std::string& torch_class) {
  if (torch_class.ends_with(".Identity")) return std::string();
  if (torch_class.ends_with(".Tanh")) return std::string("tanh");
  if (torch_class.ends_with(".ReLU")) return std::string("relu");
  if (torch_class.ends_with(".GELU")) return std::string("gelu");
  if (torch_class.ends_with(".SiLU")) return std::string("silu");
  return Unsupported(fmt::format("activation_function: {}, supported: Identity, Tanh, ReLU, GELU, SiLU",
                                 Quote(torch_class)));
}

Result<DenseConfig> ParseDenseConfig(const Metadata& config, int64_t width) {
  DenseConfig c;
  TERN_TRY(c.in, config.Int("in_features"));
  TERN_TRY(c.out, config.Int("out_features"));
  if (c.in != width) {
    return BadInput(fmt::format("in_features: {}, expected {}, the width of what comes before", c.in, width));
  }
  if (c.out < 1 || c.out > kMaxDenseWidth) {
    return BadInput(fmt::format("out_features: {}, expected 1 to {}", c.out, kMaxDenseWidth));
  }
  TERN_TRY(c.bias, config.Bool("bias", true));
  TERN_TRY(const std::string act, config.Str("activation_function", "torch.nn.modules.activation.Tanh"));
  TERN_TRY(c.activation, DenseActivation(act));
  // It may also work on each token, keep what it read, or add it to what it makes.
  for (const char* key : {"module_input_name", "module_output_name"}) {
    TERN_TRY(const std::string name, config.Str(key, "sentence_embedding"));
    if (name == "sentence_embedding") continue;
    return Unsupported(fmt::format("{}: {}, supported: \"sentence_embedding\"", key, Quote(name)));
  }
  TERN_TRY(const bool residual, config.Bool("use_residual", false));
  if (residual) return Unsupported("use_residual: true, supported: false");
  return c;
}

Status CheckTensors(const NamedTensors& tensors, const DenseConfig& c) {
  std::vector<std::pair<std::string_view, Shape>> expected = {{"linear.weight", {c.out, c.in}}};
  if (c.bias) expected.emplace_back("linear.bias", Shape{c.out});
  for (const auto& [name, shape] : expected) {
    const auto found = std::ranges::find(tensors, name, [](const auto& tensor) { return tensor.first; });
    if (found == tensors.end())
      return BadInput(fmt::format("{}: missing, expected shape {}", name, ToString(shape)));
    if (found->second.shape == shape) continue;
    return BadInput(
        fmt::format("{}: shape {}, expected {}", name, ToString(found->second.shape), ToString(shape)));
  }
  for (const auto& [name, tensor] : tensors) {
    if (name == "linear.weight" || (c.bias && name == "linear.bias")) continue;
    return Unsupported(fmt::format("{}: shape {}, expected no such tensor in a Dense module {}", Quote(name),
                                   ToString(tensor.shape), c.bias ? "with bias" : "without bias"));
  }
  return {};
}

}  // namespace

Result<DenseModules> ReadDenseModules(const std::vector<std::string>& folders, std::string_view architecture,
                                      int64_t width, Isolation isolation) {
  DenseModules out;
  for (const std::string& path : folders) {
    const auto in_file = [&](const char* file, const Error& error) {
      return Error{error.code, fmt::format("{}/{}: {}", path, file, error.what)};
    };
    TERN_TRY(auto folder, HfFolder::Open(path, isolation));
    const auto config = ParseDenseConfig(folder->config(), width);
    if (!config.ok()) return in_file("config.json", config.error());
    const auto tensors = LogicalTensors(*folder, &out.buffers);
    if (!tensors.ok()) return in_file("model.safetensors", tensors.error());
    const Status checked = CheckTensors(tensors.value(), config.value());
    if (!checked.ok()) return in_file("model.safetensors", checked.error());
    const std::string name = fmt::format("dense_{}", 2 + out.folders.size());
    for (const auto& [tensor_name, tensor] : tensors.value())
      out.tensors.emplace_back(name + tensor_name.substr(tensor_name.rfind('.')), tensor);
    const std::string key = fmt::format("{}.{}_", architecture, name);
    out.metadata.Set(key + "feat_in", static_cast<uint64_t>(width));
    width = config.value().out;
    out.metadata.Set(key + "feat_out", static_cast<uint64_t>(width));
    if (!config.value().activation.empty()) out.metadata.Set(key + "activation", config.value().activation);
    out.folders.push_back(std::move(folder));
  }
  return out;
}

}  // namespace tern
