#include "compress/text_files.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>

#include "base/utf8.h"

namespace tern {
namespace {

namespace fs = std::filesystem;

struct CloseGz {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

// zlib hands plain files through as they are.
Result<std::string> ReadUnpacked(const std::string& path, size_t max_bytes) {
  const std::unique_ptr<gzFile_s, CloseGz> file(gzopen(path.c_str(), "rb"));
  if (file == nullptr) return IoError(path + ": cannot be opened");
  std::string text(max_bytes, '\0');
  const int got = gzread(file.get(), text.data(), static_cast<unsigned>(max_bytes));
  if (got < 0) return BadInput(path + ": damaged, expected gzip");
  text.resize(static_cast<size_t>(got));
  return text;
}

// A text that was cut to size may end within a character.
void DropBrokenEnd(std::string* text) {
  for (int i = 0; i < 4 && !text->empty() && !IsUtf8(*text); ++i) text->pop_back();
}

bool IsManualPage(std::string_view path) {
  const size_t folder = path.rfind('/');
  if (folder == path.npos || folder < 5) return false;
  return path.substr(0, folder).rfind("/man") == folder - 5;
}

// One line of running text: escapes for fonts, dashes and spaces become what they print, others go.
void AppendRoffLine(std::string_view line, std::string* text) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\' || i + 1 == line.size()) {
      *text += line[i];
      continue;
    }
    const char escape = line[++i];
    if (escape == 'f' || escape == 's') {
      ++i;
      if (i < line.size() && line[i] == '[') i = std::min(line.find(']', i), line.size());
    } else if (escape == '(') {
      const std::string_view name = line.substr(i + 1, 2);
      *text += name == "aq" || name == "cq" || name == "oq" ? "'" : name == "lq" || name == "rq" ? "\"" : "-";
      i += 2;
    } else if (escape == '"') {
      break;
    } else if (escape == '-' || escape == 'e' || escape == ' ' || escape == '~') {
      *text += escape == '-' ? '-' : escape == 'e' ? '\\' : ' ';
    }
  }
}

// Macros that set their words in a font or as a heading; others print nothing that is a sentence.
bool PrintsItsWords(std::string_view macro) {
  for (const std::string_view name : {"B", "I", "BR", "BI", "IR", "RB", "RI", "IB", "SH", "SS", "SM"}) {
    if (macro == name) return true;
  }
  return false;
}

class CatalogueReader {
 public:
  explicit CatalogueReader(std::string_view bytes) : bytes_(bytes) {}
  bool Word(size_t at, uint32_t* word) const {
    if (at > bytes_.size() || bytes_.size() - at < sizeof *word) return false;
    std::memcpy(word, bytes_.data() + at, sizeof *word);
    return true;
  }
  bool String(size_t entry, std::string_view* string) const {
    uint32_t length = 0, offset = 0;
    if (!Word(entry, &length) || !Word(entry + 4, &offset)) return false;
    if (offset > bytes_.size() || bytes_.size() - offset < length) return false;
    *string = bytes_.substr(offset, length);
    return true;
  }

 private:
  std::string_view bytes_;
};

}  // namespace

std::vector<std::string> FilesBelow(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, error), end;
  for (; !error && at != end; at.increment(error)) {
    std::error_code failed;
    const bool hidden = at->path().filename().string().starts_with('.');
    if (hidden && at->is_directory(failed)) at.disable_recursion_pending();
    if (!hidden && !at->is_symlink(failed) && at->is_regular_file(failed))
      files.push_back(at->path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::string> ReadTextFile(const std::string& path, size_t max_bytes) {
  TERN_TRY(std::string text, ReadUnpacked(path, max_bytes));
  if (path.ends_with(".mo")) {
    TERN_TRY(text, TextOfCatalogue(text));
  } else if (IsManualPage(path)) {
    text = TextOfRoff(text);
  }
  DropBrokenEnd(&text);
  if (text.find('\0') != text.npos || !IsUtf8(text)) return BadInput(path + ": expected UTF-8 text");
  return text;
}

std::string TextOfRoff(std::string_view source) {
  std::string text;
  while (!source.empty()) {
    std::string_view line = source.substr(0, source.find('\n'));
    source.remove_prefix(std::min(line.size() + 1, source.size()));
    if (line.starts_with('.') || line.starts_with('\'')) {
      const std::string_view macro = line.substr(1, line.find(' ') - 1);
      if (macro == "PP" || macro == "P" || macro == "TP" || macro == "IP") text += '\n';
      if (!PrintsItsWords(macro)) continue;
      line.remove_prefix(std::min(macro.size() + 2, line.size()));
      if (macro == "SH" || macro == "SS") text += '\n';
    }
    AppendRoffLine(line, &text);
    text += '\n';
  }
  return text;
}

Result<std::string> TextOfCatalogue(std::string_view bytes) {
  constexpr uint32_t kMagic = 0x950412de;
  constexpr int kLeastSpaces = 4;
  const CatalogueReader reader(bytes);
  uint32_t magic = 0, count = 0, table = 0;
  if (!reader.Word(0, &magic) || magic != kMagic || !reader.Word(8, &count) || !reader.Word(16, &table)) {
    return BadInput(fmt::format("catalogue: begins with {:08x}, expected {:08x}", magic, kMagic));
  }
  std::string text;
  for (uint32_t i = 1; i < count; ++i) {  // string 0 describes the file
    std::string_view string;
    if (!reader.String(table + size_t{8} * i, &string)) break;
    string = string.substr(0, string.find('\0'));  // plural forms follow
    if (std::count(string.begin(), string.end(), ' ') >= kLeastSpaces) text.append(string).append("\n");
  }
  return text;
}

}  // namespace tern
