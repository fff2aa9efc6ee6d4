#include "engine/speculation/speculation.h"

#include <fmt/format.h>

namespace tern {

Result<Speculation> ParseSpeculation(std::string_view name, bool has_draft_model) {
  if (name == "auto") return has_draft_model ? Speculation::kDraft : Speculation::kNgram;
  if (name == "off") return Speculation::kOff;
  if (name == "ngram") return Speculation::kNgram;
  if (name != "draft") {
    return BadInput(fmt::format("speculation: '{}', expected auto, off, ngram or draft", name));
  }
  if (!has_draft_model) return BadInput("speculation: draft, expected a draft model with it");
  return Speculation::kDraft;
}

}  // namespace tern
