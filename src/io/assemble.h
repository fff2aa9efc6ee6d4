#pragma once
// Assemble: one file from its sources on the network, whole and checked or not at all.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/download.h"
#include "io/model_ref.h"
#include "io/pull_events.h"
#include "io/pypi.h"

namespace tern {

struct AssembleRequest {
  std::vector<ModelRef> parts{};  // kUrl or kPypi, in order
  std::string path{};             // where the file goes; its folder exists
  uint64_t bytes = 0;             // 0: not known
  std::string sha256{};           // empty: not known
  std::string begins_with{};      // as DownloadRequest has it
  NetworkPolicy network{};
  PypiOptions pypi{};
  std::string wheel{};  // the wheel of the first part, where that was pulled already
};

// Parts that are finished are kept over an interruption and not fetched again. Beside the file it makes
// "<path>.incomplete" (what is there so far), "<path>.parts" (how many parts that is) and "<path>.work".
Result<Downloaded> Assemble(const AssembleRequest& request, const PullEvents& events);

}  // namespace tern
