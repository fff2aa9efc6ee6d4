// moe_mlp by the kernels in linear/. The rows of a step are sorted by expert, so that each expert's weights
// are read once per step, by all of its rows together. Phases:
//   sort     one thread counts each expert's rows and gives every (row, rank) its place
//   gather   copies the rows of x to their places; one row alone stays where it is
//   hidden   h = act(gate x) up x, by (expert, panel of F)
//   down     by panels of D, of all experts: a tile per expert, then a row's ranks are added up in order
// A row's bits depend on its experts alone: linear's tiles see to that, and sums go by rank, not by expert.

#include "ops/moe_mlp.h"

#include <algorithm>
#include <utility>

#include "backends/cpu/elementwise/elementwise.h"
#include "backends/cpu/linear/linear.h"
#include "backends/cpu/step.h"
#include "backends/cpu/weights.h"
#include "ops/quantized_rows.h"

namespace tern {
namespace {

using F = MoeMlpForm;
enum Phase { kSort, kGather, kHidden, kDown, kPhases };

// What down's tiles take per thread, at least: enough for long runs of panels when there are few rows.
constexpr size_t kMinTileFloats = size_t{1} << 15;
// Where reading decides: panels side by side, as short streams keep the hardware's prefetchers from starting.
constexpr size_t kRunPanels = 8;

struct Sizes {
  size_t max_rows = 0, top_k = 0, experts = 0;
  size_t width = 0;                           // D
  size_t hidden_panels = 0, down_panels = 0;  // of one expert
  size_t x_bytes = 0, h_bytes = 0;            // of a row
  size_t max_slots() const { return max_rows * top_k; }
};

// What the threads share. A slot is a (row, rank); a place is where a slot stands among those sorted by
// expert.
struct Shared {
  int32_t* place;    // [slots]; -1: no expert
  int32_t* first;    // [experts + 1]: the first place of each expert
  int32_t* active;   // [experts]: those with rows, ascending
  int32_t* actives;  // how many
  float* scale;      // [places], the weights (input_scaled)
  uint8_t* x;        // [places] rows
  uint8_t* h;        // [places] rows
};

class SharedLayout {
 public:
  explicit SharedLayout(const Sizes& s)
      : place_(Take(s.max_slots() * 4)),
        first_(Take((s.experts + 1) * 4)),
        active_(Take(s.experts * 4)),
        actives_(Take(4)),
        scale_(Take(s.max_slots() * 4)),
        x_(Take(s.max_slots() * s.x_bytes)),
        h_(Take(s.max_slots() * s.h_bytes)) {}

  size_t bytes() const { return bytes_; }
  Shared At(void* memory) const {
    auto* base = static_cast<uint8_t*>(memory);
    const auto ints = [base](size_t offset) { return reinterpret_cast<int32_t*>(base + offset); };
    return {
        ints(place_), ints(first_), ints(active_), ints(actives_), reinterpret_cast<float*>(base + scale_),
        base + x_,    base + h_};
  }

 private:
  size_t Take(size_t bytes) { return std::exchange(bytes_, bytes_ + LineUp(bytes)); }

  size_t bytes_ = 0;
  size_t place_, first_, active_, actives_, scale_, x_, h_;
};

class MoeMlpStep : public CpuStep {
 public:
  struct Plans {
    LinearPlan hidden, down;
    size_t packed_bytes = 0;
  };

  MoeMlpStep(const StepContext& c, Plans plans, const F& form, const Sizes& sizes)
      : CpuStep({.scratch_bytes = ScratchBytes(plans, sizes),
                 .shared_bytes = SharedLayout(sizes).bytes(),
                 .phases = kPhases}),
        s_(sizes),
        layout_(sizes),
        plans_(std::move(plans)),
        x_elem_(c.input(F::kX).type.elem),
        h_elem_(form.hidden),
        input_scaled_(form.input_scaled),
        add_scaled_(PickElementwise(c.isa).add_scaled),
        threads_(static_cast<size_t>(c.threads)),
        expert_rows_(sizes.experts, 0) {}

  StepTasks Bind(const OpArgs& args, const StepMemory& memory) override {
    const auto rows = static_cast<size_t>(args.inputs[F::kX].rows());
    const size_t slots = rows * s_.top_k, active = std::min(slots, s_.experts);
    if (rows == 0) return {};
    switch (memory.phase) {
      case kSort:
        return {1, 1};
      case kGather:
        return {rows > 1 ? slots : 0, 64};
      case kHidden:
        return {active * s_.hidden_panels, Chunk(plans_.hidden, slots, active, active * s_.hidden_panels)};
      default:
        return {s_.down_panels, Chunk(plans_.down, slots, active, s_.down_panels)};
    }
  }

  void Run(const OpArgs& args, size_t begin, size_t end, const StepMemory& memory) override {
    const Shared shared = layout_.At(memory.shared);
    switch (memory.phase) {
      case kSort:
        return Sort(args, shared);
      case kGather:
        return Gather(args, shared, begin, end);
      case kHidden:
        return RunHidden(args, shared, begin, end, memory.scratch);
      default:
        return RunDown(args, shared, begin, end, memory.scratch);
    }
  }

  StepCost cost() const override {
    const auto k = static_cast<double>(s_.top_k);
    const size_t expert_bytes = plans_.hidden.stream_bytes() + plans_.down.stream_bytes();
    return {k * (plans_.hidden.int8_ops_per_row() + plans_.down.int8_ops_per_row()),
            k * (plans_.hidden.f32_ops_per_row() + plans_.down.f32_ops_per_row()),
            std::min(s_.top_k, s_.experts) * expert_bytes, plans_.packed_bytes};
  }
  std::span<const uint64_t> expert_rows() const override { return expert_rows_; }

 private:
  static size_t LinearScratch(const Plans& plans) {
    return LineUp(std::max(plans.hidden.scratch_bytes(), plans.down.scratch_bytes()));
  }
  static size_t TileFloats(const Sizes& s) {
    return std::max(s.max_slots() * kPanelChannels, kMinTileFloats);
  }
  static size_t ScratchBytes(const Plans& plans, const Sizes& s) {
    return LinearScratch(plans) + TileFloats(s) * sizeof(float);
  }

  // How many of `tasks` to take at a time: an even end, and work worth a step of the counter. Experts have
  // more or fewer rows, so the pieces are smaller than linear's.
  size_t Chunk(const LinearPlan& plan, size_t slots, size_t active, size_t tasks) const {
    // Rough nanoseconds, as LinearPlan::ChunkTasks has them.
    const double read = static_cast<double>(plan.stream_bytes() * active) / 10;
    const double compute =
        static_cast<double>(slots) * (plan.int8_ops_per_row() / 300 + plan.f32_ops_per_row() / 80);
    const double share = std::max(read, compute) / static_cast<double>(threads_);
    const auto chunks = static_cast<size_t>(std::clamp(share / 4000, 1.0, 32.0)) * threads_;
    const size_t run = read > compute ? std::min(kRunPanels, (tasks + threads_ - 1) / threads_) : 1;
    return std::max(run, tasks / chunks);
  }

  // Each slot's expert, or -1.
  int32_t Expert(const OpArgs& args, size_t slot) const {
    const int32_t id = args.inputs[F::kIds].i32()[slot];
    return id >= 0 && static_cast<size_t>(id) < s_.experts ? id : -1;
  }

  void Sort(const OpArgs& args, const Shared& shared) {
    const size_t slots = static_cast<size_t>(args.inputs[F::kX].rows()) * s_.top_k;
    std::fill_n(shared.first, s_.experts + 1, 0);
    for (size_t i = 0; i < slots; ++i) {
      const int32_t e = Expert(args, i);
      if (e >= 0) ++shared.first[e + 1];
    }
    *shared.actives = 0;
    for (size_t e = 0; e < s_.experts; ++e) {
      if (shared.first[e + 1] > 0) shared.active[(*shared.actives)++] = static_cast<int32_t>(e);
      expert_rows_[e] += static_cast<uint64_t>(shared.first[e + 1]);
      shared.first[e + 1] += shared.first[e];
    }
    // Filling in moves each first to the next expert's; then they are moved back.
    for (size_t i = 0; i < slots; ++i) {
      const int32_t e = Expert(args, i);
      shared.place[i] = e < 0 ? -1 : shared.first[e]++;
      if (e >= 0) shared.scale[shared.place[i]] = args.inputs[F::kWeights].f32()[i];
    }
    std::copy_backward(shared.first, shared.first + s_.experts, shared.first + s_.experts + 1);
    shared.first[0] = 0;
  }

  void Gather(const OpArgs& args, const Shared& shared, size_t begin, size_t end) const {
    const auto* x = static_cast<const uint8_t*>(args.inputs[F::kX].data);
    for (size_t i = begin; i < end; ++i) {
      if (shared.place[i] < 0) continue;
      std::copy_n(x + i / s_.top_k * s_.x_bytes, s_.x_bytes,
                  shared.x + static_cast<size_t>(shared.place[i]) * s_.x_bytes);
    }
  }

  // The rows of expert e, as linear takes them.
  LinearArgs ExpertArgs(const Shared& shared, int32_t e) const {
    LinearArgs args;
    args.rows = shared.first[e + 1] - shared.first[e];
    args.expert = static_cast<size_t>(e);
    return args;
  }

  void RunHidden(const OpArgs& args, const Shared& shared, size_t begin, size_t end, void* scratch) const {
    const bool alone = args.inputs[F::kX].rows() == 1;
    end = std::min(end, static_cast<size_t>(*shared.actives) * s_.hidden_panels);
    while (begin < end) {
      const size_t at = begin / s_.hidden_panels, panel = begin % s_.hidden_panels;
      const size_t panels = std::min(end - begin, s_.hidden_panels - panel);
      const int32_t e = shared.active[at];
      const auto first = static_cast<size_t>(shared.first[e]);
      LinearArgs linear = ExpertArgs(shared, e);
      linear.x = alone ? args.inputs[F::kX].data : shared.x + first * s_.x_bytes;
      linear.x_stride = alone ? 0 : s_.x_bytes;
      linear.x_precise = x_elem_ == Elem::kQ16;
      linear.row_scale = input_scaled_ ? shared.scale + first : nullptr;
      const LinearArgs::Output out{shared.h + first * s_.h_bytes, s_.h_bytes};
      linear.outputs = &out;
      plans_.hidden.Run(linear, panel, panel + panels, scratch);
      begin += panels;
    }
  }

  void RunDown(const OpArgs& args, const Shared& shared, size_t begin, size_t end, void* scratch) const {
    auto* tiles = reinterpret_cast<float*>(static_cast<uint8_t*>(scratch) + LinearScratch(plans_));
    const size_t slots = static_cast<size_t>(args.inputs[F::kX].rows()) * s_.top_k;
    const size_t at_a_time = TileFloats(s_) / (slots * kPanelChannels);
    for (size_t panel = begin; panel < end; panel += at_a_time) {
      const size_t panels = std::min(at_a_time, end - panel);
      for (int32_t i = 0; i < *shared.actives; ++i) {
        const int32_t e = shared.active[i];
        const auto first = static_cast<size_t>(shared.first[e]);
        LinearArgs linear = ExpertArgs(shared, e);
        linear.x = shared.h + first * s_.h_bytes;
        linear.x_stride = s_.h_bytes;
        linear.x_precise = h_elem_ == Elem::kQ16;
        linear.first_panel = panel;
        const size_t stride = panels * kPanelChannels;
        const LinearArgs::Output out{tiles + first * stride, stride * sizeof(float)};
        linear.outputs = &out;
        plans_.down.Run(linear, panel, panel + panels, scratch);
      }
      AddUp(args, shared, panel, panels, tiles);
    }
  }

  // y = the ranks' tiles times their weights, in order.
  void AddUp(const OpArgs& args, const Shared& shared, size_t panel, size_t panels,
             const float* tiles) const {
    const size_t stride = panels * kPanelChannels, channel = panel * kPanelChannels;
    const size_t channels = std::min(stride, s_.width - channel);
    const float* weights = args.inputs[F::kWeights].f32();
    for (size_t r = 0; r < static_cast<size_t>(args.inputs[F::kX].rows()); ++r) {
      float* y = args.outputs[0].f32() + r * s_.width + channel;
      std::fill_n(y, channels, 0.f);
      for (size_t i = r * s_.top_k; i < (r + 1) * s_.top_k; ++i) {
        if (shared.place[i] < 0) continue;
        add_scaled_(tiles + static_cast<size_t>(shared.place[i]) * stride, input_scaled_ ? 1.f : weights[i],
                    y, channels);
      }
    }
  }

  const Sizes s_;
  const SharedLayout layout_;
  const Plans plans_;
  const Elem x_elem_, h_elem_;
  const bool input_scaled_;
  const ElementwiseKernels::Scalar add_scaled_;
  const size_t threads_;
  std::vector<uint64_t> expert_rows_;
};

// gate and up, or down, in the form that their rows come in.
class Packer {
 public:
  Packer(const StepContext& c, const F& form) : c_(c), form_(form) {}

  Status Add(LinearSpec& spec, size_t input, Elem activation) {
    const Value& weight = c_.input(input);
    const PackForm form = ChoosePackForm(*weight.type.format, activation, form_.round, c_.isa);
    TERN_TRY(auto packed, c_.weights.Packed(weight, form));
    bytes_ += packed->bytes();
    const float* bias = nullptr;
    if (form_.has_bias) {
      biases_.push_back(c_.weights.Floats(c_.input(input + F::kGateBias - F::kGate)));
      bias = biases_.back().get();
    }
    spec.parts.push_back({packed, activation, bias});
    return {};
  }
  size_t bytes() const { return bytes_; }

 private:
  const StepContext& c_;
  const F& form_;
  std::vector<std::shared_ptr<const float>> biases_;  // copied by LinearPlan::Make
  size_t bytes_ = 0;
};

Result<MoeMlpStep::Plans> MakePlans(const StepContext& c, const F& form) {
  Packer packer(c, form);
  LinearSpec hidden, down;
  TERN_TRY(hidden.glu, ParseGlu(form.act));
  hidden.alpha = static_cast<float>(form.alpha);
  hidden.limit = static_cast<float>(form.limit);
  hidden.output = form.hidden;
  TERN_TRY_STATUS(packer.Add(hidden, F::kGate, form.activation[0]));
  TERN_TRY_STATUS(packer.Add(hidden, F::kUp, form.activation[1]));
  TERN_TRY_STATUS(packer.Add(down, F::kDown, form.hidden));
  const auto named = [&](size_t input, Error error) {
    return Error{error.code, c.input(input).name + ": " + error.what};
  };
  auto first = LinearPlan::Make(std::move(hidden), c.isa);
  if (!first.ok()) return named(F::kGate, first.error());
  auto second = LinearPlan::Make(std::move(down), c.isa);
  if (!second.ok()) return named(F::kDown, second.error());
  return MoeMlpStep::Plans{std::move(first).value(), std::move(second).value(), packer.bytes()};
}

bool Supports(const OpKey& key) {
  return key.weight == nullptr || key.activation == Elem::kF32 || key.weight->int_form.bits != 0;
}

Result<std::unique_ptr<CpuStep>> Prepare(const StepContext& c) {
  const ValueType& x = c.input(F::kX).type;
  TERN_TRY(const F form, ParseMoeMlp(c.node.attrs, x.elem));
  TERN_TRY(MoeMlpStep::Plans plans, MakePlans(c, form));
  const Shape& gate = c.input(F::kGate).type.shape;
  Sizes sizes;
  sizes.max_rows = static_cast<size_t>(x.shape[0] == kDimOutputs ? c.limits.outputs : c.limits.tokens);
  sizes.top_k = static_cast<size_t>(c.input(F::kIds).type.shape[1]);
  sizes.experts = static_cast<size_t>(gate[0]);
  sizes.width = static_cast<size_t>(gate[2]);
  sizes.hidden_panels = plans.hidden.tasks();
  sizes.down_panels = plans.down.tasks();
  sizes.x_bytes = RowBytes(x.elem, gate[2]);
  sizes.h_bytes = RowBytes(form.hidden, gate[1]);
  return std::unique_ptr<CpuStep>(std::make_unique<MoeMlpStep>(c, std::move(plans), form, sizes));
}

}  // namespace
extern const CpuOpDesc k_cpuop_moe_mlp;
const CpuOpDesc k_cpuop_moe_mlp = {.name = "moe_mlp", .supports = Supports, .prepare = Prepare};
}  // namespace tern
