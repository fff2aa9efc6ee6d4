#pragma once
// HfMapping: how a Hugging Face checkpoint of one architecture becomes the GGUF one that Tern's models are
// written for: a model's own file says which class names it serves, which config keys it has beyond the
// common ones, and under which names its tensors lie. A folder is read as the GGUF that it would convert to;
// `tern convert` writes that very thing.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/required.h"
#include "models/activation.h"

namespace tern {

class HfConfig;

// What a choice of rows may depend on.
struct HfDims {
  int64_t rows = 0;  // of the source tensor
  int64_t heads = 0, kv_heads = 0, head_dim = 0, value_dim = 0, ffn_width = 0, context = 0;
};
// Which rows of the source make the target, in this order.
using HfRowsFn = std::vector<int64_t> (*)(const HfDims&);

enum HfEdit : uint8_t {
  kHfKeep = 0,
  kHfPlusOne = 1,    // adds one: norms that are stored as their distance from one
  kHfTranspose = 2,  // of the last two dimensions: weights stored [in, out]
  kHfColumns = 4,    // `rows` chooses along the last dimension (biases of stacked experts)
  kHfIgnore = 8,     // buffers that are no weights
  kHfAgain = 32,     // may lie in the file under several names: the same numbers, which count once
  kHfHeads = 16,     // rows become [heads, rows / heads], before everything else
};

struct HfRule {
  // Names with placeholders: {} is the layer, {e} an expert (targets of one name are stacked by it), and a
  // trailing .* any suffix, which the target keeps (weight, bias).
  std::string_view from;
  std::string_view to = "";
  HfRowsFn rows = nullptr;  // nullptr: all
  int edit = kHfKeep;
};

struct HfMapping {
  std::string_view classes;   // as config.json's "architectures", separated by spaces
  Required<double> norm_eps;  // of the class where config.json has none
  int64_t kv_heads = 0;       // of that class; 0: as many as heads
  std::string_view prefixes =
      "model.";  // left out of names before the rules, separated by spaces; longest first
  // What the class takes where config.json is silent (HfConfig::Default), if it is not what others take.
  void (*defaults)(HfConfig&) = nullptr;
  void (*config)(HfConfig&) = nullptr;  // sets what ReadCommonHfConfig does not, or does otherwise
  std::span<const HfRule> rules = {};   // tried before the common ones (CommonHfRules)
  // What config.json may call the activation, separated by spaces; BuildModel sees to it that the graph
  // computes it.
  std::string_view activations = kKnownActivations;
};

// The names that most decoders share: layers.{}.self_attn.q_proj.* and so on.
std::span<const HfRule> CommonHfRules();

// Choices of rows.
// GGUF interleaves the halves of every head's rows in q and k of architectures whose RoPE turns neighbours.
std::vector<int64_t> PairRowsQ(const HfDims& d);
std::vector<int64_t> PairRowsK(const HfDims& d);
// q, k and v of one tensor that holds all of q, then k, then v.
std::vector<int64_t> FusedQRows(const HfDims& d);
std::vector<int64_t> FusedKRows(const HfDims& d);
std::vector<int64_t> FusedVRows(const HfDims& d);
// All of q, then k, then v, of a tensor where the rows of every KV head lie together: q of the heads that
// share it, its k, its v (GPT-NeoX, BLOOM, Falcon).
std::vector<int64_t> UngroupQkvRows(const HfDims& d);
// What comes before the value channels of a head, and these.
std::vector<int64_t> KeyRows(const HfDims& d);
std::vector<int64_t> ValueRows(const HfDims& d);
// The two halves, e.g. gate and up in one tensor; and every second row, from the first or the second.
std::vector<int64_t> FirstHalfRows(const HfDims& d);
std::vector<int64_t> SecondHalfRows(const HfDims& d);
std::vector<int64_t> EvenRows(const HfDims& d);
std::vector<int64_t> OddRows(const HfDims& d);

}  // namespace tern
