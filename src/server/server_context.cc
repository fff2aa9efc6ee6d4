#include "server/server_context.h"

namespace tern {

bool ServedModel::IsNamed(std::string_view name) const {
  return name == id || (name.starts_with(id) && name.substr(id.size()) == ":latest");
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
    if (tokenizer->IsControl(i)) served.control_tokens.push_back(tokenizer->Piece(i, true));
  }
  return served;
}

}  // namespace tern
