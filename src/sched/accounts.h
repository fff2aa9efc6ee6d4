#pragma once
// Accounts: how much of the machine each API key has had, as virtual token counters ("Fairness in Serving
// Large Language Models", Sheng et al., OSDI 2024): a key is charged for what its requests compute, over its
// weight, and whoever has the least comes next. A key that comes back after a pause begins where the least
// served of those that are there stand: what it did not use then is no credit now.
//
// Not thread-safe. Allocates where a key is new.

#include <cstdint>
#include <map>

namespace tern {

struct Account {
  int id = 0;
  double weight = 1;
  double served = 0;  // the counter: tokens over weight
  double turn = 0;    // of its request that started last
  int waiting = 0, running = 0;
  int64_t waiting_tokens = 0;  // of prompts
};

class Accounts {
 public:
  // The published weights of a token that is read and of one that is written.
  static constexpr double kPromptToken = 1, kAnswerToken = 2;

  // A request of the account comes; before it is counted as waiting.
  Account& Enter(int id, double weight);
  void Charge(Account& account, double tokens) { account.served += tokens / account.weight; }
  // A request has ended, and is no longer counted.
  void Leave(const Account& account);
  const std::map<int, Account>& all() const { return accounts_; }

 private:
  std::map<int, Account> accounts_;
  double last_served_ = 0;  // of the one that was there last
};

}  // namespace tern
