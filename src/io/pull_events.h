#pragma once
// PullEvents: how long work on the network tells its caller how far it is, and is told to stop. All functions
// are optional; they are called on the thread that pulls.

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace tern {

struct PullEvents {
  std::function<void(const std::string& what)> stage;           // "downloading x.gguf", "checking x.gguf"
  std::function<void(uint64_t done, uint64_t total)> progress;  // bytes of this stage; total 0: unknown
  std::function<void(const std::string& line)> note;            // worth a line of its own: a retry, ...
  std::function<bool()> cancelled;                              // asked at least ten times a second

  void Stage(const std::string& what) const {
    if (stage) stage(what);
  }
  void Progress(uint64_t done, uint64_t total) const {
    if (progress) progress(done, total);
  }
  void Note(const std::string& line) const {
    if (note) note(line);
  }
  bool Cancelled() const { return cancelled && cancelled(); }
};

// What a function returns when PullEvents::cancelled said so.
inline Error CancelledError() { return {Code::kCancelled, "interrupted; what is finished is kept"}; }

}  // namespace tern
