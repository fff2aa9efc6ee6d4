#pragma once
// Ctrl-C as a question instead of an end: while an InterruptScope lives, the first one only sets a flag that
// long work asks for; a second one before anybody cleared the flag ends the program the usual way. A scope
// within a scope begins with a clear flag.

#include <signal.h>

#include "base/result.h"

namespace tern {

class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

 private:
  struct sigaction before_;
};

bool Interrupted();  // Ctrl-C was pressed since the last ClearInterrupt
void ClearInterrupt();
Status InterruptedStatus();  // Code::kCancelled if it was, for work that an error ends

}  // namespace tern
