#include "text/chat_format.h"

#include <fmt/core.h>

#include "text/chat/space.h"

namespace tern {

#define CHAT_FORMAT(name) extern const ChatFormatDesc k_chatformat_##name;
#include "text/chat_formats.list"
#undef CHAT_FORMAT

namespace {

constexpr const ChatFormatDesc* kFormats[] = {
#define CHAT_FORMAT(name) &k_chatformat_##name,
#include "text/chat_formats.list"
#undef CHAT_FORMAT
};

constexpr ReasoningTags kReasoningTags[] = {
    {"<seed:think>", "</seed:think>"},
    {"<|START_THINKING|>", "<|END_THINKING|>"},
    {"<|inner_prefix|>", "<|inner_suffix|>"},
    {"[THINK]", "[/THINK]"},
    {"<think>", "</think>"},
};

}  // namespace

std::span<const ChatFormatDesc* const> AllChatFormats() { return kFormats; }

Result<const ChatFormatDesc*> FindChatFormat(std::string_view name) {
  std::string names;
  for (const ChatFormatDesc* format : kFormats) {
    if (format->name == name) return format;
    names += (names.empty() ? "" : ", ") + std::string(format->name);
  }
  return NotFound(fmt::format("chat format '{}': not known, expected one of {}", name, names));
}

const ChatFormatDesc& DetectChatFormat(std::string_view chat_template) {
  for (const ChatFormatDesc* format : kFormats) {
    for (const std::string_view mark : format->mentions) {
      if (!mark.empty() && chat_template.find(mark) != chat_template.npos) return *format;
    }
  }
  return k_chatformat_plain;
}

ReasoningTags DetectReasoning(std::string_view chat_template) {
  for (const ReasoningTags& tags : kReasoningTags) {
    if (chat_template.find(tags.close) != chat_template.npos) return tags;
  }
  return {};
}

bool OpensReasoning(std::span<const TextSegment> prompt, const ReasoningTags& tags) {
  if (prompt.empty() || !prompt.back().is_template || tags.open.empty()) return false;
  const std::string_view end = prompt.back().text;
  return end.substr(0, end.find_last_not_of(chat::kSpace) + 1).ends_with(tags.open);
}

}  // namespace tern
