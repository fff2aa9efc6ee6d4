#include "text/hf/gguf_vocabulary.h"

#include <boost/json/array.hpp>
#include <unordered_map>

#include "text/byte_alphabet.h"
#include "text/hf/base64.h"
#include "text/hf/identify_pre_tokenizer.h"
#include "text/hf/json_vocabulary.h"
#include "text/hf/pre_tokenizers.h"
#include "text/hf/sentence_piece_file.h"
#include "text/utf8.h"

namespace tern {
namespace {

constexpr double kAddedScore = -1000;    // of tokens that no merge leads to and no text is spelled by
constexpr double kUnmergedScore = -1e6;  // below every merge
constexpr size_t kMostSteps = 64;        // of a normalizer that are looked at

void SetModel(const char* model, const char* pre, GgufVocabulary* out) {
  out->metadata.Set("tokenizer.ggml.model", std::string(model));
  out->metadata.Set("tokenizer.ggml.pre", std::string(pre));
}

void SetBytes(const std::string& key, std::string_view bytes, GgufVocabulary* out) {
  std::vector<uint64_t> numbers;
  for (char c : bytes) numbers.push_back(static_cast<unsigned char>(c));
  if (!numbers.empty()) out->metadata.Set(key, std::move(numbers));
}

// Sequences taken apart.
void ListSteps(const JsonNode& node, const char* items_key, std::vector<JsonNode>* steps) {
  if (node.is_null() || steps->size() >= kMostSteps) return;
  const auto items = node[items_key].Items();
  if (!items.ok() || items.value().empty()) return steps->push_back(node);
  for (const JsonNode& item : items.value()) ListSteps(item, items_key, steps);
}

std::string TypeOf(const JsonNode& step) {
  return step["type"].Str("").ok() ? step["type"].Str("").value() : "";
}

class JsonDescriber {
 public:
  JsonDescriber(const JsonNode& root, const HfTokenizerFiles& files, const JsonVocabulary& vocabulary)
      : root_(root), files_(files), vocabulary_(vocabulary) {
    ListSteps(root["normalizer"], "normalizers", &normalizers_);
    ListSteps(root["pre_tokenizer"], "pretokenizers", &cuts_);
  }

  Result<GgufVocabulary> Run(const std::string& pre) {
    const Vocabulary made = vocabulary_.Make();
    out_.tokens = vocabulary_.tokens();
    out_.kinds = made.kinds;
    out_.unknown = vocabulary_.Find(files_.settings.Named("unk_token"));
    TERN_TRY(const std::string type, root_["model"]["type"].Str(""));
    TERN_TRY(const WordSplitter splitter, WordSplitter::Load(root_["pre_tokenizer"], false));
    TERN_TRY(const bool falls_back, root_["model"]["byte_fallback"].Bool(false));
    const bool has_merges = !root_["model"]["merges"].is_null();
    if (has_merges && falls_back) return Finish(SentencePieceBpe());
    if (has_merges && SpellsBytes()) return Finish(ByteLevelBpe(pre));
    if (type == "Unigram" || root_["model"]["vocab"].value().is_array()) return Finish(Unigram());
    if (type == "WordPiece") return Finish(WordPiece());
    return root_["model"]["type"].Unknown(fmt::format(
        "{}, for which GGUF has no words; supported: BPE of bytes or with byte_fallback, Unigram, "
        "WordPiece",
        Shown(type)));
  }

 private:
  Result<GgufVocabulary> Finish(const Status& status) {
    if (!status.ok()) return status.error();
    return std::move(out_);
  }

  bool SpellsBytes() const {
    for (const JsonNode& cut : cuts_) {
      if (TypeOf(cut) == "ByteLevel") return true;
    }
    return false;
  }

  // Calls visit(left, right, rank) for every merge; LoadTokenizerJson has seen to their form.
  template <class Visit>
  Status ForEachMerge(const Visit& visit) const {
    TERN_TRY(const auto* merges, root_["model"]["merges"].Array());
    for (size_t rank = 0; rank < merges->size(); ++rank) {
      const boost::json::value& merge = (*merges)[rank];
      std::string left, right;
      if (merge.is_array() && merge.get_array().size() == 2 && merge.get_array()[0].is_string() &&
          merge.get_array()[1].is_string()) {
        left = merge.get_array()[0].get_string();
        right = merge.get_array()[1].get_string();
      } else if (merge.is_string()) {
        const std::string text(merge.get_string());
        const size_t space = std::min(text.find(' '), text.size());
        left = text.substr(0, space);
        right = space < text.size() ? text.substr(space + 1) : "";
      }
      if (left.empty() || right.empty()) return root_["model"]["merges"][rank].Not("a pair of tokens");
      TERN_TRY_STATUS(visit(left, right, rank));
    }
    return {};
  }

  Status ByteLevelBpe(const std::string& pre) {
    // Bytes without a token are left out, unless the model says what they become.
    TERN_TRY(const std::string unknown, root_["model"]["unk_token"].Str(""));
    out_.unknown = vocabulary_.Find(unknown);
    std::string name = pre;
    if (name.empty()) {
      TERN_TRY(const PreTokenizerRule* rule, IdentifyPreTokenizer(root_));
      name = rule->name;
    }
    SetModel("gpt2", name.c_str(), &out_);
    std::vector<std::string> merges;
    TERN_TRY_STATUS(ForEachMerge([&](const std::string& left, const std::string& right,
                                     size_t rank) -> Status {
      if (left.find(' ') != left.npos || right.find(' ') != right.npos) {
        return root_["model"]["merges"][rank].Unknown("a token with a space, expected bytes as characters");
      }
      merges.push_back(left + " " + right);
      return {};
    }));
    out_.metadata.Set("tokenizer.ggml.merges", std::move(merges));
    return {};
  }

  // Merges in the order of ranks are merges in the order of scores where each token has the rank of the
  // first that makes it.
  Status SentencePieceBpe() {
    SetModel("llama", "default", &out_);
    out_.scores.assign(out_.tokens.size(), kUnmergedScore);
    TERN_TRY_STATUS(
        ForEachMerge([&](const std::string& left, const std::string& right, size_t rank) -> Status {
          const int32_t made = vocabulary_.Find(left + right);
          if (made < 0) return {};
          double& score = out_.scores[static_cast<size_t>(made)];
          score = std::max(score, -static_cast<double>(rank));
          return {};
        }));
    TERN_TRY_STATUS(MarkPieces(true));
    out_.metadata.Set("tokenizer.ggml.add_space_prefix", PrependsSpace());
    return {};
  }

  Status Unigram() {
    SetModel("t5", "default", &out_);
    TERN_TRY(const auto* vocab, root_["model"]["vocab"].Array());
    for (const boost::json::value& entry : *vocab) {
      if (!entry.is_array() || entry.get_array().size() != 2) return root_["model"]["vocab"].Not("pairs");
      out_.scores.push_back(entry.get_array()[1].to_number<double>());
    }
    out_.scores.resize(out_.tokens.size(), 0);
    if (!root_["model"]["unk_id"].is_null()) {
      TERN_TRY(const int64_t id,
               root_["model"]["unk_id"].Int(0, static_cast<int64_t>(out_.tokens.size()) - 1));
      out_.unknown = static_cast<int32_t>(id);
    }
    TERN_TRY(const bool falls_back, root_["model"]["byte_fallback"].Bool(false));
    TERN_TRY_STATUS(MarkPieces(falls_back));
    out_.metadata.Set("tokenizer.ggml.add_space_prefix", PrependsSpace());
    out_.metadata.Set("tokenizer.ggml.remove_extra_whitespaces", RemovesSpaces());
    for (const JsonNode& step : normalizers_) {
      if (TypeOf(step) != "Precompiled" || step["precompiled_charsmap"].is_null()) continue;
      TERN_TRY(const std::string text, step["precompiled_charsmap"].Str());
      const auto bytes = FromBase64(text);
      if (bytes) SetBytes("tokenizer.ggml.precompiled_charsmap", *bytes, &out_);
    }
    return {};
  }

  // Pieces that go on in a word lose their "##"; those that begin one get a mark.
  Status WordPiece() {
    SetModel("bert", "default", &out_);
    TERN_TRY(const std::string prefix, root_["model"]["continuing_subword_prefix"].Str("##"));
    for (size_t id = 0; id < out_.tokens.size(); ++id) {
      std::string& token = out_.tokens[id];
      if (token.empty() || out_.kinds[id] != TokenKind::kNormal) continue;
      token = token.starts_with(prefix) && !prefix.empty() ? token.substr(prefix.size())
                                                           : std::string(kSpaceMark) + token;
    }
    if (out_.unknown < 0) {
      TERN_TRY(const std::string unknown, root_["model"]["unk_token"].Str(""));
      out_.unknown = vocabulary_.Find(unknown);
    }
    for (const JsonNode& step : normalizers_) {
      if (TypeOf(step) != "BertNormalizer") continue;
      TERN_TRY(const bool lowercases, step["lowercase"].Bool(true));
      TERN_TRY(const bool strips, step["strip_accents"].Bool(lowercases));
      out_.metadata.Set("tokenizer.ggml.normalizer.lowercase", lowercases);
      out_.metadata.Set("tokenizer.ggml.normalizer.strip_accents", strips);
    }
    return {};
  }

  // Kinds as sentencepiece has them, and added tokens as others look for them: with spaces for U+2581.
  Status MarkPieces(bool falls_back) {
    if (out_.unknown < 0) {
      TERN_TRY(const std::string unknown, root_["model"]["unk_token"].Str(""));
      out_.unknown = vocabulary_.Find(unknown);
    }
    for (size_t id = 0; id < out_.tokens.size(); ++id) {
      TokenKind& kind = out_.kinds[id];
      if (static_cast<int32_t>(id) == out_.unknown) kind = TokenKind::kUnknown;
      if (falls_back && kind == TokenKind::kNormal && ByteOfPiece(out_.tokens[id]) >= 0)
        kind = TokenKind::kByte;
      if (kind == TokenKind::kUserDefined) out_.tokens[id] = Replaced(out_.tokens[id], kSpaceMark, " ");
      if (kind == TokenKind::kUserDefined || kind == TokenKind::kControl) out_.scores[id] = kAddedScore;
    }
    return {};
  }

  bool PrependsSpace() const {
    for (const JsonNode& step : normalizers_) {
      if (TypeOf(step) == "Prepend") return true;
    }
    for (const JsonNode& cut : cuts_) {
      if (TypeOf(cut) != "Metaspace") continue;
      const auto adds = cut["add_prefix_space"].Bool(true);
      const auto scheme = cut["prepend_scheme"].Str(adds.ok() && adds.value() ? "always" : "never");
      return scheme.ok() && scheme.value() != "never";
    }
    return false;
  }

  // By the normalizer that makes one space of many, or by cutting at white space.
  bool RemovesSpaces() const {
    for (const JsonNode& step : normalizers_) {
      const auto pattern = step["pattern"]["Regex"].Str("");
      if (TypeOf(step) == "Replace" && pattern.ok() && pattern.value().starts_with(" {2,}")) return true;
    }
    for (const JsonNode& cut : cuts_) {
      if (TypeOf(cut) == "WhitespaceSplit") return true;
    }
    return false;
  }

  const JsonNode& root_;
  const HfTokenizerFiles& files_;
  const JsonVocabulary& vocabulary_;
  std::vector<JsonNode> normalizers_, cuts_;
  GgufVocabulary out_;
};

Result<GgufVocabulary> DescribeSentencePiece(const HfTokenizerFiles& files) {
  TERN_TRY(const SentencePieceFile file,
           ReadSentencePieceFile(files.sentence_piece, files.name, files.settings));
  const Vocabulary& vocabulary = file.parts.vocabulary;
  GgufVocabulary out;
  out.kinds = vocabulary.kinds;
  out.scores = file.parts.scores;
  out.unknown = vocabulary.unknown;
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    const bool is_added = vocabulary.kind(id) == TokenKind::kUserDefined;
    out.tokens.push_back(is_added ? Replaced(vocabulary.text(id), kSpaceMark, " ")
                                  : std::string(vocabulary.text(id)));
  }
  SetModel(file.is_bpe ? "llama" : "t5", "default", &out);
  out.metadata.Set("tokenizer.ggml.add_space_prefix", file.parts.options.adds_space_prefix);
  out.metadata.Set("tokenizer.ggml.remove_extra_whitespaces", file.parts.options.removes_extra_spaces);
  SetBytes("tokenizer.ggml.precompiled_charsmap", file.charsmap, &out);
  return out;
}

}  // namespace

Result<GgufVocabulary> DescribeVocabulary(const HfTokenizerFiles& files, const std::string& pre) {
  if (files.is_sentence_piece) return DescribeSentencePiece(files);
  const JsonNode root(files.json, files.name);
  TERN_TRY(const JsonVocabulary vocabulary, JsonVocabulary::Read(root, files.settings));
  return JsonDescriber(root, files, vocabulary).Run(pre);
}

}  // namespace tern
