#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/complete_words.h"
#include "cli/model_store_options.h"
#include "cli/terminal.h"

namespace tern {
namespace {

std::vector<std::string> ModelNames() {
  std::vector<std::string> names;
  const auto store = StoreOptionsFromEnvironment();
  if (!store.ok()) return names;
  for (const CatalogueEntry& entry : store.value().catalogue) names.push_back(entry.name);
  for (const ModelFiles& model : ListModels(store.value())) {
    if (FindEntry(store.value().catalogue, model.name) == nullptr) names.push_back(Printable(model.name));
  }
  return names;
}

void Setup(Arguments& args) {
  auto words = std::make_shared<std::vector<std::string>>();
  args.Option("WORD", words.get(), "what stands on the line after tern, up to the cursor");
  args.Run([words]() -> Status {
    if (words->empty()) words->emplace_back();
    const Completions completions = CompleteWords(*words, ModelNames());
    for (const Completion& word : completions.words) {
      fmt::print("{}{}{}\n", word.word, word.summary.empty() ? "" : "\t", word.summary);
    }
    if (completions.files) fmt::print(":files\n");
    return {};
  });
}

}  // namespace

extern const CommandDesc k_command_complete;
const CommandDesc k_command_complete = {
    .name = "complete",
    .summary = "what tern completion's scripts ask",
    .example = "tern complete -- pull sm",
    .setup = Setup,
    .hidden = true,
};

}  // namespace tern
