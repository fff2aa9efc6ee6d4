#pragma once
// Tokenizer: text <-> token ids. Immutable after loading; all methods may be called from any thread.
//
// Special (control) tokens in text are recognised only where the caller says so: template text yes, user text
// no. Invalid UTF-8 becomes U+FFFD by the WHATWG rule, never an error. Time is linear in the input.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/checkpoint.h"

namespace tern {

// Why a string is tokenized as it is (design, section 4).
struct TextSegment {
  std::string text;
  bool is_template = false;  // template text may spell special tokens, user text may not
};

// What a model is given for one text, or for a pair: "[CLS] first [SEP] second [SEP]".
struct InputPart {
  enum class Kind { kToken, kFirst, kSecond };  // a special token, or one of the texts
  Kind kind;
  int32_t id = -1;   // of the token
  int32_t type = 0;  // the segment's number, for models that count them
};
struct InputShape {
  std::vector<InputPart> single, pair;
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  // Appends the ids of `text`, without BOS or EOS.
  virtual void Encode(std::string_view text, bool parse_special, std::vector<int32_t>* ids) const = 0;
  // Appends the ids of the segments' texts as one text, so that words and merges cross segment borders as
  // they would in the whole; a special token is recognised where all of it is template text. Without BOS or
  // EOS.
  virtual void EncodeJoined(std::span<const TextSegment> segments, std::vector<int32_t>* ids) const = 0;
  // Appends the bytes of one token as they stand in running text (none for control tokens unless
  // `with_special`, none for ids out of range). A token may hold part of a UTF-8 character.
  virtual void AppendPiece(int32_t id, bool with_special, std::string* out) const = 0;
  std::string Piece(int32_t id, bool with_special) const {
    std::string piece;
    AppendPiece(id, with_special, &piece);
    return piece;
  }
  virtual size_t longest_piece() const = 0;  // bytes; no piece is longer
  virtual int size() const = 0;
  virtual int32_t bos() const = 0;  // -1: none
  virtual int32_t eos() const = 0;  // -1: none
  // What the published tokenizer puts around texts that are a whole input.
  virtual const InputShape& input_shape() const = 0;
  bool adds_bos() const;                                 // `bos` in front of a text
  bool adds_eos() const;                                 // `eos` behind it
  virtual bool IsEndOfGeneration(int32_t id) const = 0;  // eos, eot, eom
  virtual bool IsControl(int32_t id) const = 0;
  // SentencePiece drops the space in front of the very first word when it decodes.
  virtual bool strips_leading_space() const = 0;
};

// The ids of a text that is a whole input: with what stands around it.
std::vector<int32_t> EncodeInput(const Tokenizer& tokenizer, std::string_view text, bool parse_special);

struct PairInput {
  std::vector<int32_t> ids;
  std::vector<int32_t> types;  // of each id: the segment's number
};
// A question and an answer, say, as cross-encoders read them.
PairInput EncodePair(const Tokenizer& tokenizer, std::string_view first, std::string_view second);

// Reads tokenizer.* keys; works on vocabulary-only files. The error names the key.
Result<std::unique_ptr<Tokenizer>> LoadTokenizer(const Metadata& metadata);

// What the tokenizer puts in front of a text (BOS), then the segments as one text (EncodeJoined). A template
// that already spells it does not get it twice.
std::vector<int32_t> EncodeSegments(const Tokenizer& tokenizer, std::span<const TextSegment> segments);
// The same, and what it puts behind a text (</s>): as encoders read one.
std::vector<int32_t> EncodeWhole(const Tokenizer& tokenizer, std::span<const TextSegment> segments);

// Turns a stream of ids into text and never splits a UTF-8 character. Not thread-safe; one per stream.
class Detokenizer {
 public:
  explicit Detokenizer(const Tokenizer& tokenizer, bool with_special = false);
  // Appends the text that became complete with this token, if any: at most max_text() bytes. Allocates
  // nothing itself.
  void Push(int32_t id, std::string* out);
  // Appends what is left at the end; an incomplete character becomes U+FFFD.
  void Flush(std::string* out);
  size_t max_text() const;

 private:
  const Tokenizer* tokenizer_;
  bool with_special_;
  bool first_ = true;
  std::string pending_;
};

}  // namespace tern
