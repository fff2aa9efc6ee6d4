#include "cli/interrupt.h"

#include <unistd.h>

namespace tern {
namespace {

volatile sig_atomic_t g_interrupted = 0, g_hung_up = 0;

void OnHangup(int) { g_hung_up = 1; }

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
  if (of_ != Of::kServer) return;
  sigaction(SIGTERM, &action, &before_termination_);
  g_hung_up = 0;
  takes_hangup_ = isatty(STDIN_FILENO) == 0;
  action.sa_handler = OnHangup;
  if (takes_hangup_) sigaction(SIGHUP, &action, &before_hangup_);
}
InterruptScope::~InterruptScope() {
  sigaction(SIGINT, &before_, nullptr);
  if (of_ == Of::kServer) sigaction(SIGTERM, &before_termination_, nullptr);
  if (takes_hangup_) sigaction(SIGHUP, &before_hangup_, nullptr);
}

bool Interrupted() { return g_interrupted != 0; }
void ClearInterrupt() { g_interrupted = 0; }
bool TakeHangup() {
  if (g_hung_up == 0) return false;
  g_hung_up = 0;
  return true;
}
Status InterruptedStatus() { return Interrupted() ? Status(Error{Code::kCancelled, ""}) : Status(); }

}  // namespace tern
