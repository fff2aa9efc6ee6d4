#include "text/bpe_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/utf8.h"

namespace tern {

BpeModel::BpeModel(BpeOptions options, size_t keys, size_t merges)
    : options_(std::move(options)), index_(keys_, keys), merges_(merges) {}

bool BpeModel::AddKey(std::string_view key, bool reachable) {
  const auto id = static_cast<int32_t>(keys_.size());
  keys_.Append(key);
  return !reachable || key.empty() || index_.Insert(id);
}

void BpeModel::AddMerge(int32_t left, int32_t right, Merge merge) {
  merges_.Insert(left, right, merge, options_.last_merge_wins);
  if (key(right).starts_with(kSpaceMark)) cutter_.NoteJoin(key(left));
}

void BpeModel::Finish() {
  for (size_t byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    byte_ids_[byte] = index_.Find({&text, 1});
    fallback_ids_[byte] = index_.Find(fmt::format("<0x{:02X}>", byte));
  }
  const bool knows_all =
      options_.byte_fallback && std::ranges::all_of(fallback_ids_, [](int32_t id) { return id >= 0; });
  cuts_ = !options_.by_bytes && options_.prefix.empty() && options_.suffix.empty() && !options_.whole_words &&
          (knows_all || !options_.fuses_unknown);
}

void BpeModel::Encode(std::span<const std::string_view> words, std::vector<int32_t>* ids) const {
  const auto scratch = pool_.Take();
  for (std::string_view word : words) {
    while (!word.empty()) {
      const size_t size = cuts_ ? cutter_.WordSize(word) : word.size();
      EncodeWord(word.substr(0, size), &*scratch, ids);
      word.remove_prefix(size);
    }
  }
}

void BpeModel::EncodeWord(std::string_view word, Scratch* scratch, std::vector<int32_t>* ids) const {
  if (scratch->cache.Append(word, ids)) return;
  const size_t before = ids->size();
  const int32_t whole = options_.whole_words ? index_.Find(word) : -1;
  if (whole >= 0) {
    ids->push_back(whole);
  } else {
    std::vector<Symbol>& symbols = scratch->symbols;
    symbols.clear();
    Begin(word, &symbols);
    scratch->merger.Run([&](const Symbol& a, const Symbol& b) { return merges_.Find(a.id, b.id); }, &symbols);
    for (const Symbol& symbol : symbols) ids->push_back(symbol.id);
  }
  scratch->cache.Insert(word, std::span(*ids).subspan(before));
}

void BpeModel::Begin(std::string_view word, std::vector<Symbol>* symbols) const {
  Start start{symbols};
  for (size_t i = 0; i < word.size();) {
    const size_t size = options_.by_bytes ? 1 : Utf8Size(word[i]);
    BeginWith(word.substr(i, size), i == 0, i + size == word.size(), &start);
    i += size;
  }
  if (start.unknown_bytes > 0) BeginUnknown(start.unknown_bytes, &start);
}

void BpeModel::BeginWith(std::string_view character, bool first, bool last, Start* start) const {
  const bool has_prefix = !first && !options_.prefix.empty(), has_suffix = last && !options_.suffix.empty();
  std::string decorated;
  std::string_view key = character;
  if (has_prefix || has_suffix) {
    decorated = fmt::format("{}{}{}", has_prefix ? options_.prefix : "", character,
                            has_suffix ? options_.suffix : "");
    key = decorated;
  }
  const int32_t id = key.size() == 1 ? byte_ids_[static_cast<unsigned char>(key[0])] : index_.Find(key);
  const auto size = static_cast<uint32_t>(character.size());
  if (id >= 0) {
    if (start->unknown_bytes > 0) BeginUnknown(start->unknown_bytes, start);
    start->unknown_bytes = 0;
    start->symbols->push_back({id, start->at, size});
    start->at += size;
    return;
  }
  if (options_.byte_fallback && BeginWithBytes(key, start)) return;
  if (options_.unknown < 0) return;
  if (start->unknown_bytes > 0 && !options_.fuses_unknown) {
    BeginUnknown(start->unknown_bytes, start);
    start->unknown_bytes = 0;
  }
  start->unknown_bytes += size;
}

bool BpeModel::BeginWithBytes(std::string_view key, Start* start) const {
  const auto id_of = [&](char byte) { return fallback_ids_[static_cast<unsigned char>(byte)]; };
  if (!std::ranges::all_of(key, [&](char byte) { return id_of(byte) >= 0; })) return false;
  for (char byte : key) start->symbols->push_back({id_of(byte), start->at++, 1});
  return true;
}

void BpeModel::BeginUnknown(uint32_t bytes, Start* start) const {
  start->symbols->push_back({options_.unknown, start->at, bytes});
  start->at += bytes;
}

}  // namespace tern
