#pragma once
// Where drafts of what an answer says next come from: speculator.h.

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace tern {

// What followed the same tokens earlier in the request's own text, or what a smaller model says.
enum class Speculation : uint8_t { kOff, kNgram, kDraft };
// "auto" is kDraft with a draft model, else kNgram.
Result<Speculation> ParseSpeculation(std::string_view name, bool has_draft_model);

}  // namespace tern
