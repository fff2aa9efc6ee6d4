#include "cli/complete_words.h"

#include <algorithm>

#include "cli/arguments.h"
#include "cli/command.h"

namespace tern {
namespace {

// "-t,--threads": -t and --threads.
std::vector<std::string> Spellings(const ArgumentInfo& info) {
  std::vector<std::string> names;
  for (std::string_view rest = info.names; !rest.empty();) {
    const size_t comma = std::min(rest.find(','), rest.size());
    names.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return names;
}

bool IsCalled(const ArgumentInfo& info, const std::string& word) {
  const std::vector<std::string> names = Spellings(info);
  return std::find(names.begin(), names.end(), word) != names.end();
}

// The option whose value the last word is, or nullptr.
const ArgumentInfo* OptionBefore(const std::vector<ArgumentInfo>& infos,
                                 const std::vector<std::string>& words) {
  if (words.size() < 2) return nullptr;
  for (const ArgumentInfo& info : infos) {
    if (!info.positional && !info.value_name.empty() && IsCalled(info, words[words.size() - 2])) return &info;
  }
  return nullptr;
}

// The positional argument that the last word is, or nullptr if there are too many.
const ArgumentInfo* PositionalAt(const std::vector<ArgumentInfo>& infos,
                                 const std::vector<std::string>& words) {
  std::vector<const ArgumentInfo*> positionals;
  for (const ArgumentInfo& info : infos) {
    if (info.positional) positionals.push_back(&info);
  }
  size_t at = 0;
  for (size_t i = 1; i + 1 < words.size(); ++i) {
    const std::vector<std::string> until(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    if (!words[i].starts_with('-') && OptionBefore(infos, until) == nullptr) ++at;
  }
  if (at < positionals.size()) return positionals[at];
  return !positionals.empty() && positionals.back()->repeats ? positionals.back() : nullptr;
}

class Offers {
 public:
  explicit Offers(std::string typed) : typed_(std::move(typed)) {}
  void Add(std::string_view word, std::string_view summary) {
    if (word.starts_with(typed_)) found_.words.push_back({std::string(word), std::string(summary)});
  }
  void AddValuesOf(const ArgumentInfo& info, const std::vector<std::string>& models) {
    for (const std::string& choice : info.choices) Add(choice, "");
    const bool model = info.names.starts_with("MODEL") || info.value_name == "MODEL";
    if (model) {
      for (const std::string& name : models) Add(name, "");
    }
    found_.files =
        found_.files || model || info.value_name == "FILE" || (info.positional && info.choices.empty());
  }
  void AddOptions(const std::vector<ArgumentInfo>& infos) {
    for (const ArgumentInfo& info : infos) {
      if (info.positional) continue;
      for (const std::string& name : Spellings(info)) Add(name, info.help);
    }
    Add("--help", "print this help");
  }
  Completions Take() { return std::move(found_); }

 private:
  std::string typed_;
  Completions found_;
};

}  // namespace

Completions CompleteWords(const std::vector<std::string>& words, const std::vector<std::string>& models) {
  if (words.empty()) return {};
  Offers offers(words.back());
  const CommandDesc* found = nullptr;
  for (const CommandDesc* command : AllCommands()) {
    if (command->hidden) continue;
    if (words.size() == 1) offers.Add(command->name, command->summary);
    if (words.size() > 1 && command->name == words[0]) found = command;
  }
  if (found == nullptr) return offers.Take();
  Arguments args;
  found->setup(args);
  const std::vector<ArgumentInfo>& infos = args.infos();
  if (const ArgumentInfo* option = OptionBefore(infos, words); option != nullptr) {
    offers.AddValuesOf(*option, models);
  } else if (words.back().starts_with('-')) {
    offers.AddOptions(infos);
  } else if (const ArgumentInfo* positional = PositionalAt(infos, words); positional != nullptr) {
    offers.AddValuesOf(*positional, models);
  }
  return offers.Take();
}

}  // namespace tern
