#pragma once
// Ctrl-C as a question instead of an end: while an InterruptScope lives, the first one only sets a flag that
// long work asks for; a second one before anybody cleared the flag ends the program the usual way. A scope
// within a scope begins with a clear flag. Servers ask for SIGTERM, too.

#include <signal.h>

#include <cstdint>

#include "base/result.h"

namespace tern {

class InterruptScope {
 public:
  enum class Of : uint8_t { kKeyboard, kKeyboardAndTermination };
  explicit InterruptScope(Of of = Of::kKeyboard);
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

 private:
  Of of_;
  struct sigaction before_, before_termination_;
};

bool Interrupted();  // Ctrl-C was pressed since the last ClearInterrupt
void ClearInterrupt();
Status InterruptedStatus();  // Code::kCancelled if it was, for work that an error ends

}  // namespace tern
