#pragma once
// config.json of a checkpoint that has none: what the class in Transformers reads as the model that a GGUF
// file is.

#include <boost/json/object.hpp>
#include <string_view>

#include "base/result.h"
#include "io/checkpoint.h"
#include "models/hf/mapping.h"
#include "models/model.h"

namespace tern {

struct FolderConfig {
  boost::json::object config;
  const HfMapping* mapping = nullptr;  // of the class
};

// A model whose architecture, or something of which, has no words here is refused. What is written is right
// only where it builds the same graph (SameGraph).
Result<FolderConfig> DescribeAsFolder(const Checkpoint& checkpoint);

// Whether two checkpoints are one model, apart from the formats of their weights; else an error that says
// where they part.
Status SameGraph(const BuiltModel& a, const BuiltModel& b);

}  // namespace tern
