#pragma once
// PrefixLink: how KV of prompts enters an engine, or leaves it, beside what the engine computes itself. The
// engine's thread calls it, between steps.

#include <cstdint>
#include <functional>
#include <memory>

namespace tern {

class Runner;
class Scheduler;

class PrefixLink {
 public:
  virtual ~PrefixLink() = default;
  virtual void BeforePlan(int64_t now_ns, bool is_idle) = 0;
  // It has something to do though the engine has no request.
  virtual bool has_work() const { return false; }
  // Where nothing else is to be done: until KV has come, or gone, or for a moment. False: none is under way.
  virtual bool Wait(int64_t now_ns) = 0;
};

// Both outlive it.
using MakePrefixLink = std::function<std::unique_ptr<PrefixLink>(Runner*, Scheduler*)>;

}  // namespace tern
