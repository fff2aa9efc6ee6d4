#pragma once
// VocabularyTokenizer: what all tokenizers share: valid UTF-8 comes in, added tokens are cut out, special ids
// are known. A kind of tokenizer adds how plain text becomes ids and ids become bytes.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/required.h"
#include "base/result.h"
#include "text/added_tokens.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace tern {

// Text between two added tokens.
struct PlainText {
  enum class Border : uint8_t {
    kEdge,     // the text begins or ends here
    kControl,  // a control token stands there
    kText,     // a user-defined token, or more text
  };
  std::string_view text;  // valid UTF-8, not empty
  Border before = Border::kEdge, after = Border::kEdge;
  bool allows_control = false;  // as all of the text that it was cut from
};

// begin first end second end; ids of -1 are left out. With one `end` between the texts, as BERT has it, the
// second text is segment 1; with two, as RoBERTa has it, there are no segments.
InputShape ShapeOf(int32_t begin, int32_t end, int ends_between);

class VocabularyTokenizer : public Tokenizer {
 public:
  void Encode(std::string_view text, bool parse_special, std::vector<int32_t>* ids) const final;
  void EncodeJoined(std::span<const TextSegment> segments, std::vector<int32_t>* ids) const final;
  void AppendPiece(int32_t id, bool with_special, std::string* out) const final;
  size_t longest_piece() const final { return vocabulary_.texts.longest(); }
  int size() const final { return vocabulary_.size(); }
  int32_t bos() const final { return vocabulary_.bos; }
  int32_t eos() const final { return vocabulary_.eos; }
  const InputShape& input_shape() const final { return shape_; }
  bool IsEndOfGeneration(int32_t id) const final {
    return vocabulary_.Has(id) && vocabulary_.ends_generation[static_cast<size_t>(id)];
  }
  bool IsControl(int32_t id) const final;
  // While it is loaded.
  void set_input_shape(InputShape shape) { shape_ = std::move(shape); }

 protected:
  // The shape of inputs is BOS and EOS around texts, as the vocabulary says.
  VocabularyTokenizer(Vocabulary vocabulary, AddedTokens added);
  // Appends the ids of text that holds no added token.
  virtual void EncodePlain(const PlainText& plain, std::vector<int32_t>* ids) const = 0;
  // Appends the bytes of a token that is neither control nor unknown; no more of them than its text has.
  virtual void AppendPlainPiece(int32_t id, std::string* out) const = 0;

  const Vocabulary& vocabulary() const { return vocabulary_; }
  AddedTokens* added_tokens() { return &added_; }

 private:
  void EncodeMarked(const MarkedText& marked, std::vector<int32_t>* ids) const;

  Vocabulary vocabulary_;
  AddedTokens added_;
  InputShape shape_;
};

// A kind of tokenizer: one file, and one line in tokenizers.list.
struct TokenizerDesc {
  Required<const char*> name;     // value of tokenizer.ggml.model
  Required<const char*> summary;  // what it is called elsewhere
  Required<Result<std::unique_ptr<Tokenizer>> (*)(const Metadata&)> load;
  std::string_view alias = {};  // another value of tokenizer.ggml.model
};

}  // namespace tern
