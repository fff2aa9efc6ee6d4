#include "text/hf/tokenizer_json.h"

#include <boost/json/value.hpp>

#include "text/hf/json_vocabulary.h"
#include "text/hf/pipeline_tokenizer.h"
#include "text/hf/post_processors.h"
#include "text/hf/word_models.h"

namespace tern {
namespace {

class TokenizerLoader {
 public:
  TokenizerLoader(const JsonNode& root, const HfSettings& settings) : root_(root), settings_(settings) {}

  Result<std::unique_ptr<Tokenizer>> Run() {
    const JsonNode model = root_["model"];
    TERN_TRY(const JsonVocabulary vocabulary, JsonVocabulary::Read(root_, settings_));
    Pipeline pipeline;
    TERN_TRY(pipeline.normalizer, TextNormalizer::Load(root_["normalizer"]));
    TERN_TRY(const bool knows_bytes, ModelKnowsBytes(model));
    TERN_TRY(pipeline.splitter, WordSplitter::Load(root_["pre_tokenizer"], knows_bytes));
    TERN_TRY(pipeline.decoder, PieceDecoder::Load(root_["decoder"]));
    TERN_TRY_STATUS(AddAdded(vocabulary, &pipeline));
    const auto model_end = vocabulary.tokens().begin() + static_cast<ptrdiff_t>(vocabulary.model_size());
    const std::vector<std::string> model_tokens(vocabulary.tokens().begin(), model_end);
    TERN_TRY(pipeline.model, LoadWordModel(model, {.tokens = &model_tokens,
                                                   .is_control = &is_control_,
                                                   .by_bytes = pipeline.splitter.ends_in_bytes()}));
    pipeline.vocabulary = vocabulary.Make();
    TERN_TRY(pipeline.shape, LoadInputShape(root_["post_processor"], pipeline.vocabulary.size()));
    AddFlags(pipeline.vocabulary, &pipeline.shape);
    return std::unique_ptr<Tokenizer>(std::make_unique<PipelineTokenizer>(std::move(pipeline)));
  }

 private:
  Status AddAdded(const JsonVocabulary& vocabulary, Pipeline* pipeline) {
    is_control_.assign(vocabulary.tokens().size(), false);
    for (const auto& [id, token] : vocabulary.added()) {
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
  std::vector<bool> is_control_;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> LoadTokenizerJson(const boost::json::value& json, std::string_view file,
                                                     const HfSettings& settings) {
  const JsonNode root(json, file);
  if (!json.is_object()) return root.Not("an object");
  return TokenizerLoader(root, settings).Run();
}

}  // namespace tern
