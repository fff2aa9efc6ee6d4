// attention_bench [THREADS [KV_TYPE [int16]]]: what attention takes in shapes and forms that models have.
//
// Per shape: one token behind 1024 others, a prompt of 512, and one token behind 8192 others in many layers,
// whose KV is far larger than any cache; by default as the default precision does it, in codes. A step also
// looks its rows up and writes K and V, which costs little beside. Best of many tries; a busy machine still
// shows.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "backends/backend.h"

namespace tern {
namespace {

constexpr int kDepth = 1024, kPrompt = 512, kFar = 8192;
constexpr size_t kFarBytes = size_t{128} << 20;

struct Layer {
  const char* name;
  int64_t heads, kv_heads, head_dim, v_dim;
  Attrs extra = {};
  int per_head_weights = 0;
};

struct Numbers {
  KvType kv = KvType::kInt16;
  int64_t int16 = 1;  // the op's attribute
};

class Bench {
 public:
  Bench(Backend& backend, const Numbers& numbers) : backend_(backend), numbers_(numbers) {}

  void Run(const Layer& s) {
    const Graph graph = Build(s, 1);
    const auto plan = Prepare(graph);
    KvStore kv(Layers(s, 1), numbers_.kv, kDepth / kKvBlockTokens + 1);
    for (int at = 0; at < kDepth; at += kPrompt) Step(*plan, kv, at, kPrompt);
    const double decode = Best(*plan, kv, kDepth, 1), prefill = Best(*plan, kv, 0, kPrompt);
    fmt::print("{:<28} {:>12.1f} {:>16.1f} {:>9.1f}\n", s.name, decode * 1e6, prefill * 1e6 / kPrompt,
               FarGbPerS(s));
  }

 private:
  // Any numbers do: the KV is filled with one byte.
  double FarGbPerS(const Layer& s) {
    constexpr int kBlocks = kFar / kKvBlockTokens;
    const size_t layer_bytes = kBlocks * KvStore::BlockBytes(Layers(s, 1), numbers_.kv);
    const auto layers = static_cast<int>((kFarBytes + layer_bytes - 1) / layer_bytes);
    const Graph graph = Build(s, layers);
    const auto plan = Prepare(graph);
    KvStore kv(Layers(s, layers), numbers_.kv, kBlocks + 1);
    std::memset(kv.K(0, 0, 0), 0x3a, kv.bytes());
    return static_cast<double>(layer_bytes) * layers / Best(*plan, kv, kFar, 1) / 1e9;
  }

  std::vector<KvLayer> Layers(const Layer& s, int layers) const {
    return std::vector<KvLayer>(
        static_cast<size_t>(layers),
        {static_cast<int>(s.kv_heads), static_cast<int>(s.head_dim), static_cast<int>(s.v_dim)});
  }

  // Attention in each of some layers, over the same rows.
  Graph Build(const Layer& s, int layers) const {
    Graph graph;
    const ValueId tokens = graph.AddInput("tokens", {Elem::kI32, {kDimTokens}});
    const auto rows = [&](int64_t columns) {
      return Add(graph, "embed", {tokens, Weight(graph, {64, columns})});
    };
    const ValueId k = rows(s.kv_heads * s.head_dim), v = rows(s.kv_heads * s.v_dim);
    const ValueId q = rows(s.heads * s.head_dim);
    for (int layer = 0; layer < layers; ++layer) {
      std::vector<ValueId> inputs = {q, Add(graph, "kv_append", {k, v}, {{"layer", int64_t{layer}}})};
      for (int i = 0; i < s.per_head_weights; ++i) inputs.push_back(Weight(graph, {s.heads}));
      Attrs attrs = s.extra;
      for (const auto& [name, value] : {std::pair{"heads", s.heads},
                                        {"kv_heads", s.kv_heads},
                                        {"head_dim", s.head_dim},
                                        {"v_dim", s.v_dim},
                                        {"layer", int64_t{layer}},
                                        {"int16", numbers_.int16}}) {
        attrs.Set(name, value);
      }
      attrs.Set("scale", 1 / std::sqrt(static_cast<double>(s.head_dim)));
      graph.AddOutput(Add(graph, "attention", inputs, attrs));
    }
    return graph;
  }

  std::unique_ptr<Plan> Prepare(const Graph& graph) {
    return backend_.Prepare(graph, {.tokens = kPrompt, .outputs = 1}).value();
  }

  static ValueId Add(Graph& graph, std::string_view op, std::vector<ValueId> inputs, Attrs attrs = {}) {
    return graph.Add(*FindOp(op), std::move(inputs), std::move(attrs)).value()[0];
  }

  static ValueId Weight(Graph& graph, const Shape& shape) {
    Buffer buffer(static_cast<size_t>(Elements(shape)) * sizeof(float));
    auto* numbers = static_cast<float*>(buffer.data());
    for (size_t i = 0; i < buffer.bytes() / sizeof(float); ++i) numbers[i] = std::sin(static_cast<float>(i));
    const std::string name = "w" + std::to_string(graph.value_count());
    return graph.AddWeight(name, {&F32(), shape, graph.Keep(std::move(buffer))});
  }

  static void Step(Plan& plan, KvStore& kv, int first_position, int rows) {
    std::vector<int32_t> tokens(static_cast<size_t>(rows)), positions(tokens),
        blocks(static_cast<size_t>(first_position + rows + kKvBlockTokens - 1) / kKvBlockTokens);
    std::iota(positions.begin(), positions.end(), first_position);
    std::iota(blocks.begin(), blocks.end(), 0);
    for (int i = 0; i < rows; ++i) tokens[static_cast<size_t>(i)] = (first_position + i) % 64;
    const SequenceSpan sequence{.rows = rows, .first_position = first_position, .blocks = blocks};
    TERN_CHECK(plan.Run({tokens, positions, {}, {&sequence, 1}}, &kv).ok());
  }

  static double Best(Plan& plan, KvStore& kv, int first_position, int rows) {
    using Clock = std::chrono::steady_clock;
    double best = 1e9, spent = 0;
    while (spent < 0.5) {
      const Clock::time_point start = Clock::now();
      Step(plan, kv, first_position, rows);
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      best = std::min(best, seconds);
      spent += seconds;
    }
    return best;
  }

  Backend& backend_;
  const Numbers numbers_;
};

void RunAll(int threads, const Numbers& numbers) {
  const std::unique_ptr<Backend> backend = OpenBackend("cpu", {.threads = threads}).value();
  fmt::print("{}\n{:<28} {:>12} {:>16} {:>9}\n", backend->description(), "shape", "decode us",
             "prefill us/token", "far GB/s");
  Bench bench(*backend, numbers);
  const Attrs both_ways = {{"causal", int64_t{0}}}, capped = {{"softcap", 50.0}};
  const Attrs sinks = {{"sinks", int64_t{1}}}, alibi = {{"alibi", int64_t{1}}};
  for (const Layer& shape : {Layer{"SmolLM2: 9/3 x 64", 9, 3, 64, 64},
                             {"the same, softcap", 9, 3, 64, 64, capped},
                             {"the same, sinks", 9, 3, 64, 64, sinks, 1},
                             {"the same, ALiBi", 9, 3, 64, 64, alibi, 1},
                             {"the same, both ways", 9, 3, 64, 64, both_ways},
                             {"Gemma 3: 4/1 x 256", 4, 1, 256, 256},
                             {"Phi 2: 32 x 80", 32, 32, 80, 80},
                             {"Falcon: 71/1 x 64", 71, 1, 64, 64},
                             {"MLA: 16 x 192/128", 16, 16, 192, 128},
                             {"MLA absorbed: 16/1 x 576/512", 16, 1, 576, 512}}) {
    bench.Run(shape);
  }
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) {
  const auto kv = tern::ParseKvType(argc > 2 ? argv[2] : "int16");
  if (!kv.ok()) {
    fmt::print(stderr, "{}\n", kv.error().what);
    return 1;
  }
  tern::RunAll(argc > 1 ? std::atoi(argv[1]) : 0, {kv.value(), argc > 3 ? std::atoi(argv[3]) : 1});
}
