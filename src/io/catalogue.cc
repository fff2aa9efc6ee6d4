#include "io/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "io/files.h"

namespace tern {
namespace {

constexpr std::string_view kBuiltIn =
#include "catalogue_text.inc"
    ;

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return text;
}

Status SetField(CatalogueEntry& entry, std::string_view key, std::string_view value) {
  std::string* const texts[] = {&entry.summary, &entry.licence, &entry.file, &entry.sha256};
  constexpr std::string_view kTexts[] = {"summary", "licence", "file", "sha256"};
  if (value.empty()) return BadInput(fmt::format("{}: empty", key));
  for (size_t i = 0; i < std::size(texts); ++i) {
    if (key != kTexts[i]) continue;
    if (!texts[i]->empty()) return BadInput(fmt::format("{}: given twice", key));
    *texts[i] = value;
    return {};
  }
  if (key == "source") {
    entry.sources.emplace_back(value);
    return {};
  }
  if (key != "bytes") return BadInput(fmt::format("{}: no such field", key));
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), entry.bytes);
  if (error != std::errc() || end != value.data() + value.size()) {
    return BadInput(fmt::format("bytes: '{}', expected a whole number", value));
  }
  return {};
}

Status CheckEntry(const CatalogueEntry& entry) {
  const auto missing = [](std::string_view key) { return BadInput(fmt::format("{}: missing", key)); };
  if (entry.summary.empty()) return missing("summary");
  if (entry.licence.empty()) return missing("licence");
  if (entry.bytes == 0) return missing("bytes");
  if (entry.sources.empty()) return missing("source");
  if (!IsHex(entry.sha256, 64)) return BadInput("sha256: expected 64 digits 0-9a-f");
  if (!IsSafeRelativePath(entry.file) || entry.file.find('/') != std::string::npos) {
    return BadInput("file: expected the name of a file");
  }
  return {};
}

// Names are typed, and name a folder of the store.
bool IsGoodName(std::string_view name) {
  return !name.empty() && name.size() <= 100 && name.front() != '-' && name.front() != '.' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._") == std::string_view::npos;
}

}  // namespace

Result<Catalogue> ParseCatalogue(std::string_view text, std::string_view origin) {
  Catalogue catalogue;
  int number = 0;
  const auto failed = [&](std::string_view what) {
    const std::string entry = catalogue.empty() ? "" : fmt::format("[{}] ", catalogue.back().name);
    return BadInput(fmt::format("{}:{}: {}{}", origin, number, entry, what));
  };
  while (!text.empty()) {
    ++number;
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '[') {
      if (!catalogue.empty()) {
        if (Status status = CheckEntry(catalogue.back()); !status.ok()) return failed(status.error().what);
      }
      const std::string_view name = line.substr(1, line.size() - 1 - (line.back() == ']'));
      if (!IsGoodName(name)) return failed("a name has only a-z, 0-9, '-', '.' and '_'");
      if (FindEntry(catalogue, name) != nullptr) return failed(fmt::format("{}: a second entry", name));
      catalogue.push_back({.name = std::string(name)});
      continue;
    }
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos || catalogue.empty())
      return failed("expected [name] or key = value");
    const Status status =
        SetField(catalogue.back(), Trimmed(line.substr(0, equals)), Trimmed(line.substr(equals + 1)));
    if (!status.ok()) return failed(status.error().what);
  }
  if (catalogue.empty()) return catalogue;
  if (Status status = CheckEntry(catalogue.back()); !status.ok()) return failed(status.error().what);
  return catalogue;
}

const Catalogue& BuiltInCatalogue() {
  static const Catalogue kCatalogue = [] {
    Result<Catalogue> parsed = ParseCatalogue(kBuiltIn, "catalogue.txt");
    TERN_CHECK(parsed.ok());
    return std::move(parsed).value();
  }();
  return kCatalogue;
}

Catalogue Merged(Catalogue more, const Catalogue& base) {
  const size_t own = more.size();
  for (const CatalogueEntry& entry : base) {
    const auto same = [&](const CatalogueEntry& other) { return other.name == entry.name; };
    if (std::none_of(more.begin(), more.begin() + own, same)) more.push_back(entry);
  }
  return more;
}

const CatalogueEntry* FindEntry(const Catalogue& catalogue, std::string_view name) {
  for (const CatalogueEntry& entry : catalogue) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace tern
