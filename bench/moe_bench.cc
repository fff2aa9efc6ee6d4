// moe_bench [THREADS [FORMAT [EXPERTS TOP_K WIDTH HIDDEN]]]: one layer of experts, and a dense gated unit of
// the bytes that one token reads of it, against the machine's limits.
//
// Router, choice, quantization and experts, as a plan runs them; tokens are random, so that steps choose
// different experts. Few rows are bound by reading the chosen experts (GB/s, % of read bandwidth), many by
// multiplying (GOP/s, % of the peak). The fastest tenth of many steps, dense ones and experts by turns: a
// busy machine still shows.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/cpu/limits/limits.h"
#include "base/isa.h"
#include "base/team.h"

namespace tern {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kVocabulary = 4096;
constexpr int kMaxRows = 512, kMaxDenseRows = 4;

struct Sizes {
  int64_t experts = 128, top_k = 8, width = 2048, hidden = 768;
};

class Bench {
 public:
  Bench(int threads, const Format& format, const Sizes& sizes) : format_(format), sizes_(sizes) {
    {
      Team team(threads);
      for (int i = 0; i < 5; ++i) {
        const MachineLimits now = MeasureLimits(team, DetectIsa());
        read_gb_s_ = std::max(read_gb_s_, now.read_gb_s);
        int8_gop_s_ = std::max(int8_gop_s_, now.int8_gop_s);
      }
    }
    backend_ = OpenBackend("cpu", {.threads = threads}).value();
    fmt::print("{}: read {:.1f} GB/s, int8 {:.0f} GOP/s\n", backend_->description(), read_gb_s_, int8_gop_s_);
    fmt::print("{}, {} experts, {} per token, {} x {}\n", format.name, sizes.experts, sizes.top_k,
               sizes.width, sizes.hidden);
  }

  void Run() {
    const Graph experts_graph = BuildMoe(), dense_graph = BuildDense();
    auto moe_plan = backend_->Prepare(experts_graph, {.tokens = kMaxRows, .outputs = 1}).value();
    auto dense_plan = backend_->Prepare(dense_graph, {.tokens = kMaxRows, .outputs = 1}).value();
    fmt::print("{:>6} {:>12} {:>8} {:>14} {:>14} {:>14}\n", "rows", "us", "experts", "GB/s", "GOP/s",
               "dense GB/s");
    for (const int rows : {1, 2, 4, 8, 32, 128, 512}) {
      const bool by_turns = rows <= kMaxDenseRows;
      const auto [experts, moe_seconds, dense_seconds] =
          Time(*moe_plan, by_turns ? dense_plan.get() : nullptr, rows);
      const double rate = experts * ExpertBytes(*moe_plan) / moe_seconds / 1e9;
      const double ops = moe_plan->ops().int8_per_token * rows / moe_seconds / 1e9;
      fmt::print("{:>6} {:>12.1f} {:>8.1f} {:>8.1f} {:>4.0f}% {:>8.0f} {:>4.0f}%", rows, moe_seconds * 1e6,
                 experts, rate, 100 * rate / read_gb_s_, ops, 100 * ops / int8_gop_s_);
      if (by_turns) {
        const double dense = static_cast<double>(dense_plan->bytes().step_weights) / dense_seconds / 1e9;
        fmt::print(" {:>8.1f} {:>4.0f}%", dense, 100 * dense / read_gb_s_);
      }
      fmt::print("\n");
      std::fflush(stdout);
    }
  }

 private:
  struct Times {
    double experts = 0;  // with rows, per step
    double moe_seconds = 0, dense_seconds = 0;
  };

  // 64 different rows, over and over.
  ValueId Weight(Graph& graph, const std::string& name, const Shape& shape, const Format& format) {
    const int64_t columns = shape.back(), rows = Elements(shape) / columns;
    const size_t row_bytes = RowBytes(format, columns).value();
    auto* out = static_cast<char*>(graph.Keep(Buffer(row_bytes * static_cast<size_t>(rows))));
    std::normal_distribution<float> normal;
    std::vector<float> row(static_cast<size_t>(columns));
    for (int64_t i = 0; i < rows; ++i) {
      char* to = out + static_cast<size_t>(i) * row_bytes;
      if (i >= 64) {
        std::memcpy(to, to - 64 * row_bytes, row_bytes);
        continue;
      }
      for (float& x : row) x = normal(random_);
      format.encode(row.data(), nullptr, to, row.size());
    }
    return graph.AddWeight(name, {&format, shape, out});
  }

  static ValueId Op(Graph& graph, std::string_view op, std::vector<ValueId> inputs, Attrs attrs = {}) {
    return graph.Add(*FindOp(op), std::move(inputs), std::move(attrs)).value()[0];
  }

  ValueId Rows(Graph& graph) {
    const ValueId tokens = graph.AddInput("tokens", {Elem::kI32, {kDimTokens}});
    return Op(graph, "embed", {tokens, Weight(graph, "table", {kVocabulary, sizes_.width}, F32())});
  }

  Graph BuildMoe() {
    Graph graph;
    const auto [experts, top_k, width, hidden] = sizes_;
    const ValueId x = Rows(graph);
    // Random rows of its own choose evenly: with 64 rows over and over, experts would be equals.
    auto* router = static_cast<float*>(graph.Keep(Buffer(static_cast<size_t>(experts * width) * 4)));
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < experts * width; ++i) router[i] = normal(random_);
    const ValueId logits =
        Op(graph, "linear", {x, graph.AddWeight("router", {&F32(), {experts, width}, router})});
    const auto route = graph.Add(*FindOp("moe_route"), {logits}, {{"top_k", top_k}}).value();
    graph.AddOutput(Op(graph, "moe_mlp",
                       {Op(graph, "quantize", {x}), route[0], route[1],
                        Weight(graph, "gate", {experts, hidden, width}, format_),
                        Weight(graph, "up", {experts, hidden, width}, format_),
                        Weight(graph, "down", {experts, width, hidden}, format_)},
                       {{"act", "silu"}, {"hidden", "q8"}}));
    return graph;
  }

  // Copies enough to fall out of the caches between steps: the largest of `experts / top_k` and 1.
  Graph BuildDense() {
    Graph graph;
    const auto [experts, top_k, width, hidden] = sizes_;
    ValueId x = Rows(graph);
    for (int64_t i = 0; i < std::max<int64_t>(1, experts / top_k); ++i) {
      const std::string n = std::to_string(i);
      const int64_t wide = hidden * top_k;
      const ValueId h = Op(graph, "linear",
                           {Op(graph, "quantize", {x}), Weight(graph, "gate" + n, {wide, width}, format_),
                            Weight(graph, "up" + n, {wide, width}, format_)},
                           {{"weights", int64_t{2}}, {"glu", "silu"}, {"output", "q8"}});
      x = Op(graph, "linear", {h, Weight(graph, "down" + n, {width, wide}, format_)});
    }
    graph.AddOutput(x);
    return graph;
  }

  double ExpertBytes(const Plan& plan) const {
    const double router = static_cast<double>(sizes_.experts * sizes_.width * 4);
    return (static_cast<double>(plan.bytes().step_weights) - router) / static_cast<double>(sizes_.top_k);
  }

  Times Time(Plan& moe, Plan* dense, int rows) {
    std::vector<int32_t> tokens(static_cast<size_t>(rows)), positions(tokens.size(), 0);
    std::uniform_int_distribution<int32_t> pick(0, kVocabulary - 1);
    const std::span<const uint64_t> counts = moe.expert_counts()[0].tokens;
    std::vector<double> moe_seconds, dense_seconds;
    double active = 0;
    const auto run = [&](Plan& plan, std::vector<double>& seconds) {
      const Clock::time_point one = Clock::now();
      TERN_CHECK(plan.Run({tokens, positions, {}, {}}, nullptr).ok());
      seconds.push_back(Since(one));
    };
    for (const Clock::time_point start = Clock::now(); moe_seconds.size() < 5 || Since(start) < 2;) {
      for (int32_t& t : tokens) t = pick(random_);
      const std::vector<uint64_t> before(counts.begin(), counts.end());
      run(moe, moe_seconds);
      for (size_t e = 0; e < before.size(); ++e) active += counts[e] != before[e];
      if (dense != nullptr && moe_seconds.size() % 16 == 1) run(*dense, dense_seconds);
    }
    return {active / static_cast<double>(moe_seconds.size()), FastestTenth(moe_seconds),
            FastestTenth(dense_seconds)};
  }

  static double FastestTenth(std::vector<double>& seconds) {
    if (seconds.empty()) return 0;
    std::sort(seconds.begin(), seconds.end());
    return seconds[seconds.size() / 10];
  }

  static double Since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  const Format& format_;
  const Sizes sizes_;
  std::mt19937 random_{1};
  std::unique_ptr<Backend> backend_;
  double read_gb_s_ = 0, int8_gop_s_ = 0;
};

int Main(int argc, char** argv) {
  const std::string_view name = argc > 2 ? argv[2] : "q4_0";
  const Format* format = FindFormat(name);
  if (format == nullptr || (argc != 1 && argc != 2 && argc != 3 && argc != 7)) {
    fmt::print(stderr, "usage: moe_bench [THREADS [FORMAT [EXPERTS TOP_K WIDTH HIDDEN]]]\n");
    return 2;
  }
  Sizes sizes;
  if (argc == 7) sizes = {std::atol(argv[3]), std::atol(argv[4]), std::atol(argv[5]), std::atol(argv[6])};
  Bench(argc > 1 ? std::max(1, std::atoi(argv[1])) : 2, *format, sizes).Run();
  return 0;
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) { return tern::Main(argc, argv); }
