#pragma once
// SpaceCutter: cuts text in which U+2581 stands for a space in front of those spaces that no merge ever joins
// to the character before them: what is left and right of such a place never meets, so a long text becomes
// words.

#include <array>
#include <string_view>

#include "text/utf8.h"

namespace tern {

class SpaceCutter {
 public:
  // A piece or merge joins a space to `left`, text that does not end in a space itself.
  void NoteJoin(std::string_view left) {
    if (!left.empty() && !left.ends_with(kSpaceMark)) joins_[static_cast<unsigned char>(left.back())] = true;
  }
  // The same for every space inside a piece.
  void NoteJoinsIn(std::string_view piece) {
    for (size_t at = piece.find(kSpaceMark, 1); at != piece.npos; at = piece.find(kSpaceMark, at + 1))
      NoteJoin(piece.substr(0, at));
  }
  // The bytes of the first word of `text`, which is not empty.
  size_t WordSize(std::string_view text) const {
    size_t at = 0;
    for (;;) {
      while (text.substr(at).starts_with(kSpaceMark)) at += kSpaceMark.size();
      at = text.find(kSpaceMark, at);
      if (at == std::string_view::npos) return text.size();
      if (at > 0 && !joins_[static_cast<unsigned char>(text[at - 1])]) return at;
    }
  }

 private:
  std::array<bool, 256> joins_{};  // by the last byte in front of the space
};

}  // namespace tern
