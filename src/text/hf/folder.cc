#include "text/hf/folder.h"

#include "base/file.h"
#include "io/files.h"
#include "io/hf_folder.h"
#include "text/hf/sentence_piece_file.h"
#include "text/hf/settings.h"
#include "text/hf/tokenizer_json.h"
#include "text/hf/vocab_files.h"

namespace tern {
namespace {

constexpr size_t kMaxFileBytes = size_t{512} << 20;

Result<HfTokenizerFiles> Read(const std::string& folder) {
  TERN_TRY(HfSettings settings, HfSettings::Read(folder));
  HfTokenizerFiles files{.settings = std::move(settings), .name = "tokenizer.json"};
  const auto has = [&](const char* name) { return IsFile(folder + "/" + name); };
  if (has("tokenizer.json")) {
    TERN_TRY(files.json, ReadOptionalJson(folder, "tokenizer.json", kMaxFileBytes));
    return files;
  }
  for (const char* name : {"tokenizer.model", "spiece.model"}) {
    if (!has(name)) continue;
    files.name = name;
    files.is_sentence_piece = true;
    TERN_TRY(files.sentence_piece, ReadFile(folder + "/" + name, kMaxFileBytes));
    return files;
  }
  if (has("vocab.json") && has("merges.txt")) {
    files.name = "vocab.json and merges.txt";
    TERN_TRY(boost::json::value vocab, ReadOptionalJson(folder, "vocab.json", kMaxFileBytes));
    TERN_TRY(const std::string merges, ReadFile(folder + "/merges.txt", kMaxFileBytes));
    TERN_TRY(files.json, DescribeVocabAndMerges(std::move(vocab), merges, files.settings));
    return files;
  }
  files.name = "vocab.txt";
  TERN_TRY(const std::string vocab, ReadFile(folder + "/vocab.txt", kMaxFileBytes));
  TERN_TRY(files.json, DescribeVocabTxt(vocab, files.settings));
  return files;
}

Error InFolder(const std::string& folder, const Error& error) {
  return error.what.starts_with(folder) ? error : Error{error.code, folder + "/" + error.what};
}

}  // namespace

Result<HfTokenizerFiles> ReadTokenizerFiles(const std::string& folder) {
  if (!HasTokenizerFiles(folder)) {
    return NotFound(folder +
                    ": no tokenizer, expected tokenizer.json, tokenizer.model, spiece.model, vocab.json and "
                    "merges.txt, or vocab.txt");
  }
  auto files = Read(folder);
  if (!files.ok()) return InFolder(folder, files.error());
  return files;
}

Result<std::unique_ptr<Tokenizer>> LoadTokenizerFromFolder(const std::string& folder) {
  TERN_TRY(const HfTokenizerFiles files, ReadTokenizerFiles(folder));
  auto made = files.is_sentence_piece
                  ? LoadSentencePieceFile(files.sentence_piece, files.name, files.settings)
                  : LoadTokenizerJson(files.json, files.name, files.settings);
  if (!made.ok()) return InFolder(folder, made.error());
  return made;
}

Result<std::string> ReadChatTemplate(const std::string& folder) {
  auto settings = HfSettings::Read(folder);
  if (!settings.ok()) return InFolder(folder, settings.error());
  return settings.value().chat_template;
}

}  // namespace tern
