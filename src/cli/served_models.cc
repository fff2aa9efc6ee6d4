#include "cli/served_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>

#include "base/closest_word.h"
#include "base/duration_text.h"
#include "engine/runner.h"
#include "io/hf_folder.h"
#include "server/server_context.h"

namespace tern {
namespace {

namespace fs = std::filesystem;

// Reads a member of a table; "": all is well, else what was expected.
using Reader = std::function<std::string(const ConfigEntry&)>;
struct Field {
  std::string_view name;
  Reader read;
};

Error Wrong(const ConfigEntry& entry, const std::string& what) {
  return BadInput(fmt::format("{}: {}: {}", entry.where, entry.name, what));
}

Status ReadTable(const ConfigTable& table, const std::vector<Field>& fields) {
  for (const ConfigEntry& entry : table.entries) {
    const auto field = std::ranges::find(fields, entry.name, &Field::name);
    if (field == fields.end()) {
      std::vector<std::string_view> names;
      for (const Field& known : fields) names.push_back(known.name);
      const std::string_view closest = ClosestWord(entry.name, names);
      return Wrong(
          entry, "not expected here" + (closest.empty() ? "" : fmt::format("; did you mean '{}'?", closest)));
    }
    if (const std::string expected = field->read(entry); !expected.empty()) {
      return Wrong(entry, "expected " + expected);
    }
  }
  return {};
}

bool IsValue(const ConfigEntry& entry) {
  return entry.kind == ConfigEntry::Kind::kValue && entry.values.size() == 1;
}

Reader Text(std::string* into) {
  return [into](const ConfigEntry& entry) -> std::string {
    if (!IsValue(entry) || entry.values[0].empty()) return "a text";
    *into = entry.values[0];
    return "";
  };
}

template <class Number, class Into>
Reader NumberFrom(Number low, Number high, Into* into) {
  return [=](const ConfigEntry& entry) -> std::string {
    Number number{};
    const std::string text = IsValue(entry) ? entry.values[0] : "";
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool fits = !text.empty() && error == std::errc() && end == text.data() + text.size() &&
                      number >= low && number <= high;
    if (!fits) return fmt::format("a number from {} to {}", low, high);
    *into = number;
    return "";
  };
}

// Out of the names that `parse` takes.
template <class Parse>
Reader Name(Parse parse, std::string_view expected, std::optional<std::string>* into) {
  return [=](const ConfigEntry& entry) -> std::string {
    if (!IsValue(entry) || !parse(entry.values[0])) return std::string(expected);
    *into = entry.values[0];
    return "";
  };
}

std::string ReadPin(const ConfigEntry& entry, bool* into) {
  if (entry.kind != ConfigEntry::Kind::kBool) return "true or false";
  *into = entry.is_true;
  return "";
}

std::string ReadNames(const ConfigEntry& entry, std::vector<std::string>* into) {
  const bool fits = entry.kind == ConfigEntry::Kind::kList || IsValue(entry);
  if (!fits) return "a list of texts";
  *into = entry.values;
  return "";
}

std::string ReadTime(const ConfigEntry& entry, std::optional<double>* into) {
  if (IsValue(entry)) *into = ParseDuration(entry.values[0]);
  return *into ? "" : "a time as 10m or 90s, or seconds";
}

Result<CanaryTarget> ReadTarget(const ConfigTable& table) {
  CanaryTarget target;
  TERN_TRY_STATUS(ReadTable(
      table, {{"model", Text(&target.model)}, {"percent", NumberFrom(0.0, 100.0, &target.percent)}}));
  if (target.model.empty()) return BadInput(table.where + ": model: missing");
  return target;
}

Result<Canary> ReadAlias(const ConfigTable& table) {
  std::string name;
  std::vector<CanaryTarget> targets;
  CanaryLimits limits;
  Status inside;
  const auto read_targets = [&](const ConfigEntry& entry) -> std::string {
    if (IsValue(entry)) targets.push_back({entry.values[0], 100});
    for (const ConfigTable& each : entry.tables) {
      auto target = ReadTarget(each);
      if (!target.ok() && inside.ok()) inside = target.error();
      if (target.ok()) targets.push_back(target.value());
    }
    return targets.empty() && inside.ok() ? "a model's name, or tables as {model = \"a\", percent = 95}" : "";
  };
  TERN_TRY_STATUS(ReadTable(table, {{"name", Text(&name)},
                                    {"to", read_targets},
                                    {"least", NumberFrom<size_t>(1, 200, &limits.least)},
                                    {"error-margin", NumberFrom(0.0, 1.0, &limits.error_margin)},
                                    {"slower", NumberFrom(1.0, 1e6, &limits.slower)}}));
  TERN_TRY_STATUS(inside);
  if (name.empty()) return BadInput(table.where + ": name: missing");
  auto canary = Canary::Make(name, targets, limits);
  if (!canary.ok()) return BadInput(table.where + ": " + canary.error().what);
  return canary;
}

Result<ServedEntry> ReadEntry(const ConfigTable& table) {
  ServedEntry entry;
  TERN_TRY_STATUS(ReadTable(
      table, {{"path", Text(&entry.ref)},
              {"name", Text(&entry.name)},
              {"aliases", [&](const ConfigEntry& e) { return ReadNames(e, &entry.aliases); }},
              {"pin", [&](const ConfigEntry& e) { return ReadPin(e, &entry.pinned); }},
              {"idle-unload", [&](const ConfigEntry& e) { return ReadTime(e, &entry.idle_unload_s); }},
              {"context", NumberFrom(0, 1 << 30, &entry.context)},
              {"parallel", NumberFrom(1, 1024, &entry.parallel)},
              {"kv-tokens", NumberFrom(0, 1 << 30, &entry.kv_tokens)},
              {"precision", Name([](const std::string& n) { return ParsePrecision(n).ok(); },
                                 "fast, default, precise or exact", &entry.precision)},
              {"kv-type", Name([](const std::string& n) { return n == "auto" || ParseKvType(n).ok(); },
                               "auto, f32, f16, bf16, int8 or int16", &entry.kv_type)}}));
  if (entry.ref.empty()) return BadInput(table.where + ": path: missing");
  if (entry.name.empty()) entry.name = ServedModel::IdOf(entry.ref);
  return entry;
}

// Parts but the first are not models of their own.
bool IsModelFile(const fs::path& path) {
  if (path.extension() != ".gguf") return false;
  const std::string stem = path.stem().string();
  const size_t of = stem.rfind("-of-");
  const bool is_part = of != stem.npos && of >= 6 && stem.size() == of + 9 && stem[of - 6] == '-';
  return !is_part || stem.compare(of - 6, 6, "-00001") == 0;
}

}  // namespace

std::vector<ServedEntry> EntriesOf(const std::vector<std::string>& refs) {
  std::vector<ServedEntry> entries;
  for (const std::string& ref : refs) {
    const std::string id = ServedModel::IdOf(ref);
    entries.push_back({.ref = ref, .name = id});
    if (ref != id) entries.back().aliases = {ref};
  }
  return entries;
}

Result<std::vector<ServedEntry>> EntriesIn(const std::string& folder) {
  std::error_code error;
  std::vector<ServedEntry> entries;
  for (const auto& file : fs::directory_iterator(folder, error)) {
    const std::string path = file.path().string();
    if (IsModelFile(file.path()) || HfFolder::Looks(path)) {
      entries.push_back({.ref = path, .name = ServedModel::IdOf(path)});
    }
  }
  if (error) return Error{Code::kNotFound, fmt::format("--models-dir {}: {}", folder, error.message())};
  if (entries.empty()) {
    return Error{Code::kNotFound,
                 fmt::format("--models-dir {}: holds no GGUF file and no checkpoint folder", folder)};
  }
  std::ranges::sort(entries, {}, &ServedEntry::name);
  return entries;
}

Result<std::vector<ServedEntry>> EntriesOf(const std::vector<ConfigTable>& tables) {
  std::vector<ServedEntry> entries;
  for (const ConfigTable& table : tables) {
    TERN_TRY(ServedEntry entry, ReadEntry(table));
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<std::vector<Canary>> AliasesOf(const std::vector<ConfigTable>& tables) {
  std::vector<Canary> aliases;
  for (const ConfigTable& table : tables) {
    TERN_TRY(Canary alias, ReadAlias(table));
    aliases.push_back(std::move(alias));
  }
  return aliases;
}

}  // namespace tern
