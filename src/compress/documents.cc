#include "compress/documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <span>

#include "base/file.h"
#include "base/hash128.h"
#include "compress/text_files.h"

namespace tern {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostFileBytes = size_t{1} << 30, kMostFolderFileBytes = size_t{1} << 20;
constexpr size_t kMostFolderBytes = size_t{256} << 20;
constexpr double kForeignLetters = 0.01;

constexpr auto kCodeSuffixes = std::to_array<std::string_view>(
    {"awk",  "bash", "c",   "cc",    "cfg",  "clj", "cmake",  "cpp",  "cs",   "css",   "cxx",
     "d",    "el",   "erl", "ex",    "f90",  "go",  "gradle", "h",    "hh",   "hpp",   "hs",
     "html", "inc",  "ini", "ipynb", "java", "jl",  "js",     "json", "jsx",  "kt",    "lisp",
     "lua",  "m",    "m4",  "mjs",   "ml",   "nim", "php",    "pl",   "pm",   "proto", "ps1",
     "py",   "pyi",  "r",   "rb",    "rs",   "s",   "scala",  "scm",  "sh",   "sql",   "swift",
     "tcl",  "toml", "ts",  "tsx",   "v",    "vhd", "vim",    "xml",  "yaml", "yml",   "zig"});

std::string_view WithoutGz(std::string_view path) {
  return path.ends_with(".gz") ? path.substr(0, path.size() - 3) : path;
}

bool HasCodeSuffix(std::string_view path) {
  path = WithoutGz(path);
  const size_t dot = path.find_last_of("./");
  if (dot == path.npos || path[dot] != '.') return false;
  std::string suffix(path.substr(dot + 1));
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::binary_search(kCodeSuffixes.begin(), kCodeSuffixes.end(), std::string_view(suffix));
}

// /usr/share/man/de/man1/ls.1.gz, /usr/share/locale/de/LC_MESSAGES/tar.mo
bool NamesLanguage(std::string_view path) {
  constexpr std::string_view kMan = "/usr/share/man/";
  if (path.starts_with("/usr/share/locale/")) return true;
  return path.starts_with(kMan) && !path.substr(kMan.size()).starts_with("man");
}

// Letters outside ASCII, not the quotes, dashes and arrows that English prose has, too.
double ForeignLetters(std::string_view text) {
  size_t ascii = 0, foreign = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    ascii += (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
    // The leads of U+2000 to U+2BFF are E2 80 to E2 AF; C2 leads Latin-1's signs; F0 mostly emoji.
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : '\0');
    foreign += byte >= 0xc3 && byte < 0xf0 && !(byte == 0xe2 && next < 0xb0);
  }
  return static_cast<double>(foreign) / static_cast<double>(std::max<size_t>(ascii + foreign, 1));
}

// Where the piece that begins at `from` ends: behind the last empty line before from + bytes, else behind the
// last line, else there.
size_t PieceEnd(std::string_view text, size_t from, size_t bytes) {
  if (text.size() - from <= bytes + bytes / 2) return text.size();
  const std::string_view piece = text.substr(from, bytes);
  for (const std::string_view border : {"\n\n", "\n"}) {
    const size_t at = piece.rfind(border);
    if (at != piece.npos && at > bytes / 2) return from + at + border.size();
  }
  size_t end = from + bytes;
  while (end > from + 1 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return end;
}

struct LocalSource {
  std::string_view folder;  // with a * behind it: all that begin so
  Domain domain;
  bool (*takes)(std::string_view path);
};

bool IsReadme(std::string_view path) {
  const std::string_view name = WithoutGz(path.substr(path.rfind('/') + 1));
  return name.starts_with("README") || name.ends_with(".txt") || name.ends_with(".md") ||
         name.ends_with(".rst");
}
bool IsAnything(std::string_view) { return true; }
bool IsManual(std::string_view path) {
  return path.substr(std::string_view("/usr/share/man/").size()).starts_with("man") && path.ends_with(".gz");
}
bool IsForeignManual(std::string_view path) { return !IsManual(path) && path.ends_with(".gz"); }
bool IsCatalogue(std::string_view path) { return path.ends_with(".mo"); }
bool IsHeader(std::string_view path) { return path.ends_with(".h") || path.ends_with(".hpp"); }
bool IsPython(std::string_view path) { return path.ends_with(".py"); }

constexpr LocalSource kLocalSources[] = {
    {"/usr/share/doc", Domain::kProse, IsReadme},
    {"/usr/share/common-licenses", Domain::kProse, IsAnything},
    {"/usr/share/man", Domain::kProse, IsManual},
    {"/usr/include", Domain::kCode, IsHeader},
    {"/usr/lib/python3*", Domain::kCode, IsPython},
    {"/usr/share/man", Domain::kMultilingual, IsForeignManual},
    {"/usr/share/locale", Domain::kMultilingual, IsCatalogue},
};

constexpr size_t kLeastDocumentBytes = 1500, kMostDocumentBytes = 12000;

uint64_t HashOf(std::string_view text) { return HashBytes(std::as_bytes(std::span(text))).low; }

std::vector<std::string> PathsOf(const LocalSource& source) {
  std::vector<std::string> paths;
  const std::string_view folder = source.folder.substr(0, source.folder.find('*'));
  if (folder.size() == source.folder.size()) {
    paths = FilesBelow(std::string(folder));
  } else {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(fs::path(folder).parent_path(), error)) {
      if (!entry.path().string().starts_with(folder)) continue;
      for (std::string& path : FilesBelow(entry.path().string())) paths.push_back(std::move(path));
    }
  }
  std::erase_if(paths, [&](const std::string& path) { return !source.takes(path); });
  return paths;
}

// Fills one share of a domain, in the order of the hashes of the paths.
void TakeLocal(const LocalSource& source, size_t bytes, std::vector<Document>* documents) {
  std::vector<std::string> paths = PathsOf(source);
  std::sort(paths.begin(), paths.end(),
            [](const std::string& a, const std::string& b) { return HashOf(a) < HashOf(b); });
  size_t taken = 0;
  for (const std::string& path : paths) {
    if (taken >= bytes) return;
    auto text = ReadTextFile(path, kMostFolderFileBytes);
    if (!text.ok() || text.value().size() < kLeastDocumentBytes) continue;
    if (DomainOf(path, text.value()) != source.domain) continue;
    std::string part = text.value().substr(0, PieceEnd(text.value(), 0, kMostDocumentBytes));
    taken += part.size();
    documents->push_back({path, source.domain, std::move(part)});
  }
}

}  // namespace

std::string_view DomainName(Domain domain) {
  constexpr std::string_view kNames[kDomains] = {"prose", "code", "multilingual", "generated"};
  return kNames[static_cast<size_t>(domain)];
}

Domain DomainOf(std::string_view path, std::string_view text) {
  if (HasCodeSuffix(path) || text.starts_with("#!")) return Domain::kCode;
  return NamesLanguage(path) || ForeignLetters(text) > kForeignLetters ? Domain::kMultilingual
                                                                       : Domain::kProse;
}

Result<std::vector<Document>> ReadDocuments(const std::string& path) {
  std::error_code none;
  std::vector<Document> documents;
  if (!fs::is_directory(path, none)) {
    TERN_TRY(std::string text, ReadFile(path, kMostFileBytes));
    const Domain domain = DomainOf(path, text);
    documents.push_back({path, domain, std::move(text)});
    return documents;
  }
  size_t bytes = 0;
  for (const std::string& file : FilesBelow(path)) {
    auto text = ReadTextFile(file, kMostFolderFileBytes);
    if (!text.ok() || text.value().empty()) continue;
    bytes += text.value().size();
    if (bytes > kMostFolderBytes) break;
    const Domain domain = DomainOf(file, text.value());
    documents.push_back({file, domain, std::move(text).value()});
  }
  if (documents.empty()) return BadInput(path + ": a folder without text files, expected at least one");
  OrderDocuments(&documents);
  return documents;
}

std::vector<Document> LocalDocuments(size_t domain_bytes) {
  std::vector<Document> documents;
  for (const LocalSource& source : kLocalSources) {
    const auto of_domain = static_cast<size_t>(
        std::count_if(std::begin(kLocalSources), std::end(kLocalSources),
                      [&](const LocalSource& other) { return other.domain == source.domain; }));
    TakeLocal(source, domain_bytes / of_domain, &documents);
  }
  OrderDocuments(&documents);
  return documents;
}

std::vector<Document> CutDocuments(const std::vector<Document>& documents, size_t bytes) {
  std::vector<Document> pieces;
  for (const Document& document : documents) {
    const std::string_view text = document.text;
    for (size_t from = 0; from < text.size();) {
      const size_t end = PieceEnd(text, from, bytes);
      pieces.push_back({fmt::format("{} at {}", document.name, from), document.domain,
                        std::string(text.substr(from, end - from))});
      from = end;
    }
  }
  return pieces;
}

uint64_t DocumentHash(const Document& document) { return HashOf(document.text); }

void OrderDocuments(std::vector<Document>* documents) {
  std::vector<std::pair<uint64_t, size_t>> order;
  for (size_t i = 0; i < documents->size(); ++i) order.emplace_back(DocumentHash((*documents)[i]), i);
  std::sort(order.begin(), order.end());
  std::vector<Document> sorted;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || order[i].first != order[i - 1].first)
      sorted.push_back(std::move((*documents)[order[i].second]));
  }
  *documents = std::move(sorted);
}

}  // namespace tern
