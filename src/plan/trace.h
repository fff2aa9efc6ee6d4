#pragma once
// Trace: requests as they came, without what they said: when, how long, and which beginnings they share.
//
// Read are, by their first line,
//   arrival_s,input_tokens,output_tokens[,priority][,prefix]   CSV of our own: seconds; high, mid or low;
//                                                    names of blocks with spaces between
//   TIMESTAMP,ContextTokens,GeneratedTokens          the Azure LLM inference traces of 2023 and 2024
//   Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type       BurstGPT
//   {"timestamp": ms, "input_length": n, "output_length": n, "hash_ids": [...]}  Mooncake: a JSON object a
//                     line; ours has "block_tokens" where a name stands for other than 512 tokens, "priority"
// and times count from the first request. Values are immutable once made; any thread may read.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sched/policy.h"

namespace tern {

struct TraceRequest {
  int64_t arrival_ns = 0;
  int input_tokens = 1, output_tokens = 1;
  Priority priority = Priority::kMid;
  // A name per block of the prompt, from its beginning on: equal names stand for equal tokens. What is behind
  // them is the request's own.
  std::vector<uint64_t> prefix{};
};

struct Trace {
  std::string name;
  int block_tokens = 512;              // that a name stands for
  std::vector<TraceRequest> requests;  // by arrival
  int64_t skipped = 0;                 // lines of requests that got no answer

  double seconds() const;  // from the first to the last
};

// Errors name the file, the line and the column, and what was expected there.
Result<Trace> ReadTrace(const std::string& path);
Result<Trace> ParseTrace(std::string_view text, const std::string& name);
// As JSON lines that ReadTrace takes.
std::string FormatTrace(const Trace& trace);

// So many times as fast.
void SpeedUp(Trace* trace, double factor);
// Longer ones are cut. 0: as long as they are.
void CapLengths(Trace* trace, int most_input, int most_output);

// Which ids stand for tokens: `first` to `first + count - 1`.
struct TokenIds {
  int32_t first = 0, count = INT32_MAX;
};
// The tokens of a prompt: the same for the same names, and of nobody else's beyond them.
std::vector<int32_t> PromptTokens(const Trace& trace, size_t request, TokenIds ids = {});
// Token `i` of its answer.
int32_t AnswerToken(size_t request, int i, TokenIds ids = {});

}  // namespace tern
