#include "text/bpe_builder.h"

#include <fmt/format.h>

#include "text/byte_alphabet.h"
#include "text/vocabulary.h"

namespace tern {
namespace {
constexpr std::string_view kMergesKey = "tokenizer.ggml.merges";
}

BpeBuilder::BpeBuilder(BpeOptions options, size_t tokens, size_t merges)
    : options_(std::move(options)), model_(std::make_unique<BpeModel>(options_, tokens, merges)) {}

std::optional<std::string> BpeBuilder::KeyOf(std::string_view token) const {
  if (!options_.by_bytes) return std::string(token);
  std::string bytes;
  if (!AppendSpelledBytes(token, &bytes)) return std::nullopt;
  return bytes;
}

bool BpeBuilder::AddToken(std::string_view text, bool reachable) {
  tokens_.push_back(text);
  const auto key = KeyOf(text);
  return model_->AddKey(key.value_or(""), key && reachable);
}

int32_t BpeBuilder::Find(std::string_view token) const {
  const auto key = KeyOf(token);
  return key ? model_->Find(*key) : -1;
}

std::string BpeBuilder::AddMerge(std::string_view left, std::string_view right) {
  std::string_view tail = right;
  if (tail.starts_with(options_.prefix)) tail.remove_prefix(options_.prefix.size());
  const std::string joined = fmt::format("{}{}", left, tail);
  const uint32_t rank = rank_++;
  const int32_t a = Find(left), b = Find(right), made = Find(joined);
  if (a >= 0 && b >= 0 && made >= 0) {
    model_->AddMerge(a, b, {rank, made});
    return "";
  }
  // A merge to or from a token that text must not spell is passed over. One that names no token is wrong.
  if (all_.empty()) all_.insert(tokens_.begin(), tokens_.end());
  for (std::string_view text : {left, right, std::string_view(joined)}) {
    if (!all_.contains(text)) return Shown(text) + " is not in the vocabulary";
  }
  return "";
}

std::string BpeBuilder::AddMerge(std::string_view merge) {
  const size_t space = merge.find(' ', 1);  // a token may be a space
  if (space == std::string_view::npos || space + 1 == merge.size()) {
    return Shown(merge) + ", expected two tokens and a space";
  }
  return AddMerge(merge.substr(0, space), merge.substr(space + 1));
}

std::unique_ptr<const BpeModel> BpeBuilder::Finish() {
  model_->Finish();
  return std::move(model_);
}

Status BpeBuilder::AddMerges(const std::vector<std::string>& merges) {
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string problem = AddMerge(merges[rank]);
    if (!problem.empty()) return BadEntry(kMergesKey, rank, problem);
  }
  return {};
}

Result<const std::vector<std::string>*> MergesOf(const Metadata& metadata) {
  const std::vector<std::string>* merges = metadata.Strings(kMergesKey);
  if (merges == nullptr) return BadInput(fmt::format("{}: missing or not an array of strings", kMergesKey));
  return merges;
}

}  // namespace tern
