#pragma once
// TextEncoder: texts to vectors, and pairs of texts to scores, in batches. Pooling, normalisation and the
// longest text are what the checkpoint's own files say; longer texts are cut. Not thread-safe.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/sequences.h"

namespace tern {

enum class Pooling : uint8_t { kMean, kCls, kLast };
Result<Pooling> ParsePooling(std::string_view name);  // "mean", "cls", "last"

struct EncoderOptions {
  RunnerOptions runner = {};
  std::optional<Pooling> pooling = {};  // unset: the checkpoint's, else mean
  std::optional<bool> normalize = {};   // to length one; unset: the checkpoint's, else yes
  int max_tokens = 0;                   // 0: the checkpoint's, or what fits in memory
};

// One text, or two that are read as a pair (a question and a passage).
struct EncoderText {
  std::string first;
  std::optional<std::string> second = {};
  size_t most_second = SIZE_MAX;  // tokens of it; what is behind them is cut
  std::vector<int32_t> ids =
      {};  // in place of a text: the tokens that are read, with all that is around them
};

// How many tokens of a pair's two texts stay where `room` is all there is (Hugging Face's "longest first", as
// its tokenizers library has it): the longer one is cut to what the other leaves; both to half where that is
// too much, and the odd token is the longer one's, of equal ones the second's.
std::pair<size_t, size_t> CutPair(size_t first, size_t second, size_t room);

class TextEncoder {
 public:
  // The model must have been built for hidden states. It needs a tokenizer.
  static Result<std::unique_ptr<TextEncoder>> Make(std::shared_ptr<const LoadedModel> model,
                                                   const EncoderOptions& options);
  // A vector per text, in their order.
  Result<std::vector<std::vector<float>>> Embed(std::span<const EncoderText> texts);
  // What the classification head says of each text: a number per label (logits). An error for models without
  // one.
  Result<std::vector<std::vector<float>>> Classify(std::span<const EncoderText> texts);

  size_t max_tokens() const { return max_tokens_; }
  RunnerBytes bytes() const { return runner_->bytes(); }
  // Numbers that Classify gives per text; 0: the model has no classification head.
  size_t outputs() const { return output_ ? output_->bias.size() : 0; }
  // Of the classification head; as many as Classify's numbers, or none.
  const std::vector<std::string>& labels() const { return labels_; }
  // Whether several of them may hold at once; else they exclude each other.
  bool multi_label() const { return multi_label_; }
  // Whether they are no labels but numbers that the head was trained to say.
  bool regression() const { return regression_; }

 private:
  struct Input {
    std::vector<int32_t> tokens, types;
  };
  // act(w x + b)
  struct Dense {
    std::vector<float> weight, bias;  // [inputs, outputs], [outputs]
    std::string activation = {};      // "tanh", or an activation op; "": none
    std::vector<float> operator()(const std::vector<float>& x) const;
  };
  TextEncoder() = default;
  Status ReadSettings(const EncoderOptions& options);
  Status MakeRunner(const EncoderOptions& options);
  Status ReadHead();
  Status ReadBehindPooling();
  Result<Dense> ReadDense(const std::string& name, size_t width) const;
  Result<std::vector<float>> ReadNorm(const std::string& name) const;  // empty: there is none
  Input Tokenize(const EncoderText& text) const;
  Result<std::vector<std::vector<float>>> Pooled(std::span<const EncoderText> texts, Pooling pooling);
  Status RunBatch(std::span<const size_t> batch, const std::vector<Input>& inputs);
  std::vector<float> Pool(int first_row, int rows, Pooling pooling) const;
  std::vector<float> Head(std::vector<float> x) const;

  std::shared_ptr<const LoadedModel> model_;
  std::unique_ptr<Runner> runner_;
  std::optional<Sequences> sequences_;
  Pooling pooling_ = Pooling::kMean, head_pooling_ = Pooling::kCls;
  bool normalize_ = true;
  size_t max_tokens_ = 0;
  std::vector<Dense> behind_pooling_;  // of embeddings
  // The head: output(norm(dense x)), the first two where the checkpoint has them.
  std::optional<Dense> dense_, output_;
  std::vector<float> norm_, norm_bias_;
  std::vector<std::string> labels_;
  bool multi_label_ = false, regression_ = false;
};

}  // namespace tern
