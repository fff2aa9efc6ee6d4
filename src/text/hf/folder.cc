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

using Made = Result<std::unique_ptr<Tokenizer>>;

Made FromVocabAndMerges(const std::string& folder, const HfSettings& settings) {
  TERN_TRY(boost::json::value vocab, ReadOptionalJson(folder, "vocab.json", kMaxFileBytes));
  TERN_TRY(const std::string merges, ReadFile(folder + "/merges.txt", kMaxFileBytes));
  TERN_TRY(const boost::json::value json, DescribeVocabAndMerges(std::move(vocab), merges, settings));
  return LoadTokenizerJson(json, "vocab.json and merges.txt", settings);
}

Made FromFolder(const std::string& folder) {
  TERN_TRY(const HfSettings settings, HfSettings::Read(folder));
  const auto has = [&](const char* name) { return IsFile(folder + "/" + name); };
  if (has("tokenizer.json")) {
    TERN_TRY(const boost::json::value json, ReadOptionalJson(folder, "tokenizer.json", kMaxFileBytes));
    return LoadTokenizerJson(json, "tokenizer.json", settings);
  }
  for (const char* name : {"tokenizer.model", "spiece.model"}) {
    if (!has(name)) continue;
    TERN_TRY(const std::string bytes, ReadFile(folder + "/" + name, kMaxFileBytes));
    return LoadSentencePieceFile(bytes, name, settings);
  }
  if (has("vocab.json") && has("merges.txt")) return FromVocabAndMerges(folder, settings);
  TERN_TRY(const std::string vocab, ReadFile(folder + "/vocab.txt", kMaxFileBytes));
  TERN_TRY(const boost::json::value json, DescribeVocabTxt(vocab, settings));
  return LoadTokenizerJson(json, "vocab.txt", settings);
}

Error InFolder(const std::string& folder, const Error& error) {
  return error.what.starts_with(folder) ? error : Error{error.code, folder + "/" + error.what};
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> LoadTokenizerFromFolder(const std::string& folder) {
  if (!HasTokenizerFiles(folder)) {
    return NotFound(folder +
                    ": no tokenizer, expected tokenizer.json, tokenizer.model, spiece.model, vocab.json and "
                    "merges.txt, or vocab.txt");
  }
  auto made = FromFolder(folder);
  if (!made.ok()) return InFolder(folder, made.error());
  return made;
}

Result<std::string> ReadChatTemplate(const std::string& folder) {
  auto settings = HfSettings::Read(folder);
  if (!settings.ok()) return InFolder(folder, settings.error());
  return settings.value().chat_template;
}

}  // namespace tern
