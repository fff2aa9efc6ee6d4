#pragma once
// KvFingerprint: of all that makes the bytes of KV differ, so that what one process keeps, another may take:
// the contents of the model's files, the program that a step runs, this build, the instructions it uses, and
// how KV is laid out.

#include <string>

#include "engine/runner.h"

namespace tern {

// Reads the model's files from end to end. An error where this build cannot be told from others.
Result<std::string> KvFingerprint(Runner& runner);

}  // namespace tern
