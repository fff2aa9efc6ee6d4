#pragma once
// RunChild: another program, started without a shell, watched until it ends.

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace tern {

struct ChildOptions {
  std::vector<std::string> words{};        // the program, looked up in PATH, and its arguments
  std::vector<std::string> environment{};  // "NAME=value", beside and before the caller's own environment
  std::string output{};                    // file that gets its standard output and error; made anew
  std::function<bool()> keep_going{};      // asked ten times a second; false ends the child
};

// Its exit code (128 + signal if it was killed), kNotFound if there is no such program, kCancelled if
// keep_going said no. The child has a process group of its own, which is ended as a whole.
Result<int> RunChild(const ChildOptions& options);

}  // namespace tern
