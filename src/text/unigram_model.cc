#include "text/unigram_model.h"

#include <algorithm>

#include "text/utf8.h"

namespace tern {

UnigramModel::UnigramModel(const UnigramOptions& options, const std::vector<UnigramPiece>& pieces)
    : options_(options) {
  std::vector<PrefixTrie::Entry> entries;
  for (const UnigramPiece& piece : pieces) {
    if (!piece.text.empty()) entries.push_back({piece.text, static_cast<int32_t>(scores_.size())});
    scores_.push_back(piece.score);
    ids_.push_back(piece.id);
    cutter_.NoteJoinsIn(piece.text);
  }
  trie_ = PrefixTrie(std::move(entries));
}

void UnigramModel::Encode(std::span<const std::string_view> words, std::vector<int32_t>* ids) const {
  const auto scratch = pool_.Take();
  for (std::string_view word : words) {
    if (scratch->cache.Append(word, ids)) continue;
    const size_t before = ids->size();
    Spell(word, 0, &*scratch);
    Emit(word, false, *scratch, ids);
    scratch->cache.Insert(word, std::span(*ids).subspan(before));
  }
}

void UnigramModel::EncodeText(std::string_view text, std::vector<int32_t>* ids) const {
  const auto scratch = pool_.Take();
  double score = 0;
  bool after_unknown = false;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, cutter_.WordSize(text));
    score = Spell(word, score, &*scratch);
    after_unknown = Emit(word, after_unknown, *scratch, ids);
    text.remove_prefix(word.size());
  }
}

void UnigramModel::Reach(size_t begin, size_t end, double score, int32_t id, std::vector<Node>* nodes) const {
  if (options_.in_single_precision) score = static_cast<float>(score);
  Node& node = (*nodes)[end];
  if (node.id == kNone || score > node.score) node = {score, static_cast<uint32_t>(begin), id};
}

double UnigramModel::Spell(std::string_view word, double score, Scratch* scratch) const {
  std::vector<Node>& nodes = scratch->nodes;
  nodes.assign(word.size() + 1, {0, 0, kNone});
  nodes[0].score = score;
  for (size_t begin = 0; begin < word.size();) {
    const double before = nodes[begin].score;
    const size_t character = Utf8Size(word[begin]);
    bool has_character = false;
    trie_.ForEachPrefix(word.substr(begin), [&](size_t bytes, int32_t piece) {
      const auto index = static_cast<size_t>(piece);
      Reach(begin, begin + bytes, before + scores_[index], ids_[index], &nodes);
      has_character |= bytes == character;
    });
    if (!has_character) {
      Reach(begin, begin + character, before + options_.unknown_score, kUnknown, &nodes);
    }
    begin += character;
  }
  scratch->parts.clear();
  for (size_t end = word.size(); end > 0; end = nodes[end].begin) {
    scratch->parts.push_back({nodes[end].begin, static_cast<uint32_t>(end), nodes[end].id});
  }
  return nodes[word.size()].score;
}

bool UnigramModel::Emit(std::string_view word, bool after_unknown, const Scratch& scratch,
                        std::vector<int32_t>* ids) const {
  const std::vector<Part>& parts = scratch.parts;
  for (size_t i = parts.size(); i > 0;) {
    const Part& part = parts[--i];
    if (part.id != kUnknown) {
      ids->push_back(part.id);
      after_unknown = false;
      continue;
    }
    uint32_t end = part.end;
    for (; i > 0 && parts[i - 1].id == kUnknown; --i) end = parts[i - 1].end;
    EmitUnknown(word.substr(part.begin, end - part.begin), after_unknown, ids);
    after_unknown = true;
  }
  return after_unknown;
}

void UnigramModel::EmitUnknown(std::string_view run, bool after_unknown, std::vector<int32_t>* ids) const {
  const auto byte_id = [&](char byte) { return options_.byte_ids[static_cast<unsigned char>(byte)]; };
  if (std::ranges::all_of(run, [&](char byte) { return byte_id(byte) >= 0; })) {
    for (char byte : run) ids->push_back(byte_id(byte));
  } else if (!after_unknown && options_.unknown >= 0) {
    ids->push_back(options_.unknown);
  }
}

}  // namespace tern
