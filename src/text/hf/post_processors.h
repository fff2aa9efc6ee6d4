#pragma once
// The "post_processor" of a tokenizer.json: what stands around one text and around a pair of texts. To add
// one, write a loader and a line in the table of post_processors.cc.

#include "base/result.h"
#include "text/hf/json_node.h"
#include "text/tokenizer.h"

namespace tern {

// Null puts nothing around them. All ids are below `size`.
Result<InputShape> LoadInputShape(const JsonNode& node, int32_t size);

}  // namespace tern
