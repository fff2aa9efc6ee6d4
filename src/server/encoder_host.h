#pragma once
// EncoderHost: a text encoder, the thread that runs it, and a bounded queue of what it has yet to do.
// EncoderSlot: the one of a server, if it has one.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
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

// A model that generates text makes vectors, too, of the states behind its last layer. What that takes is
// taken when it is first asked for.
class EncoderSlot {
 public:
  using Open = std::function<Result<std::unique_ptr<TextEncoder>>()>;

  void Set(std::unique_ptr<TextEncoder> encoder) {
    owned_ = std::make_unique<EncoderHost>(std::move(encoder));
    host_ = owned_.get();
  }
  void OpenLater(Open open) { open_ = std::move(open); }
  // From any thread. False: there is none. An error: it cannot be opened, now.
  Result<bool> Ready() {
    const std::lock_guard lock(mutex_);
    if (host_ != nullptr || open_ == nullptr) return host_ != nullptr;
    TERN_TRY(auto encoder, open_());
    Set(std::move(encoder));
    return true;
  }
  // Null: there is none so far.
  EncoderHost* get() const { return host_; }
  EncoderHost* operator->() const { return host_; }

 private:
  std::mutex mutex_;  // of opening
  Open open_;
  std::unique_ptr<EncoderHost> owned_;
  std::atomic<EncoderHost*> host_ = nullptr;
};

}  // namespace tern
