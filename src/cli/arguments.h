#pragma once
// Arguments: what a command accepts, and what it does with it.
//
//   void Setup(Arguments& args) {
//     struct Options { std::string model; int threads = 0; bool json = false; };
//     auto o = std::make_shared<Options>();
//     args.Option("MODEL", &o->model, "what to run").Required();
//     args.Option("-t,--threads", &o->threads, "threads; 0: one per core").Range(0, 1024);
//     args.Flag("--json", &o->json, "print JSON");
//     args.Run([o]() -> Status { ... });
//   }
//
// Names as on the command line: "-t,--threads" is an option with a value, "MODEL" a positional argument. The
// value that a variable holds at Setup is its default and is shown in the help. The parser behind it (CLI11)
// costs seconds to compile, so it stays in arguments.cc. Single thread.

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/config_file.h"

namespace tern {

// One argument, as help and completion see it.
struct ArgumentInfo {
  std::string names;  // "-t,--threads" or "MODEL"
  std::string help;
  std::string value_name;     // "N", "TEXT", ...; empty for flags
  std::string default_value;  // empty: none worth showing
  std::string section;        // the heading it stands under; empty: "Options"
  std::vector<std::string> choices;
  bool positional = false, required = false, repeats = false;
};

class Arguments;

// A chain of refinements of the argument that was just declared.
class Argument {
 public:
  Argument& Required();
  Argument& Choices(std::initializer_list<std::string_view> choices);
  Argument& Choices(const std::vector<std::string_view>& choices);
  Argument& Range(double low, double high);    // numbers, both ends included
  Argument& ExistingFile();                    // the path of a file that can be read
  Argument& ValueName(std::string_view name);  // in help: --out FILE
  Argument& Default(std::string_view text);    // what help says instead of the variable's value; "": nothing
  Argument& KeepsCommas();                     // of a list: repeated only, commas belong to the values
  Argument& Excludes(std::string_view other);  // not together with the option `other`, declared before

 private:
  friend class Arguments;
  Argument(Arguments* owner, size_t index) : owner_(owner), index_(index) {}
  Arguments* owner_;
  size_t index_;
};

// The names of a table of descriptors, as choices.
template <class Descriptors>
std::vector<std::string_view> NamesOf(const Descriptors& descriptors) {
  std::vector<std::string_view> names;
  for (const auto* descriptor : descriptors) names.push_back(descriptor->name);
  return names;
}

class Arguments {
 public:
  Arguments();
  ~Arguments();
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  // T: std::string, bool is Flag, int, int64_t, uint32_t, uint64_t, float, double, std::optional of these, or
  // std::vector of std::string, int, int64_t, double (repeated, or one value split at commas).
  template <class T>
  Argument Option(std::string_view names, T* into, std::string_view help);
  // What is declared from here on stands under this heading in the help; "": under "Options".
  void Section(std::string_view title);
  Argument Flag(std::string_view names, bool* into, std::string_view help);
  // An option that names a file of options (cli/config_file.h), under their long names without the dashes,
  // positional arguments in lower case. What is on the command line wins over the file.
  Argument ConfigFile(std::string_view names, std::string_view help);
  // Tables that such a file may have under this name, [[name]]; what is in them is for the command to check.
  void ConfigTables(std::string_view name, std::vector<ConfigTable>* into);

  // What cannot be said of one argument alone ("--tokens or --tokens-file is needed"): runs after parsing,
  // and an error is wrong usage (exit code 2).
  void Check(std::function<Status()> check);
  // What the command does. An error is printed as "tern: <message>" and exits with 1, or with 130 if its code
  // is kCancelled (and is silent if its message is empty).
  void Run(std::function<Status()> run);

  const std::vector<ArgumentInfo>& infos() const;

  // Parses the words after the command's name.
  enum class Parsed { kRun, kHelp };
  Result<Parsed> Parse(const std::vector<std::string>& words);
  Status RunParsed();

 private:
  friend class Argument;
  struct State;
  void AddCheck(size_t index, std::function<std::string(const std::string&)> check);
  Result<Parsed> ParseWords(const std::vector<std::string>& words, bool is_all);
  Result<std::vector<std::string>> ConfigWords() const;
  std::unique_ptr<State> state_;
};

}  // namespace tern
