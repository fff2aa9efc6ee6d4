#include "cli/config_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/file.h"

// No exceptions, nothing that writes: it compiles in half the time.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#include <toml++/toml.h>

namespace tern {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;

std::string Where(const std::string& path, const toml::source_region& region) {
  return fmt::format("{}:{}:{}", path, region.begin.line, region.begin.column);
}

// A text or a number as on the command line; nothing: something else.
std::optional<std::string> TextOf(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  return std::nullopt;
}

constexpr int kMostDepth = 2;  // of tables in tables

Result<std::vector<ConfigEntry>> ReadTable(const std::string& path, const toml::table& table, int depth);

// A list of tables, or of texts and numbers.
Status ReadList(const std::string& path, const toml::array& list, int depth, ConfigEntry* entry) {
  const bool is_tables = !list.empty() && list.front().is_table() && depth < kMostDepth;
  entry->kind = is_tables ? ConfigEntry::Kind::kTables : ConfigEntry::Kind::kList;
  for (const toml::node& item : list) {
    const std::string where = Where(path, item.source());
    if (is_tables && item.is_table()) {
      TERN_TRY(std::vector<ConfigEntry> entries, ReadTable(path, *item.as_table(), depth + 1));
      entry->tables.push_back({where, std::move(entries)});
      continue;
    }
    auto text = TextOf(item);
    if (!text || is_tables) {
      return BadInput(
          fmt::format("{}: {}: expected {}", where, entry->name, is_tables ? "tables" : "texts or numbers"));
    }
    entry->values.push_back(std::move(*text));
  }
  return {};
}

Result<ConfigEntry> ReadEntry(const std::string& path, const toml::key& key, const toml::node& node,
                              int depth) {
  const std::string_view name = key.str();
  ConfigEntry entry{.name = std::string(name), .where = Where(path, key.source())};
  if (const auto* flag = node.as_boolean()) {
    entry.kind = ConfigEntry::Kind::kBool;
    entry.is_true = flag->get();
    return entry;
  }
  if (const auto* list = node.as_array()) {
    TERN_TRY_STATUS(ReadList(path, *list, depth, &entry));
    return entry;
  }
  auto text = TextOf(node);
  if (!text) {
    return BadInput(
        fmt::format("{}: {}: expected a text, a number, true, false, or a list", entry.where, name));
  }
  entry.values.push_back(std::move(*text));
  return entry;
}

// In the order of the file.
Result<std::vector<ConfigEntry>> ReadTable(const std::string& path, const toml::table& table, int depth) {
  std::vector<std::pair<const toml::key*, const toml::node*>> in_order;
  for (const auto& [key, node] : table) in_order.emplace_back(&key, &node);
  const auto begin = [](const auto& entry) { return entry.first->source().begin; };
  std::ranges::sort(in_order, [&](const auto& a, const auto& b) { return begin(a) < begin(b); });
  std::vector<ConfigEntry> entries;
  for (const auto& [key, node] : in_order) {
    TERN_TRY(ConfigEntry entry, ReadEntry(path, *key, *node, depth));
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

Result<std::vector<ConfigEntry>> ReadConfigFile(const std::string& path) {
  TERN_TRY(const std::string text, ReadFile(path, kMaxBytes));
  const toml::parse_result parsed = toml::parse(std::string_view(text), std::string_view(path));
  if (!parsed) {
    return BadInput(
        fmt::format("{}: {}", Where(path, parsed.error().source()), parsed.error().description()));
  }
  return ReadTable(path, parsed.table(), 0);
}

}  // namespace tern
