#pragma once
// CompressionReport: everything known of a smaller model beside the one it was made from. Whoever compresses
// or compares fills in what it has; what is empty is left out of the page. docs/quality.md says how to read
// it.

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/compare.h"

namespace tern {

struct ReportModel {
  std::string name;
  uint64_t file_bytes = 0;
  double bits_per_weight = 0;                                // of all weights, by their bytes
  double decode_tokens_per_s = 0, prefill_tokens_per_s = 0;  // 0: not measured
};

// A weight, and what became of it.
struct ReportTensor {
  std::string name;      // "blk.3.attn_q.weight"
  std::string shape;     // "[640, 512]"
  std::string from, to;  // formats; `from` "": the reference has no such weight
  uint64_t bytes = 0;
  double bits = 0;                 // per weight
  std::string method, reason;      // of the recipe
  std::optional<double> kld = {};  // what it costs alone
};

// A whole model that was made or could be made.
struct ReportPoint {
  enum class Kind : uint8_t { kChosen, kFront, kUniform, kPeer };
  std::string name;  // "q4_k everywhere"
  Kind kind = Kind::kFront;
  uint64_t file_bytes = 0;
  double kld = 0;
  std::optional<Interval> kld_interval = {};
  double decode_tokens_per_s = 0;  // 0: not known
  bool estimated = false;          // by the sum over weights, not measured as a whole
};

struct ReportFormat {
  std::string name;
  double bits = 0;
  double gb_per_s = 0;        // weights read in decode
  double ns_per_kweight = 0;  // time of a thousand weights in decode: what a format costs
};

// A prompt, and what each model writes greedily.
struct ReportContinuation {
  std::string prompt, reference, model;
  int same_tokens = 0, tokens = 0;  // until they first differ, of all
  size_t same_bytes = 0;            // of both texts
};

struct CompressionReport {
  std::string title = {};  // "tern compress smollm2 --size 90M"
  ReportModel reference = {}, model = {};
  Comparison quality = {};
  std::vector<ReportTensor> tensors = {};
  std::vector<ReportPoint> points = {};
  std::vector<ReportFormat> formats = {};
  std::vector<ReportContinuation> continuations = {};
  std::vector<std::pair<std::string, std::string>> facts = {};  // "machine", "text", "time", ...
  std::vector<std::string> notes = {};                          // what a reader must not miss
  std::string recipe = {};                                      // TOML
};

boost::json::object ReportJson(const CompressionReport& report);
// One HTML file that needs nothing else: no other file, no network.
std::string ReportPage(const CompressionReport& report);

}  // namespace tern
