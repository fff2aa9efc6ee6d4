// step_instructions PROMPT TOKENS PRECISION: a model of random weights, held in memory, reads PROMPT tokens
// and says TOKENS more. On one thread and with all choices fixed, so that two runs differ by the same
// instructions on any day: instructions_test.py counts them.

#include <cstdio>
#include <cstdlib>

#include "engine/engine.h"
#include "engine/tiny_model.h"

namespace tern {
namespace {

Status Run(int prompt, int tokens, Precision precision) {
  const auto model = MakeTinyModel({.layers = 3,
                                    .width = 256,
                                    .heads = 4,
                                    .kv_heads = 2,
                                    .head_dim = 64,
                                    .ffn_width = 512,
                                    .vocabulary = 258,
                                    .formats = {"q4_0", "q8_0", "q4_k", "q6_k"}});
  TERN_TRY(auto runner, Runner::Make(model, {.threads = 1, .precision = precision, .context = 256}));
  Engine engine(std::move(runner));
  Request request;
  for (int i = 0; i < prompt; ++i) request.prompt.push_back(i % 250);
  request.sampling.seed = 1;
  request.max_tokens = tokens;
  request.ignore_end = true;
  TERN_TRY(const auto id, engine.Submit(request));
  static_cast<void>(id);
  while (engine.Step()) {
  }
  return {};
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) {
  TERN_CHECK(argc == 4);
  const auto precision = tern::ParsePrecision(argv[3]);
  TERN_CHECK(precision.ok());
  const tern::Status status = tern::Run(std::atoi(argv[1]), std::atoi(argv[2]), precision.value());
  if (!status.ok()) std::fprintf(stderr, "step_instructions: %s\n", status.error().what.c_str());
  return status.ok() ? 0 : 1;
}
