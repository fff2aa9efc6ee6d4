#include "cli/arguments.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <map>
#include <type_traits>

#include "base/closest_word.h"

namespace tern {
namespace {

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

template <class T>
std::string_view ValueNameOf() {
  if constexpr (IsOptional<T>::value || IsVector<T>::value) {
    return ValueNameOf<typename T::value_type>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    return "TEXT";
  } else if constexpr (std::is_floating_point_v<T>) {
    return "X";
  } else {
    return "N";
  }
}

template <class T>
std::string DefaultOf(const T& value) {
  if constexpr (IsOptional<T>::value) {
    return value ? DefaultOf(*value) : "";
  } else if constexpr (IsVector<T>::value) {
    std::string text;
    for (const auto& item : value) text += (text.empty() ? "" : ",") + DefaultOf(item);
    return text;
  } else {
    return fmt::format("{}", value);
  }
}

// Stores `text` in *into; else what was expected. Not the parser's own conversions: they accept "1e9999", and
// each type would compile them again.
std::string Store(const std::string& text, std::string* into) {
  *into = text;
  return "";
}
template <class T>
requires std::is_arithmetic_v<T> std::string Store(const std::string& text, T* into) {
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(begin, end, *into);
  if (error == std::errc() && rest == end) return "";
  const std::string_view kind = std::is_floating_point_v<T> ? "a number" : "a whole number";
  if (error == std::errc::result_out_of_range) return fmt::format("'{}', expected {} that fits", text, kind);
  return fmt::format("'{}', expected {}", text, kind);
}
template <class T>
std::string Store(const std::string& text, std::optional<T>* into) {
  return Store(text, &into->emplace());
}
template <class T>
std::string Store(const std::string& text, std::vector<T>* into) {
  return Store(text, &into->emplace_back());
}

// The parser says what it likes; users read the object first, then what is wrong.
std::string Reworded(const CLI::ParseError& error) {
  std::string what = error.what();
  if (what.ends_with(" is required")) return what.substr(0, what.size() - 12) + ": missing";
  const size_t count = what.find(": 1 required");
  if (count != std::string::npos && what.ends_with(" missing"))
    return what.substr(0, count) + ": needs a value";
  return what;
}

// What a file calls an argument: "threads" for "-t,--threads", "model" for "MODEL".
std::string ConfigName(const ArgumentInfo& info) {
  if (!info.positional) {
    const size_t dashes = info.names.find("--");
    return dashes == info.names.npos ? "" : info.names.substr(dashes + 2);
  }
  std::string name = info.names;
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return name;
}

// The word in front of its value.
std::string OptionWord(const ArgumentInfo& info) { return info.positional ? "" : "--" + ConfigName(info); }

// A word that no argument took.
Error Unexpected(const std::vector<ArgumentInfo>& infos, const std::string& word) {
  if (!word.starts_with('-')) return BadInput(word + ": not expected here");
  std::vector<std::string_view> names = {"--help"};
  for (const ArgumentInfo& info : infos) {
    const size_t dashes = info.names.find("--");
    if (!info.positional && dashes != info.names.npos)
      names.push_back(std::string_view(info.names).substr(dashes));
  }
  const std::string name = word.substr(0, word.find('='));
  const std::string_view closest = ClosestWord(name, names);
  return BadInput(name + ": no such option" +
                  (closest.empty() ? "" : fmt::format("; did you mean '{}'?", closest)));
}

}  // namespace

struct Arguments::State {
  CLI::App app;
  std::vector<ArgumentInfo> infos;
  std::vector<CLI::Option*> options;
  std::string section;
  std::vector<std::function<Status()>> checks;
  std::function<Status()> run;
  std::vector<std::vector<std::function<std::string(const std::string&)>>> value_checks;  // of each option
  std::string config_path;
  std::optional<size_t> config;  // which option it is
  std::map<std::string, std::vector<ConfigTable>*, std::less<>> config_tables;

  std::vector<size_t> Called(const std::string& config_name) const;
  Error Unknown(const ConfigEntry& entry) const;
  std::string Problem(const ConfigEntry& entry, size_t index) const;
};

// Those of that name: an option, and a positional argument that says the same.
std::vector<size_t> Arguments::State::Called(const std::string& config_name) const {
  std::vector<size_t> found;
  for (size_t i = 0; i < infos.size(); ++i) {
    if (i != config && ConfigName(infos[i]) == config_name) found.push_back(i);
  }
  std::ranges::stable_partition(found, [this](size_t i) { return !infos[i].positional; });
  return found;
}

Error Arguments::State::Unknown(const ConfigEntry& entry) const {
  std::vector<std::string> owned;
  for (size_t i = 0; i < infos.size(); ++i) {
    if (i != config) owned.push_back(ConfigName(infos[i]));
  }
  for (const auto& [name, into] : config_tables) owned.push_back(name);
  const std::vector<std::string_view> names(owned.begin(), owned.end());
  const std::string_view closest = ClosestWord(entry.name, names);
  return BadInput(fmt::format("{}: {}: no such option{}", entry.where, entry.name,
                              closest.empty() ? "" : fmt::format("; did you mean '{}'?", closest)));
}

// What is wrong with an entry's values; "": nothing.
std::string Arguments::State::Problem(const ConfigEntry& entry, size_t index) const {
  const ArgumentInfo& info = infos[index];
  if (entry.kind == ConfigEntry::Kind::kTables) return "tables, expected a value";
  const bool is_flag = !info.positional && info.value_name.empty();
  if (is_flag != (entry.kind == ConfigEntry::Kind::kBool)) {
    return is_flag ? "expected true or false" : "true or false, expected a value";
  }
  if (entry.kind == ConfigEntry::Kind::kList && !info.repeats) return "a list, expected one value";
  for (const std::string& value : entry.values) {
    for (const auto& check : value_checks[index]) {
      if (std::string problem = check(value); !problem.empty()) return problem;
    }
  }
  return "";
}

Arguments::Arguments() : state_(std::make_unique<State>()) {
  state_->app.set_help_flag("-h,--help", "print this help");
  state_->app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}
Arguments::~Arguments() = default;

template <class T>
Argument Arguments::Option(std::string_view names, T* into, std::string_view help) {
  const bool positional = !names.starts_with('-');
  const auto store_all = [into](const std::vector<std::string>& texts) {
    T value{};
    bool ok = true;
    for (const std::string& text : texts) ok = ok && Store(text, &value).empty();
    if (ok) *into = std::move(value);
    return ok;
  };
  CLI::Option* option = state_->app.add_option(std::string(names), store_all, std::string(help));
  if constexpr (IsVector<T>::value) {
    // Commas in a person's texts are theirs.
    if (!positional) option->delimiter(',');
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    option->expected(1, positional ? 1 << 20 : 1)->allow_extra_args(positional);
  } else {
    option->expected(1);
  }
  ArgumentInfo info;
  info.names = names;
  info.help = help;
  info.positional = positional;
  info.value_name = ValueNameOf<T>();
  info.default_value = DefaultOf(*into);
  info.repeats = IsVector<T>::value;
  info.section = state_->section;
  state_->infos.push_back(std::move(info));
  state_->options.push_back(option);
  state_->value_checks.emplace_back();
  AddCheck(state_->infos.size() - 1, [](const std::string& text) {
    T scratch{};
    return Store(text, &scratch);
  });
  return Argument(this, state_->infos.size() - 1);
}

#define TERN_OPTION(...) template Argument Arguments::Option(std::string_view, __VA_ARGS__*, std::string_view)
TERN_OPTION(std::string);
TERN_OPTION(int);
TERN_OPTION(int64_t);
TERN_OPTION(uint32_t);
TERN_OPTION(uint64_t);
TERN_OPTION(float);
TERN_OPTION(double);
TERN_OPTION(std::optional<std::string>);
TERN_OPTION(std::optional<int>);
TERN_OPTION(std::optional<int64_t>);
TERN_OPTION(std::optional<uint64_t>);
TERN_OPTION(std::optional<float>);
TERN_OPTION(std::optional<double>);
TERN_OPTION(std::vector<std::string>);
TERN_OPTION(std::vector<int>);
TERN_OPTION(std::vector<int64_t>);
TERN_OPTION(std::vector<double>);
#undef TERN_OPTION

Argument Arguments::Flag(std::string_view names, bool* into, std::string_view help) {
  state_->options.push_back(state_->app.add_flag(std::string(names), *into, std::string(help)));
  ArgumentInfo info;
  info.names = names;
  info.help = help;
  info.section = state_->section;
  state_->infos.push_back(std::move(info));
  state_->value_checks.emplace_back();
  return Argument(this, state_->infos.size() - 1);
}

Argument Arguments::ConfigFile(std::string_view names, std::string_view help) {
  Argument argument = Option(names, &state_->config_path, help);
  state_->config = argument.index_;
  return argument.ValueName("FILE");
}

void Arguments::ConfigTables(std::string_view name, std::vector<ConfigTable>* into) {
  state_->config_tables.emplace(name, into);
}

// CLI11 takes it, and so does what reads a file.
void Arguments::AddCheck(size_t index, std::function<std::string(const std::string&)> check) {
  state_->options[index]->check(check);
  state_->value_checks[index].push_back(std::move(check));
}

void Arguments::Section(std::string_view title) { state_->section = title; }

void Arguments::Check(std::function<Status()> check) { state_->checks.push_back(std::move(check)); }
void Arguments::Run(std::function<Status()> run) { state_->run = std::move(run); }
const std::vector<ArgumentInfo>& Arguments::infos() const { return state_->infos; }

// What the file says and the words of the last parse do not.
Result<std::vector<std::string>> Arguments::ConfigWords() const {
  TERN_TRY(const std::vector<ConfigEntry> entries, ReadConfigFile(state_->config_path));
  std::vector<std::string> words;
  for (const ConfigEntry& entry : entries) {
    if (const auto tables = state_->config_tables.find(entry.name); tables != state_->config_tables.end()) {
      if (entry.kind != ConfigEntry::Kind::kTables) {
        return BadInput(fmt::format("{0}: {1}: expected tables, as [[{1}]]", entry.where, entry.name));
      }
      *tables->second = entry.tables;
      continue;
    }
    const std::vector<size_t> called = state_->Called(entry.name);
    if (called.empty()) return state_->Unknown(entry);
    const size_t index = called[0];
    if (const std::string problem = state_->Problem(entry, index); !problem.empty()) {
      return BadInput(fmt::format("{}: {}: {}", entry.where, entry.name, problem));
    }
    const auto is_given = [this](size_t i) { return state_->options[i]->count() > 0; };
    if (std::ranges::any_of(called, is_given)) continue;
    const std::string word = OptionWord(state_->infos[index]);
    if (entry.kind == ConfigEntry::Kind::kBool && entry.is_true) words.push_back(word);
    for (const std::string& value : entry.values) {
      if (!word.empty()) words.push_back(word);
      words.push_back(value);
    }
  }
  return words;
}

Result<Arguments::Parsed> Arguments::Parse(const std::vector<std::string>& words) {
  std::vector<std::string> all = words;
  if (state_->config) {
    TERN_TRY(const Parsed parsed, ParseWords(words, false));
    if (parsed == Parsed::kHelp) return parsed;
    if (!state_->config_path.empty()) {
      TERN_TRY(const std::vector<std::string> more, ConfigWords());
      all.insert(all.begin(), more.begin(), more.end());
    }
  }
  TERN_TRY(const Parsed parsed, ParseWords(all, true));
  if (parsed == Parsed::kHelp) return parsed;
  for (const auto& check : state_->checks) TERN_TRY_STATUS(check());
  return parsed;
}

// `is_all`: what is missing now is missing.
Result<Arguments::Parsed> Arguments::ParseWords(const std::vector<std::string>& words, bool is_all) {
  // The parser takes the words from the back of the vector.
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  try {
    state_->app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    return Parsed::kHelp;
  } catch (const CLI::ExtrasError&) {
    return Unexpected(state_->infos, state_->app.remaining().front());
  } catch (const CLI::RequiredError& error) {
    if (is_all) return BadInput(Reworded(error));
  } catch (const CLI::ParseError& error) {
    return BadInput(Reworded(error));
  }
  return Parsed::kRun;
}

Status Arguments::RunParsed() {
  TERN_CHECK(state_->run != nullptr);
  return state_->run();
}

Argument& Argument::Required() {
  owner_->state_->options[index_]->required();
  owner_->state_->infos[index_].required = true;
  owner_->state_->infos[index_].default_value.clear();
  return *this;
}

Argument& Argument::Choices(const std::vector<std::string_view>& choices) {
  std::vector<std::string> owned(choices.begin(), choices.end());
  owner_->state_->infos[index_].choices = owned;
  owner_->AddCheck(index_, [owned](const std::string& value) -> std::string {
    if (std::find(owned.begin(), owned.end(), value) != owned.end()) return "";
    std::string list;
    for (const std::string& choice : owned) list += (list.empty() ? "" : ", ") + choice;
    return fmt::format("'{}', expected one of {}", value, list);
  });
  return *this;
}
Argument& Argument::Choices(std::initializer_list<std::string_view> choices) {
  return Choices(std::vector<std::string_view>(choices));
}

Argument& Argument::Range(double low, double high) {
  owner_->AddCheck(index_, [low, high](const std::string& value) -> std::string {
    double number = 0;
    if (Store(value, &number).empty() && number >= low && number <= high) return "";
    return fmt::format("{}, expected a number from {} to {}", value, low, high);
  });
  return *this;
}

Argument& Argument::ExistingFile() {
  owner_->state_->infos[index_].value_name = "FILE";
  owner_->AddCheck(index_, [](const std::string& path) -> std::string {
    if (access(path.c_str(), R_OK) == 0) return "";
    return fmt::format("'{}', expected a file that can be read", path);
  });
  return *this;
}

Argument& Argument::ValueName(std::string_view name) {
  owner_->state_->infos[index_].value_name = name;
  return *this;
}

Argument& Argument::Default(std::string_view text) {
  owner_->state_->infos[index_].default_value = text;
  return *this;
}

Argument& Argument::KeepsCommas() {
  owner_->state_->options[index_]->delimiter('\0');
  return *this;
}

Argument& Argument::Excludes(std::string_view other) {
  owner_->state_->options[index_]->excludes(std::string(other));
  return *this;
}

}  // namespace tern
