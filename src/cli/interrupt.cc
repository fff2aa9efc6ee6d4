#include "cli/interrupt.h"

namespace tern {
namespace {

volatile sig_atomic_t g_interrupted = 0;

void OnInterrupt(int signal) {
  if (g_interrupted != 0) {
    struct sigaction usual {};
    usual.sa_handler = SIG_DFL;
    sigaction(signal, &usual, nullptr);
    raise(signal);
  }
  g_interrupted = 1;
}

}  // namespace

InterruptScope::InterruptScope(Of of) : of_(of) {
  g_interrupted = 0;
  struct sigaction action {};
  action.sa_handler = OnInterrupt;  // no SA_RESTART: a read from the terminal must wake up
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &before_);
  if (of_ == Of::kKeyboardAndTermination) sigaction(SIGTERM, &action, &before_termination_);
}
InterruptScope::~InterruptScope() {
  sigaction(SIGINT, &before_, nullptr);
  if (of_ == Of::kKeyboardAndTermination) sigaction(SIGTERM, &before_termination_, nullptr);
}

bool Interrupted() { return g_interrupted != 0; }
void ClearInterrupt() { g_interrupted = 0; }
Status InterruptedStatus() { return Interrupted() ? Status(Error{Code::kCancelled, ""}) : Status(); }

}  // namespace tern
