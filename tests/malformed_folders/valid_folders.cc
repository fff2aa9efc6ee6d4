#include "malformed_folders/valid_folders.h"

#include <fmt/format.h>

namespace tern {
namespace {

constexpr size_t kWidth = 8, kVocabulary = 5;

std::string LittleEndian(uint64_t value, size_t bytes) {
  std::string out(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) out[i] = static_cast<char>(value >> 8 * i & 255);
  return out;
}

std::string Repeated(std::string_view bytes, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += bytes;
  return out;
}

SafeTensor Bf16(std::string name, std::vector<size_t> shape) {
  size_t count = 1;
  for (const size_t dim : shape) count *= dim;
  return {std::move(name), "BF16", std::move(shape), Repeated(LittleEndian(0x3e80, 2), count)};
}

constexpr std::string_view kQuery = "model.layers.0.self_attn.q_proj";

std::vector<SafeTensor> Rest() {
  const std::string layer = "model.layers.0.";
  return {Bf16("model.embed_tokens.weight", {kVocabulary, kWidth}),
          Bf16(layer + "input_layernorm.weight", {kWidth}),
          Bf16(layer + "self_attn.k_proj.weight", {kWidth / 2, kWidth}),
          Bf16(layer + "self_attn.v_proj.weight", {kWidth / 2, kWidth}),
          Bf16(layer + "self_attn.o_proj.weight", {kWidth, kWidth}),
          Bf16(layer + "post_attention_layernorm.weight", {kWidth}),
          Bf16(layer + "mlp.gate_proj.weight", {kWidth, kWidth}),
          Bf16(layer + "mlp.up_proj.weight", {kWidth, kWidth}),
          Bf16(layer + "mlp.down_proj.weight", {kWidth, kWidth}),
          Bf16("model.norm.weight", {kWidth})};
}

std::string Config(std::string_view quantization = "") {
  return fmt::format(
      R"({{"architectures": ["LlamaForCausalLM"], "hidden_size": 8, "intermediate_size": 8, )"
      R"("num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, )"
      R"("vocab_size": 5, "max_position_embeddings": 64, "rms_norm_eps": 1e-05, "rope_theta": 10000.0, )"
      R"("hidden_act": "silu", "tie_word_embeddings": true, "attention_bias": false, )"
      R"("rope_scaling": {{"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, )"
      R"("high_freq_factor": 4.0, "original_max_position_embeddings": 32}}{}}})",
      quantization.empty() ? "" : fmt::format(R"(, "quantization_config": {{{}}})", quantization));
}

// `query`: the parts of the one weight that is stored in its own way.
ValidFolder Folder(std::string name, std::string config, std::vector<SafeTensor> query) {
  const size_t own = MakeSafeFile(query).header.size();
  for (SafeTensor& tensor : Rest()) query.push_back(std::move(tensor));
  return {std::move(name), std::move(config), "", {{"model.safetensors", MakeSafeFile(query)}}, own};
}

SafeTensor Part(std::string_view part, std::string_view type, std::vector<size_t> shape, std::string bytes) {
  return {std::string(kQuery) + std::string(part), std::string(type), std::move(shape), std::move(bytes)};
}

ValidFolder Sharded() {
  const std::vector<SafeTensor> rest = Rest();
  ValidFolder folder{"sharded", Config(), "", {}, 0};
  folder.files.emplace_back("model-00001-of-00002.safetensors",
                            MakeSafeFile({Bf16(std::string(kQuery) + ".weight", {kWidth, kWidth})}));
  folder.files.emplace_back("model-00002-of-00002.safetensors", MakeSafeFile(rest));
  std::string map = fmt::format(R"("{}.weight": "{}")", kQuery, folder.files[0].first);
  for (const SafeTensor& tensor : rest)
    map += fmt::format(R"(, "{}": "{}")", tensor.name, folder.files[1].first);
  folder.index = R"({"metadata": {"total_size": 928}, "weight_map": {)" + map + "}}";
  folder.own_bytes = folder.files[0].second.header.size();
  return folder;
}

ValidFolder BitsAndBytes() {
  const std::string state =
      R"({"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [8, 8], "nested_blocksize": 256})";
  const std::string one = LittleEndian(0x3f800000, 4);
  return Folder(
      "bitsandbytes", Config(R"("quant_method": "bitsandbytes", "load_in_4bit": true)"),
      {Part(".weight", "U8", {32, 1}, std::string(32, '\x17')), Part(".weight.absmax", "F32", {1}, one),
       Part(".weight.quant_map", "F32", {16}, Repeated(one, 16)),
       Part(".weight.quant_state.bitsandbytes__nf4", "U8", {state.size()}, state)});
}

}  // namespace

std::string SafeFile::bytes() const { return LittleEndian(header.size(), 8) + header + data; }

SafeFile MakeSafeFile(const std::vector<SafeTensor>& tensors) {
  SafeFile file{R"({"__metadata__":{"format":"pt"})", ""};
  for (const SafeTensor& tensor : tensors) {
    const size_t begin = file.data.size();
    file.data += tensor.bytes;
    file.header += fmt::format(R"(,"{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", tensor.name,
                               tensor.type, fmt::join(tensor.shape, ","), begin, file.data.size());
  }
  file.header += "}";
  return file;
}

std::vector<std::pair<std::string, std::string>> ValidFolder::Files() const {
  std::vector<std::pair<std::string, std::string>> all = {{"config.json", config}};
  if (!index.empty()) all.emplace_back("model.safetensors.index.json", index);
  for (const auto& [file_name, content] : files) all.emplace_back(file_name, content.bytes());
  return all;
}

std::vector<ValidFolder> ValidFolders() {
  const std::string half = LittleEndian(0x3c00, 2), one = LittleEndian(0x3f800000, 4);
  return {
      Folder("plain", Config(), {Bf16(std::string(kQuery) + ".weight", {kWidth, kWidth})}),
      Sharded(),
      Folder("gptq", Config(R"("quant_method": "gptq", "bits": 4, "group_size": 8)"),
             {Part(".qweight", "I32", {1, 8}, std::string(32, '\x35')),
              Part(".qzeros", "I32", {1, 1}, std::string(4, '\x77')),
              Part(".scales", "F16", {1, 8}, Repeated(half, 8)),
              Part(".g_idx", "I32", {8}, std::string(32, '\0'))}),
      Folder("awq", Config(R"("quant_method": "awq", "bits": 4, "version": "gemm")"),
             {Part(".qweight", "I32", {8, 1}, std::string(32, '\x35')),
              Part(".qzeros", "I32", {1, 1}, std::string(4, '\x77')),
              Part(".scales", "F16", {1, 8}, Repeated(half, 8))}),
      Folder("fp8", Config(R"("quant_method": "fp8")"),
             {Part(".weight", "F8_E4M3", {8, 8}, std::string(64, '\x38')),
              Part(".weight_scale_inv", "F32", {1, 1}, one)}),
      Folder("compressed-tensors",
             Config(R"("quant_method": "compressed-tensors", "format": "pack-quantized", )"
                    R"("config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": 8}}})"),
             {Part(".weight_packed", "I32", {8, 1}, std::string(32, '\x35')),
              Part(".weight_scale", "F16", {8, 1}, Repeated(half, 8)),
              Part(".weight_shape", "I64", {2}, LittleEndian(8, 8) + LittleEndian(8, 8))}),
      BitsAndBytes(),
  };
}

std::vector<ValidFolder> EmptyRowFolders() {
  const std::vector<size_t> shape = {size_t{1} << 53, 0};
  const SafeTensor scale = Part(".weight_scale", "F32", {1}, LittleEndian(0x3f800000, 4));
  return {
      Folder("plain", Config(), {Part(".weight", "BF16", shape, "")}),
      Folder("fp8", Config(R"("quant_method": "fp8")"), {Part(".weight", "F8_E4M3", shape, ""), scale}),
      Folder("compressed-tensors", Config(R"("quant_method": "compressed-tensors")"),
             {Part(".weight", "I8", shape, ""), scale}),
  };
}

}  // namespace tern
