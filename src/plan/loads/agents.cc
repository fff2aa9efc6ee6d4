// Agents: a few programs, each with a long beginning that all its conversations share, in which every turn
// begins with all of the turn before: its prompt, and as much as was answered.

#include <algorithm>

#include "plan/load.h"

namespace tern {
namespace {

constexpr int kPrograms = 4, kBlock = 16;
constexpr double kTurns = 4;    // of a conversation, on average
constexpr double kThink_s = 5;  // between turns, on average; the answer before takes its own time

struct Conversation {
  double now = 0;
  int tokens = 0;  // of the next prompt
  std::vector<uint64_t> names;
};

// What a turn adds has names of its own, but for the last block, which the next turn fills up.
void Extend(Conversation& c, int tokens, Dice& dice) {
  c.tokens += tokens;
  while (static_cast<int>(c.names.size() + 1) * kBlock <= c.tokens) c.names.push_back(dice.Next());
}

void Make(const LoadOptions& options, Dice& dice, Trace* trace) {
  trace->block_tokens = kBlock;
  double begin = 0;
  const auto shared = static_cast<size_t>(options.shared_tokens / kBlock);
  while (static_cast<int>(trace->requests.size()) < options.requests) {
    begin += dice.Exponential(kTurns / options.rate);
    Conversation c{.now = begin, .names = {}};
    const uint64_t program = Mix(dice.Next() % kPrograms + 1);
    for (size_t i = 0; i < shared; ++i) c.names.push_back(Mix(program + i));
    c.tokens = static_cast<int>(shared) * kBlock;
    const int turns = dice.Length(kTurns, options.spread);
    for (int turn = 0; turn < turns && static_cast<int>(trace->requests.size()) < options.requests; ++turn) {
      TraceRequest r = DrawRequest(options, c.now, dice);
      Extend(c, r.input_tokens, dice);
      r.input_tokens = std::max(c.tokens, 1);
      r.prefix = c.names;
      Extend(c, r.output_tokens, dice);
      c.now += dice.Exponential(kThink_s);
      trace->requests.push_back(std::move(r));
    }
  }
}

}  // namespace

extern const LoadDesc k_load_agents;
const LoadDesc k_load_agents = {
    .name = "agents",
    .summary = "conversations of about 4 turns with 4 programs, whose prompts begin with --shared-tokens",
    .make = Make,
};

}  // namespace tern
