#include "sched/accounts.h"

#include <algorithm>
#include <limits>

namespace tern {
namespace {

bool IsThere(const Account& account) { return account.waiting + account.running > 0; }

}  // namespace

Account& Accounts::Enter(int id, double weight) {
  Account& account = accounts_.try_emplace(id).first->second;
  account.id = id;
  account.weight = weight > 0 ? weight : 1;
  if (IsThere(account)) return account;
  double least = std::numeric_limits<double>::infinity();
  for (const auto& [other_id, other] : accounts_) {
    if (IsThere(other)) least = std::min(least, other.served);
  }
  account.served =
      std::max(account.served, least < std::numeric_limits<double>::infinity() ? least : last_served_);
  return account;
}

void Accounts::Leave(const Account& account) {
  if (!IsThere(account)) last_served_ = account.served;
}

}  // namespace tern
