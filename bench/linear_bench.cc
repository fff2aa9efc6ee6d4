// linear_bench [THREADS [FORMAT [WIDTH]]]: the linear kernels against the machine's limits.
//
// Per format and activation form: bytes per packed weight, packing speed, then multiplying a weight far
// larger than the caches with 1 to 512 rows; rounding float rows is included. Few rows are bound by reading
// the weight (GB/s, % of read bandwidth), many by multiplying (GOP/s, % of the peak). Best of many tries; a
// busy machine still shows.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

#include "backends/cpu/limits/limits.h"
#include "backends/cpu/linear/linear.h"
#include "base/isa.h"
#include "base/team.h"
#include "ops/quantized_rows.h"

namespace tern {
namespace {

using Clock = std::chrono::steady_clock;
double Seconds(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <class Work>
double BestSeconds(double budget, Work work) {
  double best = 1e9;
  for (const Clock::time_point start = Clock::now(); Seconds(start) < budget;) {
    const Clock::time_point one = Clock::now();
    work();
    best = std::min(best, Seconds(one));
  }
  return best;
}

constexpr int kMaxRows = 512;

struct Weight {
  Buffer bytes;
  Tensor tensor;
};

// 64 different rows, over and over.
Weight RandomWeight(const Format& format, int64_t channels, int64_t width) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  const size_t row_bytes = RowBytes(format, width).value();
  Weight weight{Buffer(row_bytes * static_cast<size_t>(channels)), {}};
  auto* out = static_cast<char*>(weight.bytes.data());
  std::vector<float> row(static_cast<size_t>(width));
  for (int64_t i = 0; i < channels; ++i) {
    char* to = out + static_cast<size_t>(i) * row_bytes;
    if (i >= 64) {
      std::memcpy(to, to - 64 * row_bytes, row_bytes);
      continue;
    }
    for (float& x : row) x = normal(random);
    format.encode(row.data(), nullptr, to, row.size());
  }
  weight.tensor = {&format, {channels, width}, out};
  return weight;
}

class Bench {
 public:
  Bench(int threads, uint32_t isa, int64_t width) : team_(threads), isa_(isa), width_(width) {
    for (int i = 0; i < 5; ++i) {
      const MachineLimits now = MeasureLimits(team_, isa);
      limits_.read_gb_s = std::max(limits_.read_gb_s, now.read_gb_s);
      limits_.int8_gop_s = std::max(limits_.int8_gop_s, now.int8_gop_s);
      limits_.fp32_gflop_s = std::max(limits_.fp32_gflop_s, now.fp32_gflop_s);
    }
    fmt::print("{}, {} threads: read {:.1f} GB/s, int8 {:.0f} GOP/s, fp32 {:.0f} GFLOP/s\n", IsaName(isa),
               threads, limits_.read_gb_s, limits_.int8_gop_s, limits_.fp32_gflop_s);
    fmt::print("{:<6} {:<8} {:>6} {:>9}", "format", "form", "B/w", "pack GB/s");
    for (const int rows : kReadRows) fmt::print(" {:>14}", fmt::format("{} rows GB/s", rows));
    for (const int rows : kComputeRows) fmt::print(" {:>14}", fmt::format("{} rows GOP/s", rows));
    fmt::print("\n");
  }

  void Run(const Format& format, Elem activation, Rounding round = Rounding::kNone) {
    const PackForm form = ChoosePackForm(format, activation, round, isa_);
    if ((activation == Elem::kF32) != (form != PackForm::kInteger)) return;
    const bool rounded = form == PackForm::kInt16 || form == PackForm::kBf16;
    if (rounded != (round != Rounding::kNone)) return;  // nothing that this form could round
    const int64_t channels = form == PackForm::kDecode ? 2048 : 65536 * 1536 / width_;
    const Weight weight = RandomWeight(format, channels, width_);
    auto packed = std::make_shared<PackedWeight>(PackedWeight::Make(weight.tensor, form, isa_).value());
    const auto buffer = std::make_shared<Buffer>(packed->bytes());
    auto* memory = static_cast<uint8_t*>(buffer->data());
    packed->Use(buffer, memory);
    const double pack_seconds = BestSeconds(0.01, [&] {
      Share(packed->panels(), 64, [&](size_t b, size_t e, int) { packed->Pack(memory, b, e); });
    });
    const double source_bytes = static_cast<double>(weight.bytes.bytes());
    fmt::print("{:<6} {:<8} {:>6.3f} {:>9.2f}", format.name, FormName(activation, form),
               static_cast<double>(packed->stream_bytes()) / static_cast<double>(channels * width_),
               source_bytes / pack_seconds / 1e9);
    const LinearPlan plan = LinearPlan::Make({.parts = {{packed, activation}}}, isa_).value();
    const bool is_float = form != PackForm::kInteger && !rounded;
    const double peak = is_float ? limits_.fp32_gflop_s : limits_.int8_gop_s;
    for (const int rows : kReadRows) {
      const double rate =
          static_cast<double>(plan.stream_bytes()) / Time(plan, activation, rows, plan.tasks()) / 1e9;
      fmt::print(" {:>8.1f} {:>4.0f}%", rate, 100 * rate / limits_.read_gb_s);
    }
    for (const int rows : kComputeRows) {
      // Some milliseconds: short against a time slice, should the machine be shared. Of equal chunks.
      const double task_ops =
          (plan.int8_ops_per_row() + plan.f32_ops_per_row()) * rows / static_cast<double>(plan.tasks());
      const size_t turn = plan.ChunkTasks(rows, team_.threads()) * static_cast<size_t>(team_.threads());
      const auto turns = static_cast<size_t>(4e9 / task_ops) / turn + 1;
      const size_t tasks = std::min(turns * turn, plan.tasks());
      const double ops = task_ops * static_cast<double>(tasks);
      const double rate = ops / Time(plan, activation, rows, tasks) / 1e9;
      fmt::print(" {:>8.0f} {:>4.0f}%", rate, 100 * rate / peak);
    }
    fmt::print("\n");
    std::fflush(stdout);
  }

 private:
  static constexpr int kReadRows[] = {1, 2, 4};
  static constexpr int kComputeRows[] = {6, 16, 512};

  static std::string_view FormName(Elem activation, PackForm form) {
    if (form == PackForm::kInt16) return "int16";
    if (form == PackForm::kBf16) return "bf16";
    return activation == Elem::kF32 ? "exact" : activation == Elem::kQ8 ? "fast" : "precise";
  }

  template <class Work>
  void Share(size_t tasks, size_t chunk, Work work) {
    counter_.Reset();
    team_.Run([&](int thread) {
      counter_.ForEach(tasks, chunk, [&](size_t begin, size_t end) { work(begin, end, thread); });
    });
  }

  // Seconds of the first `tasks` tasks.
  double Time(const LinearPlan& plan, Elem activation, int rows, size_t tasks) {
    const bool precise = activation == Elem::kQ16;
    const size_t stride = activation == Elem::kF32 ? width_ * 4 : QuantizedRow(width_, precise).row_bytes;
    const size_t y_stride = tasks * kPanelChannels * 4;
    Buffer x(stride * kMaxRows), y(y_stride * static_cast<size_t>(rows));
    std::vector<float> values(static_cast<size_t>(width_), 0.25f);
    for (size_t r = 0; r < static_cast<size_t>(rows); ++r) {
      char* row = static_cast<char*>(x.data()) + r * stride;
      if (activation == Elem::kF32) {
        std::memcpy(row, values.data(), stride);
      } else {
        QuantizeRow(values.data(), width_, precise, row);
      }
    }
    const LinearArgs::Output out{y.data(), y_stride};
    const LinearArgs args{
        .rows = rows, .x = x.data(), .x_stride = stride, .x_precise = precise, .outputs = &out};
    std::vector<Buffer> scratch;
    for (int t = 0; t < team_.threads(); ++t) scratch.emplace_back(plan.scratch_bytes());
    const size_t chunk = plan.ChunkTasks(rows, team_.threads());
    const auto run = [&] {
      Share(tasks, chunk, [&](size_t begin, size_t end, int thread) {
        plan.Run(args, begin, end, scratch[static_cast<size_t>(thread)].data());
      });
    };
    run();  // touches the memory
    return BestSeconds(0.4, run);
  }

  Team team_;
  uint32_t isa_;
  int64_t width_;
  MachineLimits limits_;
  TaskCounter counter_;
};

int Main(int argc, char** argv) {
  const int threads = argc > 1 ? std::max(1, std::atoi(argv[1])) : 2;
  const std::string_view only = argc > 2 ? argv[2] : "";
  const int64_t width = argc > 3 ? std::max(256l, std::atol(argv[3]) / 256 * 256) : 1536;
  Bench bench(threads, DetectIsa(), width);
  for (const Format* format : AllFormats()) {
    if (!only.empty() && format->name != only) continue;
    for (const Elem activation : {Elem::kQ8, Elem::kQ16, Elem::kF32}) bench.Run(*format, activation);
    for (const Rounding round : {Rounding::kInt16, Rounding::kBf16}) bench.Run(*format, Elem::kF32, round);
  }
  return 0;
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) { return tern::Main(argc, argv); }
