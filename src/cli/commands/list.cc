#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/model_store_options.h"
#include "cli/terminal.h"

namespace tern {
namespace {

namespace json = boost::json;

struct Options {
  bool json = false, available = false;
};

std::string Padded(const std::string& text, size_t columns) {
  return text + std::string(columns - std::min(columns, Columns(text)), ' ');
}

// Left-aligned columns, as wide as what is in them; the last one is not padded.
void PrintTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(rows[0].size(), 0);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Columns(row[i]));
  }
  for (size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (size_t i = 0; i + 1 < rows[r].size(); ++i) line += Padded(rows[r][i], widths[i] + 2);
    line += rows[r].back();
    fmt::print("{}\n", r == 0 ? Styled(1, Style::kDim, line) : line);
  }
}

// "pypi:package==version" without the path inside the wheel: that is for programs.
std::string ShortSource(const std::string& source) {
  return Printable(source.starts_with("pypi:") ? source.substr(0, source.find('/')) : source);
}

// What can be pulled by name, here or not.
void PrintAvailable(const StoreOptions& store, bool as_json) {
  json::array array;
  std::vector<std::vector<std::string>> rows = {{"NAME", "SIZE", "LICENCE", "WHAT"}};
  for (const CatalogueEntry& entry : store.catalogue) {
    const std::string licence = entry.licence.substr(0, entry.licence.find(','));
    rows.push_back({entry.name, HumanBytes(entry.bytes), licence, entry.summary});
    array.push_back({{"name", entry.name},
                     {"bytes", entry.bytes},
                     {"licence", entry.licence},
                     {"summary", entry.summary},
                     {"sha256", entry.sha256},
                     {"sources", json::array(entry.sources.begin(), entry.sources.end())}});
  }
  if (as_json) fmt::print("{}\n", json::serialize(array));
  if (!as_json) PrintTable(rows);
}

void PrintPulled(const StoreOptions& store, bool as_json) {
  json::array array;
  std::vector<std::vector<std::string>> rows = {{"NAME", "SIZE", "SOURCE", "PATH"}};
  for (const ModelFiles& model : ListModels(store)) {
    rows.push_back(
        {Printable(model.name), HumanBytes(model.bytes), ShortSource(model.source), Printable(model.path)});
    array.push_back(
        {{"name", model.name}, {"bytes", model.bytes}, {"source", model.source}, {"path", model.path}});
  }
  if (as_json) {
    fmt::print("{}\n", json::serialize(array));
  } else if (rows.size() == 1) {
    fmt::print("No model was pulled yet. tern list --available shows what there is.\n");
  } else {
    PrintTable(rows);
  }
}

void Setup(Arguments& args) {
  auto options = std::make_shared<Options>();
  args.Flag("--available", &options->available, "the catalogue instead: what tern pull knows by name");
  args.Flag("--json", &options->json, "print one JSON array");
  args.Run([options]() -> Status {
    TERN_TRY(const StoreOptions store, StoreOptionsFromEnvironment());
    options->available ? PrintAvailable(store, options->json) : PrintPulled(store, options->json);
    return {};
  });
}

}  // namespace

extern const CommandDesc k_command_list;
const CommandDesc k_command_list = {
    .name = "list",
    .summary = "show the models that were pulled, or can be",
    .example = "tern list\ntern list --available",
    .setup = Setup,
};

}  // namespace tern
