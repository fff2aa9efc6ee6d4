#pragma once
// BpeBuilder: makes a BpeModel from a vocabulary's tokens and its merges as files spell them. Not
// thread-safe.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "text/bpe_model.h"
#include "text/vocabulary.h"

namespace tern {

class BpeBuilder {
 public:
  BpeBuilder(BpeOptions options, size_t tokens, size_t merges);

  // Adds the token of the next id, which must outlive the builder. Not `reachable`: text must not lead to it.
  // False: the same token is there already, reachable.
  bool AddToken(std::string_view text, bool reachable);
  int32_t Find(std::string_view token) const;  // of reachable tokens, else -1

  // The next merge, of a lower rank than those before it. What is wrong with it, or "".
  std::string AddMerge(std::string_view left, std::string_view right);
  // The same, from "left right".
  std::string AddMerge(std::string_view merge);
  // All of a GGUF file; the error names the first bad one.
  Status AddMerges(const std::vector<std::string>& merges);

  std::unique_ptr<const BpeModel> Finish();

 private:
  // What the model sees of a token; nothing where no bytes spell it.
  std::optional<std::string> KeyOf(std::string_view token) const;

  BpeOptions options_;
  std::unique_ptr<BpeModel> model_;
  std::vector<std::string_view> tokens_;
  std::unordered_set<std::string_view> all_;  // of tokens_, once it is needed
  uint32_t rank_ = 0;
};

// The merges of a GGUF file: an error where there are none.
Result<const std::vector<std::string>*> MergesOf(const Metadata& metadata);

}  // namespace tern
