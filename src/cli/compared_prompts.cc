#include "cli/compared_prompts.h"

#include "cli/chat.h"
#include "text/chat_template.h"

namespace tern {
namespace {

constexpr const char* kQuestions[] = {
    "Explain in one sentence what a compiler does.",
    "Write a Python function that returns the largest of three numbers.",
    "Name three birds that cross oceans, and one thing about each.",
    "Translate into French and German: The library is closed on Sundays.",
};
constexpr const char* kBeginnings[] = {
    "The old lighthouse keeper climbed the stairs, lit the lamp and",
    "def largest_of_three(a, b, c):\n",
    "Question: What does a compiler do?\nAnswer:",
    "Die Bibliothek ist sonntags geschlossen, deshalb",
};

}  // namespace

Result<std::vector<ComparedPrompt>> ComparedPrompts(const LoadedModel& model) {
  std::vector<ComparedPrompt> prompts;
  if (model.chat_template.empty()) {
    for (const char* text : kBeginnings) prompts.push_back({text, EncodePlain(model, text, false)});
    return prompts;
  }
  TERN_TRY(const ChatTemplate chat_template, ChatTemplate::Parse(model.chat_template));
  for (const char* text : kQuestions) {
    TERN_TRY(std::vector<int32_t> tokens, EncodeChat(model, chat_template, {{"user", text}}));
    prompts.push_back({text, std::move(tokens)});
  }
  return prompts;
}

}  // namespace tern
