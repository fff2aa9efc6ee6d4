// What a model writes when nobody asks it anything.
#include <algorithm>

#include "compress/calibration_data.h"
#include "engine/engine.h"

namespace tern {
namespace {

constexpr int kTogether = 32;  // sequences of a batch
constexpr float kLeastShare = 0.02f;

Request SampleRequest(int32_t first, int tokens, uint64_t seed, std::vector<int32_t>* sample) {
  Request request;
  request.prompt = {first};
  request.max_tokens = tokens;
  request.sampling = {.seed = seed, .temperature = 1.f, .top_k = 0, .top_p = 1.f, .min_p = kLeastShare};
  sample->push_back(first);
  request.on_token = [sample](int32_t token) { sample->push_back(token); };
  return request;
}

// Where a text begins: BOS, or the end of another text, or any token.
int32_t FirstToken(const LoadedModel& model, uint64_t seed) {
  const Tokenizer& tokenizer = *model.tokenizer;
  if (tokenizer.bos() >= 0) return tokenizer.bos();
  if (tokenizer.eos() >= 0) return tokenizer.eos();
  return static_cast<int32_t>(Random(seed).Next() % static_cast<uint32_t>(model.hparams().vocabulary));
}

}  // namespace

Result<std::vector<std::vector<int32_t>>> GenerateSamples(
    const std::shared_ptr<const LoadedModel>& model, int64_t tokens, int sample_tokens, uint64_t seed,
    int threads, const std::function<void(int64_t, int64_t)>& progress) {
  RunnerOptions options{.threads = threads, .context = sample_tokens + 1, .sequences = kTogether};
  options.step_tokens = options.step_outputs = kTogether;
  TERN_TRY(auto runner, Runner::Make(model, options));
  Engine engine(std::move(runner));
  std::vector<std::vector<int32_t>> samples;
  int64_t done = 0;
  // Whole rounds of samples that belong together, whoever ends first: a sample is the same whatever the
  // batch.
  while (done < tokens) {
    std::vector<std::vector<int32_t>> round(kTogether);
    for (std::vector<int32_t>& sample : round) {
      const uint64_t of_sample = seed + samples.size() + static_cast<size_t>(&sample - round.data());
      TERN_TRY(
          [[maybe_unused]] const RequestId id,
          engine.Submit(SampleRequest(FirstToken(*model, of_sample), sample_tokens, of_sample, &sample)));
    }
    while (engine.Step()) {
      if (!progress) continue;
      int64_t written = done;
      for (const auto& sample : round) written += static_cast<int64_t>(sample.size());
      progress(std::min(written, tokens), tokens);
    }
    for (std::vector<int32_t>& sample : round) {
      done += static_cast<int64_t>(sample.size());
      samples.push_back(std::move(sample));
    }
  }
  return samples;
}

}  // namespace tern
