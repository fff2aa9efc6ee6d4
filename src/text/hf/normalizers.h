#pragma once
// The "normalizer" of a tokenizer.json: steps that rewrite a text before it is cut into words. To add one,
// write a loader and a line in the table of normalizers.cc. Immutable once loaded; any thread.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/hf/json_node.h"

namespace tern {

class TextNormalizer {
 public:
  using Step = std::function<void(std::string* text)>;

  // Null is no normalizer.
  static Result<TextNormalizer> Load(const JsonNode& node);
  void Add(Step step) { steps_.push_back(std::move(step)); }
  bool empty() const { return steps_.empty(); }
  // `text` and the result are valid UTF-8. Where a text has grown to 64 times its size, the steps that follow
  // are left out: no published tokenizer comes near that.
  std::string Run(std::string_view text) const;

 private:
  std::vector<Step> steps_;
};

}  // namespace tern
