#pragma once
// HfConfig: config.json on its way to GGUF metadata. The first error sticks and later calls do nothing.

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/checkpoint.h"

namespace tern {

// Llama 3.1's RoPE scaling by wavelength ("llama3"): short waves stay, long ones are stretched by `factor`.
struct Llama3Scaling {
  double factor = 8, low = 1,
         high = 4;  // waves in the original context: below `low` is long, above `high` short
  double context = 8192;
};
// What the i-th frequency of `dims` / 2 is divided by.
double Divisor(const Llama3Scaling& scaling, double base, int64_t dims, int64_t i);

class HfConfig {
 public:
  // `architecture` as GGUF calls it. Keys of a nested text_config count as if they stood at the top.
  HfConfig(const Metadata& config, std::string_view architecture);

  bool Has(std::string_view key) const { return in_.Has(key); }
  const MetaValue* Find(std::string_view key) const { return in_.Find(key); }
  int64_t Int(std::string_view key, int64_t fallback);
  double Float(std::string_view key, double fallback);
  bool Bool(std::string_view key, bool fallback);  // null is false, as in Python
  std::string Str(std::string_view key, std::string_view fallback);

  // Whether the config has the key as null: then the class's default does not count.
  bool IsNull(std::string_view key) const { return in_.IsNull(key); }
  // The value of a key that the config does not have, not as null either.
  void Default(std::string_view key, MetaValue value) {
    if (!Has(key) && !IsNull(key)) in_.Set(std::string(key), std::move(value));
  }
  // The value of a key, whatever the config has.
  void Replace(std::string_view key, MetaValue value) { in_.Set(std::string(key), std::move(value)); }
  // Sets "<architecture>.<key>".
  void Set(std::string_view key, MetaValue value);
  void Unset(std::string_view key) { out_.Erase(architecture_ + "." + std::string(key)); }
  struct Limits {
    int64_t low, high;
  };
  // The first of `from` that the config has, as "<architecture>.<to>". CopyInt etc. check the kind.
  void CopyInt(std::initializer_list<std::string_view> from, std::string_view to);
  void CopyFloat(std::initializer_list<std::string_view> from, std::string_view to);
  // The same for a number that must lie in low..high. Returns it; 0: missing, or refused.
  int64_t CopySize(std::initializer_list<std::string_view> from, std::string_view to, Limits limits);
  // The value of `key`, or `fallback` where it is missing. Out of range: an error that sticks, and 0.
  int64_t Size(std::string_view key, int64_t fallback, Limits limits);
  // What configs call the key of the activation; where one has several, the first counts.
  static std::span<const std::string_view> ActivationKeys();
  void CopyActivation();
  // The op that an activation's name stands for; a name that is none sticks as an error.
  std::string Activation(std::string_view key, std::string_view fallback);
  // Which layers slide, where the config says so: layer_types, or sliding_window_pattern, which makes every
  // n-th layer global.
  void ReadLayerTypes();
  // A tensor of f32 that GGUF has where Hugging Face has config keys (RoPE factors).
  void AddTensor(std::string name, std::vector<float> values);
  void Refuse(Error error) {
    if (status_.ok()) status_ = std::move(error);
  }
  // The config's word for `key`: one of `words`, which are separated by spaces, and the first of them where
  // the config is silent. Another sticks as an error.
  std::string OneOf(std::string_view key, std::string_view words);
  bool IsSet(std::string_view key) const { return out_.Has(architecture_ + "." + std::string(key)); }
  // An error where nothing has set "<architecture>.<key>", which the config calls `from`.
  void Require(std::string_view key, std::string_view from);
  // An error where the config has this switch at another value, which would mean another model.
  void RefuseUnless(std::string_view key, bool supported);

  // A Dense module of sentence-transformers: its folder. They come behind pooling, in this order.
  void AddDense(std::string folder) { dense_.push_back(std::move(folder)); }

  Metadata& out() { return out_; }
  const Status& status() const { return status_; }
  std::vector<std::pair<std::string, std::vector<float>>>& tensors() { return tensors_; }
  const std::vector<std::string>& dense() const { return dense_; }

 private:
  std::string_view FirstOf(std::span<const std::string_view> keys) const;

  Metadata in_, out_;
  std::string architecture_;
  std::vector<std::pair<std::string, std::vector<float>>> tensors_;
  std::vector<std::string> dense_;
  Status status_;
};

// Sizes, head counts, norm eps, RoPE (both config forms), sliding windows, expert counts, the activation:
// under whichever of their names the config has them. Sizes are checked: what follows may count on them.
void ReadCommonHfConfig(HfConfig& c);
// What every model has: an error where a size is missing; `norm_eps` where the config has none.
void RequireCommonHfConfig(HfConfig& c, double norm_eps);

// rope.freq_base_swa: the RoPE base of the layers that slide, where they have one of their own; `older` is
// the key for it of configs before Transformers 5. A scaling of their own is an error: GGUF has no key for
// it.
void ReadSlidingRope(HfConfig& c, std::string_view older);

// What MlaOf (models/blocks/mla.h) reads: the ranks and widths of latent attention, and how YaRN stretches
// its scores.
void ReadLatentAttention(HfConfig& c);

// pooling_type, embedding.normalize, embedding.max_tokens, and the Dense modules: from the files of
// sentence-transformers in the folder, where it has them. The longest text that the tokenizer's file names
// counts where these do not say, for encoders and what sentence-transformers made.
void ReadPooling(const std::string& folder, bool is_encoder, HfConfig& c);
// classifier.output_labels: from id2label; classifier.multi_label and classifier.regression: from
// problem_type.
void ReadLabels(HfConfig& c);

// The window of configs that have one but use it only where use_sliding_window says so (Qwen). Without
// layer_types those layers slide that `slides` picks, given max_window_layers; nullptr: all.
void ReadOptionalWindow(HfConfig& c, bool (*slides)(int64_t layer, int64_t border));

}  // namespace tern
