#include "text/byte_alphabet.h"

#include <array>
#include <cstdint>

#include "text/utf8.h"

namespace tern {
namespace {

constexpr bool IsPrintable(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
}

constexpr std::array<char32_t, 256> MakeCharacters() {
  std::array<char32_t, 256> characters{};
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    characters[static_cast<size_t>(byte)] = IsPrintable(byte) ? static_cast<char32_t>(byte) : next++;
  }
  return characters;
}
constexpr std::array<char32_t, 256> kCharacters = MakeCharacters();

// For each character below U+0144 the byte it stands for, or -1.
constexpr std::array<int16_t, 0x144> MakeBytes() {
  std::array<int16_t, 0x144> bytes{};
  bytes.fill(-1);
  for (size_t byte = 0; byte < 256; ++byte) bytes[kCharacters[byte]] = static_cast<int16_t>(byte);
  return bytes;
}
constexpr std::array<int16_t, 0x144> kBytes = MakeBytes();

}  // namespace

std::string SpellBytes(std::string_view text) {
  std::string spelled;
  spelled.reserve(text.size() * 2);
  for (char c : text) AppendUtf8(kCharacters[static_cast<unsigned char>(c)], &spelled);
  return spelled;
}

bool AppendSpelledBytes(std::string_view spelled, std::string* bytes) {
  while (!spelled.empty()) {
    const Utf8Step step = NextUtf8(spelled);
    if (step.kind != Utf8Step::kCharacter) return false;
    const char32_t character = DecodeUtf8(spelled);
    if (character >= kBytes.size() || kBytes[character] < 0) return false;
    *bytes += static_cast<char>(kBytes[character]);
    spelled.remove_prefix(step.size);
  }
  return true;
}

int ByteOfPiece(std::string_view text) {
  if (text.size() != 6 || text.substr(0, 3) != "<0x" || text[5] != '>') return -1;
  int byte = 0;
  for (char digit : text.substr(3, 2)) {
    const size_t value = std::string_view("0123456789ABCDEF").find(digit);
    if (value == std::string_view::npos) return -1;
    byte = byte * 16 + static_cast<int>(value);
  }
  return byte;
}

}  // namespace tern
