#include "text/grammar/utf8_ranges.h"

#include <string>

#include "text/utf8.h"

namespace tern::grammar {
namespace {

// Where to cut a range that is no product of byte ranges: behind the returned character; 0: it is one.
char32_t CutOf(CharRange range) {
  for (const char32_t last : {U'\x7F', U'\x7FF', U'\xFFFF'}) {
    if (range.first <= last && last < range.last) return last;
  }
  if (range.last < 0x80) return 0;
  for (int bits = 6; bits <= 18; bits += 6) {
    const char32_t low = (char32_t{1} << bits) - 1;
    if ((range.first & ~low) == (range.last & ~low)) continue;
    if ((range.first & low) != 0) return range.first | low;
    if ((range.last & low) != low) return (range.last & ~low) - 1;
  }
  return 0;
}

}  // namespace

void AppendUtf8Ranges(CharRange range, std::vector<ByteSequence>* sequences) {
  std::vector<CharRange> waiting = {range};
  std::string first, last;
  while (!waiting.empty()) {
    const CharRange next = waiting.back();
    waiting.pop_back();
    if (const char32_t cut = CutOf(next); cut != 0) {
      waiting.push_back({cut + 1, next.last});
      waiting.push_back({next.first, cut});
      continue;
    }
    first.clear();
    last.clear();
    AppendUtf8(next.first, &first);
    AppendUtf8(next.last, &last);
    ByteSequence sequence{{}, static_cast<uint8_t>(first.size())};
    for (size_t i = 0; i < first.size(); ++i) {
      sequence.bytes[i] = {static_cast<uint8_t>(first[i]), static_cast<uint8_t>(last[i])};
    }
    sequences->push_back(sequence);
  }
}

}  // namespace tern::grammar
