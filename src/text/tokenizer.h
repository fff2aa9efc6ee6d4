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
  virtual bool adds_bos() const = 0;
  virtual bool adds_eos() const = 0;
  virtual bool IsEndOfGeneration(int32_t id) const = 0;  // eos, eot, eom
  virtual bool IsControl(int32_t id) const = 0;
  // SentencePiece drops the space in front of the very first word when it decodes.
  virtual bool strips_leading_space() const = 0;
};

// Reads tokenizer.* keys; works on vocabulary-only files. The error names the key.
Result<std::unique_ptr<Tokenizer>> LoadTokenizer(const Metadata& metadata);

// BOS where the tokenizer adds one, then the segments as one text (EncodeJoined). A template that already
// spells BOS does not get a second one.
std::vector<int32_t> EncodeSegments(const Tokenizer& tokenizer, std::span<const TextSegment> segments);

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
