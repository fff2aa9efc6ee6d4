#include "text/hf/gguf_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/hf/folder.h"
#include "text/hf/gguf_vocabulary.h"
#include "text/hf/probe_texts.h"
#include "text/tokenizer.h"

namespace tern {
namespace {

constexpr std::string_view kPrefixKey = "tokenizer.ggml.add_space_prefix";
constexpr std::string_view kRemovesKey = "tokenizer.ggml.remove_extra_whitespaces";
constexpr double kPaddingScore = -10000;
constexpr size_t kTriedTokens = 20000;  // of the vocabulary, evenly
constexpr size_t kMostDiffering = 2;  // one text of so many may have other ids, else it is another tokenizer

class Describer {
 public:
  Describer(const std::string& folder, const GgufTokenizerOptions& options, const HfTokenizerFiles& files,
            const Tokenizer& tokenizer)
      : folder_(folder), options_(options), files_(files), tokenizer_(tokenizer) {}

  Result<GgufTokenizer> Run() {
    auto described = DescribeVocabulary(files_, options_.pre);
    if (!described.ok()) return Error{described.error().code, folder_ + "/" + described.error().what};
    vocabulary_ = std::move(described).value();
    out_.metadata = std::move(vocabulary_.metadata);
    TERN_TRY_STATUS(CheckSize());
    SetTokens();
    SetIds();
    SetTemplates();
    TERN_TRY_STATUS(TryOut());
    return std::move(out_);
  }

 private:
  void Warn(std::string_view what) {
    out_.warnings.push_back(fmt::format("{}/{}: {}", folder_, files_.name, what));
  }

  // Added tokens that the embedding has no rows for can be left out; the model's own cannot.
  Status CheckSize() {
    const auto size = static_cast<size_t>(options_.vocabulary), count = vocabulary_.tokens.size();
    if (count <= size) return {};
    for (size_t id = size; id < count; ++id) {
      const TokenKind kind = vocabulary_.kinds[id];
      if (kind == TokenKind::kControl || kind == TokenKind::kUserDefined || vocabulary_.tokens[id].empty())
        continue;
      return BadInput(fmt::format("{}/{}: {} tokens, expected at most {}, the rows of the embedding", folder_,
                                  files_.name, count, size));
    }
    Warn(fmt::format("{} added tokens are left out: the embedding has {} rows", count - size, size));
    return {};
  }

  // As many as the embedding has rows: "[PADn]" where no token has the id.
  void SetTokens() {
    const auto size = static_cast<size_t>(options_.vocabulary);
    std::vector<std::string>& tokens = vocabulary_.tokens;
    const bool has_scores = !vocabulary_.scores.empty();
    tokens.resize(size);
    vocabulary_.kinds.resize(size, TokenKind::kUnused);
    if (has_scores) vocabulary_.scores.resize(size, kPaddingScore);
    std::vector<int64_t> kinds;
    for (size_t id = 0; id < size; ++id) {
      if (tokens[id].empty()) {
        tokens[id] = fmt::format("[PAD{}]", id);
        vocabulary_.kinds[id] = TokenKind::kUnused;
        if (has_scores) vocabulary_.scores[id] = kPaddingScore;
      }
      kinds.push_back(static_cast<int64_t>(vocabulary_.kinds[id]));
    }
    out_.metadata.Set("tokenizer.ggml.tokens", std::move(tokens));
    out_.metadata.Set("tokenizer.ggml.token_type", std::move(kinds));
    if (has_scores) out_.metadata.Set("tokenizer.ggml.scores", std::move(vocabulary_.scores));
  }

  void SetId(std::string_view name, int32_t id) {
    if (id < 0 || id >= options_.vocabulary) return;
    out_.metadata.Set(fmt::format("tokenizer.ggml.{}_token_id", name), static_cast<uint64_t>(id));
  }

  int32_t IdOf(const char* name) const {
    const std::string text = files_.settings.Named(name);
    const auto& tokens = *out_.metadata.Strings("tokenizer.ggml.tokens");
    const auto found = std::ranges::find(tokens, text);
    return text.empty() || found == tokens.end() ? -1 : static_cast<int32_t>(found - tokens.begin());
  }

  void SetIds() {
    int32_t bos = tokenizer_.bos(), eos = tokenizer_.eos();
    const std::vector<InputPart>& parts = tokenizer_.input_shape().single;
    const auto text = std::ranges::find(parts, InputPart::Kind::kFirst, &InputPart::kind);
    const auto before = text - parts.begin(), after = parts.end() - text - 1;
    if (before == 1) bos = parts.front().id;
    if (after == 1 && (eos < 0 || files_.settings.Named("sep_token") != "")) eos = parts.back().id;
    const bool adds_bos = before == 1, adds_eos = after == 1 && parts.back().id == eos;
    if (before > 1 || (after > 0 && !adds_eos)) {
      Warn(fmt::format("puts {} tokens in front of a text and {} behind, of which GGUF can say {} and {}",
                       before, after, adds_bos ? 1 : 0, adds_eos ? 1 : 0));
    }
    SetId("bos", bos);
    SetId("eos", eos);
    SetId("unknown", vocabulary_.unknown);
    SetId("padding", IdOf("pad_token"));
    SetId("mask", IdOf("mask_token"));
    const bool has_cls =
        out_.metadata.Str("tokenizer.ggml.model", "").value() == "bert" && before == 1 && after == 1;
    SetId("cls", has_cls ? bos : IdOf("cls_token"));
    SetId("seperator", has_cls ? parts.back().id : IdOf("sep_token"));  // spelled so in GGUF
    const char* const kMoreEnds[] = {"eot", "eom"};
    size_t more = 0;
    for (int32_t id : files_.settings.end_ids) {
      const bool is_known = id == eos || (more == 1 && id == files_.settings.end_ids.front());
      if (!is_known && more < std::size(kMoreEnds) && id < tokenizer_.size()) SetId(kMoreEnds[more++], id);
    }
    out_.metadata.Set("tokenizer.ggml.add_bos_token", adds_bos);
    out_.metadata.Set("tokenizer.ggml.add_eos_token", adds_eos);
  }

  void SetTemplates() {
    if (!files_.settings.chat_template.empty()) {
      out_.metadata.Set("tokenizer.chat_template", files_.settings.chat_template);
    }
    std::vector<std::string> names;
    for (const auto& [name, source] : files_.settings.more_templates) {
      out_.metadata.Set("tokenizer.chat_template." + name, source);
      names.push_back(name);
    }
    if (!names.empty()) out_.metadata.Set("tokenizer.chat_templates", std::move(names));
  }

  std::vector<std::string> TextsToTry() const {
    std::vector<std::string> texts = ProbeTexts();
    const auto size = static_cast<size_t>(std::min<int64_t>(tokenizer_.size(), options_.vocabulary));
    const size_t step = size / kTriedTokens + 1;
    for (size_t id = 0; id < size; id += step) {
      if (vocabulary_.kinds[id] != TokenKind::kByte)
        texts.push_back(tokenizer_.Piece(static_cast<int32_t>(id), false));
    }
    return texts;
  }

  // What was written, read back: do texts get the ids that the folder's own files give them?
  Result<IdsTrial> Try(const Metadata& metadata, const std::vector<std::string>& texts) const {
    auto read = LoadTokenizer(metadata);
    if (!read.ok()) return Error{read.error().code, folder_ + "/" + files_.name + ": " + read.error().what};
    return CompareIds(tokenizer_, *read.value(), texts, /*parse_special=*/false);
  }

  // Pipelines of Hugging Face do with spaces what no two switches say exactly: those that come closest.
  Result<IdsTrial> ChooseSwitches(IdsTrial best, const std::vector<std::string>& texts) {
    const Metadata written = out_.metadata;
    for (const bool prefixes : {true, false}) {
      for (const bool removes : {true, false}) {
        if (best.differing == 0 || !written.Has(kPrefixKey)) return best;
        Metadata metadata = written;
        metadata.Set(std::string(kPrefixKey), prefixes);
        if (written.Has(kRemovesKey)) metadata.Set(std::string(kRemovesKey), removes);
        TERN_TRY(IdsTrial trial, Try(metadata, texts));
        if (trial.differing >= best.differing) continue;
        best = std::move(trial);
        out_.metadata = std::move(metadata);
      }
    }
    return best;
  }

  Status TryOut() {
    out_.metadata.Set("general.architecture", options_.architecture);
    const std::vector<std::string> texts = TextsToTry();
    TERN_TRY(IdsTrial trial, Try(out_.metadata, texts));
    TERN_TRY(trial, ChooseSwitches(std::move(trial), texts));
    if (trial.differing == 0) return {};
    const std::string what = fmt::format(
        "{} of {} texts that were tried have other ids in GGUF: {} is [{}], in GGUF [{}]", trial.differing,
        texts.size(), Shown(trial.text), fmt::join(trial.wanted, " "), fmt::join(trial.got, " "));
    if (trial.differing * kMostDiffering > texts.size()) {
      return Unsupported(fmt::format("{}/{}: {}", folder_, files_.name, what));
    }
    Warn(what);
    return {};
  }

  const std::string& folder_;
  const GgufTokenizerOptions& options_;
  const HfTokenizerFiles& files_;
  const Tokenizer& tokenizer_;
  GgufVocabulary vocabulary_;
  GgufTokenizer out_;
};

}  // namespace

Result<GgufTokenizer> DescribeTokenizerForGguf(const std::string& folder,
                                               const GgufTokenizerOptions& options) {
  TERN_TRY(const HfTokenizerFiles files, ReadTokenizerFiles(folder));
  TERN_TRY(const auto tokenizer, LoadTokenizerFromFolder(folder));
  return Describer(folder, options, files, *tokenizer).Run();
}

}  // namespace tern
