#pragma once
// Ctrl-C as a question instead of an end: while an InterruptScope lives, the first one only sets a flag that
// long work asks for; a second one before anybody cleared the flag ends the program the usual way. A scope
// within a scope begins with a clear flag. Servers ask for SIGTERM, too, and for SIGHUP: that is a question
// of its own, and of a server in the background only, as a terminal that closes sends it to all of its
// programs.

#include <signal.h>

#include <cstdint>

#include "base/result.h"

namespace tern {

class InterruptScope {
 public:
  enum class Of : uint8_t { kKeyboard, kServer };
  explicit InterruptScope(Of of = Of::kKeyboard);
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

 private:
  Of of_;
  bool takes_hangup_ = false;
  struct sigaction before_, before_termination_, before_hangup_;
};

bool Interrupted();  // Ctrl-C was pressed since the last ClearInterrupt
void ClearInterrupt();
bool TakeHangup();           // SIGHUP came since this was last asked
Status InterruptedStatus();  // Code::kCancelled if it was, for work that an error ends

}  // namespace tern
