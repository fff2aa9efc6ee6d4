#pragma once
// EncoderHost: a text encoder, the thread that runs it, and a bounded queue of what it has yet to do.

#include <functional>
#include <memory>
#include <vector>

#include "engine/text_encoder.h"
#include "server/workers.h"

namespace tern {

class EncoderHost {
 public:
  using Vectors = std::vector<std::vector<float>>;
  using Done = std::function<void(Result<Vectors>)>;

  explicit EncoderHost(std::unique_ptr<TextEncoder> encoder, size_t most_waiting = 64)
      : encoder_(std::move(encoder)),
        max_tokens_(encoder_->max_tokens()),
        bytes_(encoder_->bytes()),
        thread_(1, most_waiting) {}

  // Calls `done` on the encoder's thread; or an error, where too many wait already. From any thread.
  Status Embed(std::vector<EncoderText> texts, Done done) {
    return Post([this, texts = std::move(texts), done = std::move(done)] { done(encoder_->Embed(texts)); });
  }
  Status Classify(std::vector<EncoderText> texts, Done done) {
    return Post(
        [this, texts = std::move(texts), done = std::move(done)] { done(encoder_->Classify(texts)); });
  }
  size_t max_tokens() const { return max_tokens_; }
  const RunnerBytes& bytes() const { return bytes_; }

 private:
  Status Post(std::function<void()> task) {
    if (thread_.Post(std::move(task))) return {};
    return Exhausted("too many requests wait for the encoder");
  }

  std::unique_ptr<TextEncoder> encoder_;
  const size_t max_tokens_;
  const RunnerBytes bytes_;
  Workers thread_;
};

}  // namespace tern
