#include "text/hf/tokenizer_json.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <unordered_map>

#include "text/hf/pipeline_tokenizer.h"
#include "text/hf/post_processors.h"
#include "text/hf/word_models.h"

namespace tern {
namespace {

constexpr int32_t kMostIds = 1 << 22;

class Loader {
 public:
  Loader(const JsonNode& root, const HfSettings& settings) : root_(root), settings_(settings) {}

  Result<std::unique_ptr<Tokenizer>> Run() {
    const JsonNode model = root_["model"];
    TERN_TRY(tokens_, LoadModelTokens(model));
    model_size_ = tokens_.size();
    for (size_t id = 0; id < tokens_.size(); ++id) {
      if (!tokens_[id].empty()) ids_.emplace(tokens_[id], static_cast<int32_t>(id));
    }
    TERN_TRY_STATUS(ReadAdded());
    Pipeline pipeline;
    TERN_TRY(pipeline.normalizer, TextNormalizer::Load(root_["normalizer"]));
    TERN_TRY(const bool knows_bytes, ModelKnowsBytes(model));
    TERN_TRY(pipeline.splitter, WordSplitter::Load(root_["pre_tokenizer"], knows_bytes));
    TERN_TRY(pipeline.decoder, PieceDecoder::Load(root_["decoder"]));
    TERN_TRY_STATUS(AddAdded(&pipeline));
    const std::vector<std::string> model_tokens(tokens_.begin(),
                                                tokens_.begin() + static_cast<ptrdiff_t>(model_size_));
    TERN_TRY(pipeline.model, LoadWordModel(model, {.tokens = &model_tokens,
                                                   .is_control = &is_control_,
                                                   .by_bytes = pipeline.splitter.ends_in_bytes()}));
    pipeline.vocabulary = MakeVocabulary();
    TERN_TRY(pipeline.shape, LoadInputShape(root_["post_processor"], pipeline.vocabulary.size()));
    AddFlags(pipeline.vocabulary, &pipeline.shape);
    return std::unique_ptr<Tokenizer>(std::make_unique<PipelineTokenizer>(std::move(pipeline)));
  }

 private:
  // Collects the added tokens: the file's own, then those that the settings have beyond.
  Status ReadAdded() {
    TERN_TRY(const std::vector<JsonNode> items, root_["added_tokens"].Items());
    for (const JsonNode& item : items) {
      TERN_TRY(AddedToken token, AddedToken::Load(item));
      if (token.text.empty()) continue;
      if (!ids_.contains(token.text)) {
        TERN_TRY(const int64_t id, item["id"].Int(0, kMostIds - 1));
        if (!IsFree(id))
          return item["id"].Bad(fmt::format("{} is {} already", id, Shown(tokens_[static_cast<size_t>(id)])));
        token.id = static_cast<int32_t>(id);
      }
      Add(std::move(token));
    }
    for (const AddedToken& token : settings_.added) {
      const bool has_id = token.id >= 0 && token.id < kMostIds && IsFree(token.id);
      if (!token.text.empty() && (ids_.contains(token.text) || has_id)) Add(token);
    }
    for (const auto& [name, token] : settings_.named) AddSpecial(token);
    for (const AddedToken& token : settings_.extra_special) AddSpecial(token);
    return {};
  }

  bool IsFree(int64_t id) const {
    return static_cast<size_t>(id) >= tokens_.size() || tokens_[static_cast<size_t>(id)].empty();
  }

  // Special tokens that are no tokens are left out.
  void AddSpecial(AddedToken token) {
    if (!ids_.contains(token.text)) return;
    token.is_special = true;
    Add(std::move(token));
  }

  void Add(AddedToken token) {
    const auto known = ids_.find(token.text);
    if (known != ids_.end()) {
      token.id = known->second;
    } else {
      const auto index = static_cast<size_t>(token.id);
      if (index >= tokens_.size()) tokens_.resize(index + 1);
      tokens_[index] = token.text;
      ids_.emplace(token.text, token.id);
    }
    const auto [at, is_new] = added_.try_emplace(token.id, token);
    // What the first of two says stays, but for this: a token is special where anyone says so.
    if (!is_new) at->second.is_special |= token.is_special;
  }

  Status AddAdded(Pipeline* pipeline) {
    is_control_.assign(tokens_.size(), false);
    for (const auto& [id, token] : added_) {
      is_control_[static_cast<size_t>(id)] = token.is_special;
      const AddedTokens::Token matched{.id = id,
                                       .is_control = token.is_special,
                                       .strips_left = token.strips_left,
                                       .strips_right = token.strips_right,
                                       .single_word = token.single_word,
                                       .is_normalized = token.is_normalized};
      TERN_TRY_STATUS(InFile(pipeline->added.Add(token.text, matched)));
      if (!token.is_normalized) continue;
      const std::string text = pipeline->normalizer.Run(token.text);
      AddedTokens::Token plain = matched;
      plain.is_normalized = false;
      // Of two tokens that are one when normalized, the first is found.
      if (!text.empty()) (void)pipeline->normalized_added.Add(text, plain).ok();
    }
    pipeline->added.Finish();
    pipeline->normalized_added.Finish();
    return {};
  }

  Status InFile(const Status& status) const {
    return status.ok() ? status : Status(root_.Bad(status.error().what));
  }

  Vocabulary MakeVocabulary() const {
    Vocabulary vocabulary;
    for (size_t id = 0; id < tokens_.size(); ++id) {
      const auto added = added_.find(static_cast<int32_t>(id));
      vocabulary.texts.Append(tokens_[id]);
      vocabulary.kinds.push_back(added == added_.end()      ? TokenKind::kNormal
                                 : added->second.is_special ? TokenKind::kControl
                                                            : TokenKind::kUserDefined);
    }
    const auto named = [&](const char* name, const char* other) {
      for (const char* key : {name, other}) {
        const auto found = ids_.find(settings_.Named(key));
        if (found != ids_.end()) return found->second;
      }
      return -1;
    };
    vocabulary.bos = named("bos_token", "cls_token");
    vocabulary.eos = named("eos_token", "sep_token");
    if (vocabulary.bos < 0 && vocabulary.Has(settings_.bos_id)) vocabulary.bos = settings_.bos_id;
    for (int32_t id : settings_.end_ids) {
      if (vocabulary.eos < 0 && vocabulary.Has(id)) vocabulary.eos = id;
    }
    vocabulary.MarkEnds(settings_.end_ids);
    return vocabulary;
  }

  // A post-processor that puts nothing around a text leaves it to these flags.
  void AddFlags(const Vocabulary& vocabulary, InputShape* shape) const {
    using Kind = InputPart::Kind;
    if (shape->single.size() != 1) return;
    const bool begins = settings_.adds_bos.value_or(false) && vocabulary.bos >= 0;
    const bool ends = settings_.adds_eos.value_or(false) && vocabulary.eos >= 0;
    *shape = {};
    for (const auto& [kind, type] : {std::pair{Kind::kFirst, 0}, std::pair{Kind::kSecond, 1}}) {
      std::vector<InputPart> wrapped;
      if (begins) wrapped.push_back({Kind::kToken, vocabulary.bos, type});
      wrapped.push_back({kind, -1, type});
      if (ends) wrapped.push_back({Kind::kToken, vocabulary.eos, type});
      if (kind == Kind::kFirst) shape->single = wrapped;
      shape->pair.insert(shape->pair.end(), wrapped.begin(), wrapped.end());
    }
  }

  const JsonNode& root_;
  const HfSettings& settings_;
  std::vector<std::string> tokens_;               // by id; "": none
  std::unordered_map<std::string, int32_t> ids_;  // of tokens_
  size_t model_size_ = 0;                         // ids below it are the model's
  std::map<int32_t, AddedToken> added_;
  std::vector<bool> is_control_;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> LoadTokenizerJson(const boost::json::value& json, std::string_view file,
                                                     const HfSettings& settings) {
  const JsonNode root(json, file);
  if (!json.is_object()) return root.Not("an object");
  return Loader(root, settings).Run();
}

}  // namespace tern
