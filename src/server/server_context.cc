#include "server/server_context.h"

#include <filesystem>

#include "server/model_host.h"

namespace tern {

ServerContext::ServerContext(std::shared_ptr<ServerMeters> of_model)
    : shared_meters(std::move(of_model)), meters(*shared_meters) {}
ServerContext::~ServerContext() = default;

size_t ServerContext::held_bytes() const {
  const auto sum = [](const RunnerBytes& bytes) { return bytes.packed_weights + bytes.arena + bytes.kv; };
  const EncoderHost* beside = encoder.get();
  const size_t engine = host != nullptr ? sum(host->bytes()) + sum(host->draft_bytes()) : 0;
  return engine + (beside != nullptr ? sum(beside->bytes()) : 0);
}

bool ServedModel::IsNamed(std::string_view name) const {
  if (!alias.empty() && (name == alias || name == alias.substr(alias.rfind('/') + 1))) return true;
  return name == id || (name.starts_with(id) && name.substr(id.size()) == ":latest");
}

std::string ServedModel::IdOf(std::string_view model) {
  std::string_view id = model;
  std::error_code error;
  const bool is_path = id.ends_with(".gguf") || id.starts_with('/') || id.starts_with('.') ||
                       id.starts_with('~') || std::filesystem::exists(std::string(id), error);
  if (!is_path) return std::string(id);
  while (id.size() > 1 && id.ends_with('/')) id.remove_suffix(1);
  id.remove_prefix(id.rfind('/') + 1);  // npos + 1 is 0
  if (id.ends_with(".gguf")) id.remove_suffix(5);
  // "-00001-of-00003"
  constexpr std::string_view kPartNumber = "-00001-of-";
  const size_t part = id.rfind(kPartNumber);
  if (part != id.npos && part > 0 && id.size() == part + kPartNumber.size() + 5) id = id.substr(0, part);
  return std::string(id.empty() || id == "." || id == ".." ? "model" : id);
}

Result<ServedModel> ServedModel::Make(std::string id, std::shared_ptr<const LoadedModel> model) {
  ServedModel served{.id = std::move(id), .model = std::move(model)};
  served.created =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  const std::string& source = served.model->chat_template;
  if (!source.empty()) {
    TERN_TRY(served.chat_template, ChatTemplate::Parse(source));
  }
  served.template_knows_tools = source.find("tools") != source.npos;
  served.format = &DetectChatFormat(source);
  TERN_TRY(served.told_format, FindChatFormat("hermes"));
  TERN_TRY(served.bare_format, FindChatFormat("bare_json"));
  served.reasoning = DetectReasoning(source);
  const Tokenizer* tokenizer = served.model->tokenizer.get();
  for (int32_t i = 0; tokenizer != nullptr && i < tokenizer->size(); ++i) {
    if (tokenizer->IsEndOfGeneration(i)) served.end_tokens.push_back(i);
    if (tokenizer->IsControl(i)) served.control_tokens.push_back(tokenizer->Piece(i, true));
  }
  return served;
}

}  // namespace tern
