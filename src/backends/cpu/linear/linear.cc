#include "backends/cpu/linear/linear.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "backends/cpu/linear/bf16_layout.h"
#include "backends/cpu/linear/int16_layout.h"
#include "backends/cpu/linear/kernels.h"
#include "backends/cpu/linear/pack.h"
#include "backends/cpu/linear/sizes.h"
#include "base/isa.h"
#include "ops/quantized_rows.h"

namespace tern {
namespace {

static_assert(kPanelChannels == kPanelWidth);

PanelLayout LayoutOf(const Format& format, PackForm form) {
  return form == PackForm::kPlanes ? PlanesOfForm(format.int_form) : LayoutOfFormat(format);
}

// The type of a float panel; kF32 for decoded panels.
FloatPanel PanelType(const PackedWeight& weight) {
  if (weight.form() == PackForm::kFloat && weight.source().format->name == "f16") return FloatPanel::kF16;
  if (weight.form() == PackForm::kFloat && weight.source().format->name == "bf16") return FloatPanel::kBf16;
  return FloatPanel::kF32;
}

bool IsFloat(const Format& format) {
  return format.name == "f32" || format.name == "f16" || format.name == "bf16";
}

bool HasBf16(const Format& format, uint32_t isa) {
  return format.name == "bf16" && HasIsa(kAvx512 | kAvx512Bf16, isa);
}

// Formats whose blocks cut a row into whole steps, with super-blocks where there are two levels.
bool HasIntKernels(const Format& format, const LinearKernels& kernels) {
  const IntForm& form = format.int_form;
  return form.bits != 0 && format.unpack != nullptr && format.block_weights % kStep == 0 &&
         (!form.two_level || format.block_weights == kStep * kSuperSteps) &&
         FindInts(kernels, LayoutOfFormat(format)) != nullptr;
}

std::string Describe(const Tensor& weight) {
  return fmt::format("linear weight {} {}", weight.format->name, ToString(weight.shape));
}

constexpr size_t kLine = 64;

// What a float tile is to fetch ahead: the first one brings the panel in from memory, later ones find it in
// cache. One or two rows ask for memory so fast that the hardware's prefetchers do better alone.
size_t PrefetchAhead(int row, int rows) { return row == 0 && rows > 2 ? kPrefetchBytes : 0; }

struct Fetch {
  const uint8_t* from = nullptr;
  size_t lines = 0;  // per step
};

// What an integer tile is to fetch. One alone fetches ahead of itself where it multiplies so much per byte
// that it asks too slowly for the hardware's prefetchers (measured: as many products per weight as it has
// bits; or both planes of one row, whose codes of 4 or 6 bits take long to unpack). Of several each fetches a
// part of the panel to come, so that memory is never idle.
Fetch FetchOf(const PanelLayout& layout, bool precise, const uint8_t* panel, int64_t width, TileRows rows) {
  if (rows.tiles == 0) return {};
  const size_t lines = layout.step_bytes() / kLine;
  if (rows.tiles == 1) {
    const int products = rows.count * (precise ? 2 : 1);
    const bool slow_row = precise && rows.count == 1 && (layout.bits == 4 || layout.bits == 6);
    return products >= layout.bits || slow_row ? Fetch{panel + kPrefetchFarBytes, lines} : Fetch{};
  }
  const int from = std::max(0, rows.tiles - kFetchingTiles);
  const auto tiles = static_cast<size_t>(rows.tiles - from), tile = static_cast<size_t>(rows.tile - from);
  const size_t share = (lines + tiles - 1) / tiles;
  if (rows.tile < from || tile * share >= lines) return {};
  const size_t done = tile * share * kLine * static_cast<size_t>(width / kStep);
  return {panel + layout.panel_bytes(width) + done, share};
}

// Rows that are rounded at a time: with the panels of a chunk they stay in L2.
constexpr int kRoundedRows = 4 * kMaxFloatRows;
// Panels per chunk that are worth rounding the rows once more.
constexpr size_t kRoundedPanels = 8;

bool IsRounded(PackForm form) { return form == PackForm::kInt16 || form == PackForm::kBf16; }

// Panels of the gate, then of up, that make streams long enough for prefetchers.
constexpr size_t kGluRun = 6;
// Of at most this many rows: one tile.
constexpr int kGluRunRows = kMaxFastRows;

constexpr size_t kTileFloats = kGluRun * kGluRunRows * kPanelWidth;
static_assert(kTileFloats >= kMaxFloatRows * kPanelWidth);

}  // namespace

const LinearKernels& LinearKernelsOf(uint32_t isa) {
#if defined(__x86_64__) && !defined(TERN_PORTABLE)
  if (HasIsa(kAvx512, isa)) return LinearKernelsAvx512();
  if (HasIsa(kAvxVnni, isa)) return LinearKernelsAvxVnni();
  if (HasIsa(kAvx2, isa)) return LinearKernelsAvx2();
#endif
  (void)isa;
  return LinearKernelsNone();
}

const IntKernels* FindInts(const LinearKernels& kernels, const PanelLayout& layout) {
  for (size_t i = 0; i < kernels.int_count; ++i) {
    if (kernels.ints[i].layout == layout) return &kernels.ints[i];
  }
  return nullptr;
}

Result<Glu> ParseGlu(std::string_view name) {
  if (name.empty()) return Glu::kNone;
  if (name == "silu") return Glu::kSilu;
  if (name == "gelu_tanh") return Glu::kGeluTanh;
  if (name == "gelu") return Glu::kGelu;
  if (name == "relu") return Glu::kRelu;
  if (name == "swiglu_oai") return Glu::kSwigluOai;
  return Unsupported(fmt::format("glu '{}': expected silu, gelu_tanh, gelu, relu or swiglu_oai", name));
}

PackForm ChoosePackForm(const Format& format, Elem activation, Rounding round, uint32_t isa) {
  if (IsFloat(format)) {
    if (round == Rounding::kInt16) return PackForm::kInt16;
    return round == Rounding::kBf16 && HasBf16(format, isa) ? PackForm::kBf16 : PackForm::kFloat;
  }
  return activation != Elem::kF32 && HasIntKernels(format, LinearKernelsNone()) ? PackForm::kInteger
                                                                                : PackForm::kDecode;
}

Result<PackedWeight> PackedWeight::Make(const Tensor& weight, PackForm form, uint32_t isa) {
  const Format& format = *weight.format;
  const Shape& shape = weight.shape;
  if (shape.size() < 2 || shape.size() > 3 || weight.rows() < 1 || weight.cols() < 1) {
    return BadInput(
        fmt::format("{}: expected two or three dimensions, none of them empty", Describe(weight)));
  }
  if (weight.cols() % format.block_weights != 0) {
    return BadInput(
        fmt::format("{}: width is no multiple of the block of {}", Describe(weight), format.block_weights));
  }
  PackedWeight packed;
  packed.form_ = form;
  packed.channels_ = shape[shape.size() - 2];
  packed.width_ = weight.cols();
  for (int64_t row = 0; row < weight.rows(); row += packed.channels_) {
    packed.sources_.push_back({weight.format, {packed.channels_, packed.width_}, weight.row(row)});
  }
  switch (form) {
    case PackForm::kPlanes:
    case PackForm::kInteger:
      if (!HasIntKernels(format, LinearKernelsOf(isa)) || (form == PackForm::kPlanes && !HasPlanes(format))) {
        return Unsupported(fmt::format("{}: the format has no integer kernels{}", Describe(weight),
                                       form == PackForm::kPlanes ? " in planes" : ""));
      }
      packed.panel_bytes_ = LayoutOf(format, form).panel_bytes(packed.width_);
      packed.low_bytes_ = LayoutOf(format, form).low_bytes(packed.width_);
      break;
    case PackForm::kBf16:
      if (!HasBf16(format, isa)) {
        return Unsupported(fmt::format("{}: no bf16, or no kernels that multiply it", Describe(weight)));
      }
      packed.panel_bytes_ = Bf16Layout(packed.width_).panel_bytes();
      break;
    case PackForm::kInt16:
    case PackForm::kFloat:
      if (!IsFloat(format)) {
        return Unsupported(fmt::format("{}: expected f32, f16 or bf16", Describe(weight)));
      }
      packed.panel_bytes_ = form == PackForm::kInt16
                                ? Int16Layout(packed.width_).panel_bytes()
                                : static_cast<size_t>(packed.width_) * kPanelWidth * format.block_bytes;
      break;
    case PackForm::kDecode:
      packed.panel_bytes_ = weight.row_bytes() * kPanelWidth;
      return packed;
  }
  return packed;
}

bool PackedWeight::IsOf(const Shape& shape) const {
  const auto e = static_cast<int64_t>(experts());
  return shape == Shape{e, channels_, width_} || (e == 1 && shape == Shape{channels_, width_});
}

bool PackedWeight::packs_cheaply() const {
  const bool is_q8_0 = form_ == PackForm::kInteger && HasPlanes(*source().format);
  return is_q8_0 || form_ == PackForm::kFloat || form_ == PackForm::kBf16;
}

void PackedWeight::Pack(uint8_t* memory, size_t begin, size_t end) const {
  if (form_ == PackForm::kDecode) return;
  uint8_t* low = memory + experts() * panels() * panel_bytes_;
  for (size_t i = begin; i < end; ++i) PackTo(i, memory + i * panel_bytes_, low + i * low_bytes_);
}

void PackedWeight::PackPanel(size_t i, uint8_t* out) const {
  std::memset(out, 0, panel_scratch_bytes());
  PackTo(i, out, out + panel_bytes_);
}

void PackedWeight::PackTo(size_t i, uint8_t* out, uint8_t* low) const {
  const Tensor& source = sources_[i / panels()];
  const auto channel = static_cast<int64_t>(i % panels()) * kPanelWidth;
  if (form_ == PackForm::kInteger) PackIntPanel(source, LayoutOfFormat(*source.format), channel, out);
  if (form_ == PackForm::kPlanes) PackPlanesPanel(source, channel, out, low);
  if (form_ == PackForm::kInt16) PackInt16Panel(source, channel, out);
  if (form_ == PackForm::kBf16) PackBf16Panel(source, channel, out);
  if (form_ == PackForm::kFloat) PackFloatPanel(source, channel, out);
}

void PackedWeight::Use(std::shared_ptr<const void> owner, const uint8_t* memory) {
  owner_ = std::move(owner);
  memory_ = memory;
}

Status LinearPlan::Check(const LinearSpec& spec) const {
  if (spec.parts.empty()) return BadInput("linear: no weights");
  const bool glu = spec.glu != Glu::kNone;
  const PackedWeight& first = *spec.parts[0].weight;
  const bool quantized = spec.parts[0].activation != Elem::kF32;
  if (glu && spec.parts.size() != 2) return BadInput("linear: glu needs two weights, gate and up");
  if (spec.residual && spec.parts.size() != (glu ? 2u : 1u)) {
    return BadInput("linear: a residual needs a single output");
  }
  for (const LinearSpec::Part& part : spec.parts) {
    const std::string name = Describe(part.weight->source());
    if (part.weight->width() != first.width()) {
      return BadInput(fmt::format("{}: expected a width of {}", name, first.width()));
    }
    if (part.weight->experts() != first.experts()) {
      return BadInput(
          fmt::format("{}: {} experts, expected {}", name, part.weight->experts(), first.experts()));
    }
    if (glu && part.weight->channels() != first.channels()) {
      return BadInput(fmt::format("{}: expected {} channels, as the gate", name, first.channels()));
    }
    if (quantized != (part.activation != Elem::kF32) || quantized != IsInteger(part.weight->form())) {
      return BadInput(fmt::format("{}: packed for {} rows, expected {}", name,
                                  IsInteger(part.weight->form()) ? "quantized" : "f32",
                                  quantized ? "quantized" : "f32"));
    }
    if (part.weight->form() != first.form() && (IsRounded(part.weight->form()) || IsRounded(first.form()))) {
      return BadInput(
          fmt::format("{}: some weights are packed as int16 or bf16, expected all or none", name));
    }
    if (spec.output != Elem::kF32 && part.weight->channels() % kActGroup != 0) {
      return BadInput(fmt::format("{}: quantized output needs a multiple of {} channels", name, kActGroup));
    }
  }
  return Status();
}

Result<LinearPlan> LinearPlan::Make(LinearSpec spec, uint32_t isa) {
  LinearPlan plan;
  TERN_TRY_STATUS(plan.Check(spec));
  plan.kernels_ = &LinearKernelsOf(isa);
  plan.width_ = spec.parts[0].weight->width();
  const PackForm form = spec.parts[0].weight->form();
  if (form == PackForm::kInt16) {
    const Int16Layout at(plan.width_);
    plan.rounded_ = {&plan.kernels_->int16, at.row_bytes(), at.row_codes(), at.pairs};
  }
#if defined(__x86_64__) && !defined(TERN_PORTABLE)
  if (form == PackForm::kBf16) {
    const Bf16Layout at(plan.width_);
    plan.rounded_ = {&Bf16KernelsAvx512Bf16(), at.row_bytes(), 0, at.pairs};
  }
#endif
  plan.residual_ = spec.residual;
  plan.glu_ = spec.glu;
  plan.alpha_ = spec.alpha;
  plan.limit_ = spec.limit;
  plan.output_ = spec.output;
  bool decodes = false;
  for (LinearSpec::Part& part : spec.parts) {
    const PackedWeight& weight = *part.weight;
    Bound bound;
    bound.precise = part.activation == Elem::kQ16;
    if (IsInteger(weight.form())) {
      bound.ints = FindInts(*plan.kernels_, LayoutOf(*weight.source().format, weight.form()));
      bound.tile_rows = bound.precise ? plan.kernels_->precise_rows : plan.kernels_->fast_rows;
    } else {
      bound.tile_rows = plan.kernels_->float_rows;
    }
    if (weight.form() == PackForm::kDecode) {
      bound.decode = PickDecode(*weight.source().format, isa);
      decodes = true;
    }
    if (part.bias != nullptr) {
      const size_t padded = weight.panels() * kPanelWidth;
      bound.bias.resize(weight.experts() * padded);
      for (size_t e = 0; e < weight.experts(); ++e) {
        const auto channels = static_cast<size_t>(weight.channels());
        std::copy_n(part.bias + e * channels, channels, bound.bias.data() + e * padded);
      }
    }
    const double ops = 2.0 * static_cast<double>(weight.channels()) * static_cast<double>(weight.width());
    const bool rounded = IsRounded(form);
    (bound.ints == nullptr && !rounded ? plan.f32_ops_per_row_ : plan.int8_ops_per_row_) +=
        bound.precise || rounded ? 2 * ops : ops;
    if (plan.tasks_ == 0 || plan.glu_ == Glu::kNone) plan.tasks_ += weight.panels();
    bound.weight = std::move(part.weight);
    plan.parts_.push_back(std::move(bound));
  }
  const size_t panel_floats = static_cast<size_t>(plan.width_) * kPanelWidth;
  plan.scratch_bytes_ = (2 * kTileFloats + (decodes ? 2 * panel_floats + kDecodeChunkFloats : 0)) * 4;
  plan.scratch_bytes_ += kRoundedRows * plan.rounded_.row_bytes;
  plan.PlanExpanded();
  plan.PlanFresh();
  return plan;
}

void LinearPlan::PlanFresh() {
  for (const Bound& part : parts_) {
    if (part.weight->form() == PackForm::kDecode) continue;
    fresh_bytes_ = std::max(fresh_bytes_, LineUp(part.weight->panel_scratch_bytes()));
  }
  fresh_ = LineUp(scratch_bytes_);
  scratch_bytes_ = fresh_ + (glu_ == Glu::kNone ? 1 : 2) * fresh_bytes_;
}

size_t LinearPlan::stream_bytes() const {
  size_t bytes = 0;
  for (const Bound& part : parts_) bytes += part.weight->stream_bytes();
  return bytes;
}

size_t LinearPlan::ChunkTasks(int rows, int threads) const {
  // Rough nanoseconds: 10 bytes and 300 integer or 80 float operations each.
  const double read = static_cast<double>(stream_bytes()) / 10;
  const double compute = rows * (int8_ops_per_row_ / 300 + f32_ops_per_row_ / 80);
  const double share = std::max(read, compute) / threads;
  // Many where computing decides, so that threads end together; long streams where reading does. Neighbouring
  // panels of quantized rows share cache lines, which threads had better not write at the same time.
  const double most_chunks = compute > read && output_ == Elem::kF32 ? kMostComputeChunks : kMostReadChunks;
  const auto chunks_per_thread = static_cast<size_t>(std::clamp(share / kChunkNs, 1.0, most_chunks));
  const size_t chunks = chunks_per_thread * static_cast<size_t>(threads);
  const size_t tasks = std::max<size_t>(1, (tasks_ + chunks - 1) / chunks);
  const size_t share_tasks = (tasks_ + static_cast<size_t>(threads) - 1) / static_cast<size_t>(threads);
  if (rounded_.kernels != nullptr && !RoundsAhead(rows)) {
    return std::max(tasks, std::min(share_tasks, kRoundedPanels));
  }
  // Two share what expanding the rows' sums takes, where that leaves enough chunks to end together.
  if (Expands(rows) && share_tasks >= 32) return std::max<size_t>(tasks, 2);
  if (rows <= kGluRunRows && glu_ != Glu::kNone) return std::max(tasks, std::min(share_tasks, kGluRun));
  return tasks;
}

bool LinearPlan::RoundsAhead(int rows) const { return rounded_.kernels != nullptr && rows > kRoundedRows; }

void LinearPlan::RoundRows(const LinearArgs& args, int begin, int end, uint8_t* out) const {
  for (int row = begin; row < end; ++row) {
    const auto* x = static_cast<const uint8_t*>(args.x) + static_cast<size_t>(row) * args.x_stride;
    rounded_.kernels->round(reinterpret_cast<const float*>(x), width_,
                            out + static_cast<size_t>(row) * rounded_.row_bytes);
  }
}

void LinearPlan::Run(const LinearArgs& args, size_t begin, size_t end, void* memory) const {
  Scratch scratch{};
  scratch.tile = static_cast<float*>(memory);
  scratch.gate_tile = scratch.tile + kTileFloats;
  scratch.panel = scratch.gate_tile + kTileFloats;
  scratch.gate_panel = scratch.panel + width_ * kPanelWidth;
  scratch.chunk = scratch.gate_panel + width_ * kPanelWidth;
  scratch.fresh = static_cast<uint8_t*>(memory) + fresh_;
  scratch.gate_fresh = scratch.fresh + fresh_bytes_;
  if (Expands(args.rows)) return RunExpanded(args, begin, end, scratch);
  scratch.rounded = reinterpret_cast<uint8_t*>(scratch.panel);
  if (rounded_.kernels == nullptr || args.rounded != nullptr) {
    return RunRows(args, {0, args.rows, args.rounded}, begin, end, scratch);
  }
  for (int first = 0; first < args.rows; first += kRoundedRows) {
    const int count = std::min(kRoundedRows, args.rows - first);
    LinearArgs some = args;
    some.x = static_cast<const uint8_t*>(args.x) + static_cast<size_t>(first) * args.x_stride;
    RoundRows(some, 0, count, scratch.rounded);
    RunRows(args, {first, count, scratch.rounded}, begin, end, scratch);
  }
}

void LinearPlan::RunRows(const LinearArgs& args, RowRange rows, size_t begin, size_t end,
                         const Scratch& scratch) const {
  const int tallest = std::min(parts_.front().tile_rows, parts_.back().tile_rows);
  if (glu_ != Glu::kNone && rows.count <= std::min(kGluRunRows, tallest) && rows.rounded == nullptr) {
    return RunGluTile(args, begin, end, scratch);
  }
  size_t first = 0;  // task of the part's panel 0
  for (size_t part = 0; part < parts_.size() && first < end; ++part) {
    const size_t next = glu_ == Glu::kNone ? first + parts_[part].weight->panels() : tasks_;
    for (size_t task = std::max(begin, first); task < std::min(end, next); ++task) {
      RunTask(args, rows, part, task - first, scratch);
    }
    if (glu_ != Glu::kNone) break;
    first = next;
  }
}

// A few rows are as fast as their panels come, and these come faster in longer runs: a few gate panels, then
// a few up panels.
void LinearPlan::RunGluTile(const LinearArgs& args, size_t begin, size_t end, const Scratch& scratch) const {
  const size_t tile_floats = static_cast<size_t>(args.rows) * kPanelWidth;
  for (size_t first = begin; first < end; first += kGluRun) {
    const size_t last = std::min(first + kGluRun, end);
    const auto run_part = [&](const Bound& part, float* tiles) {
      for (size_t panel = first; panel < last; ++panel) {
        const uint8_t* data = PanelData(part, args.expert, panel, scratch);
        RunTile(args, part, data, {0, args.rows, 0, 1}, tiles + (panel - first) * tile_floats);
      }
    };
    run_part(parts_[0], scratch.gate_tile);
    run_part(parts_[1], scratch.tile);
    for (size_t panel = first; panel < last; ++panel) {
      Scratch at = scratch;
      at.gate_tile += (panel - first) * tile_floats;
      at.tile += (panel - first) * tile_floats;
      Finish(args, 0, panel, 0, args.rows, at);
    }
  }
}

void LinearPlan::RunTask(const LinearArgs& args, RowRange range, size_t part, size_t panel,
                         const Scratch& scratch) const {
  const bool glu = glu_ != Glu::kNone;
  const Bound& main = parts_[glu ? 1 : part];
  const uint8_t* data = PanelData(main, args.expert, panel, scratch);
  const uint8_t* gate_data = glu ? PanelData(parts_[0], args.expert, panel, scratch) : nullptr;
  const int tallest = std::min(main.tile_rows, parts_[glu ? 0 : part].tile_rows);
  // Tiles of nearly equal height: 7 rows are better done as 4 + 3 than as 6 + 1.
  const int tiles = (range.count + tallest - 1) / tallest;
  for (int i = 0; i < tiles; ++i) {
    const auto at = static_cast<int>(static_cast<int64_t>(range.count) * i / tiles);
    const int rows = static_cast<int>(static_cast<int64_t>(range.count) * (i + 1) / tiles) - at;
    const int row = range.first + at;
    if (range.rounded != nullptr) {
      const uint8_t* rounded = range.rounded + static_cast<size_t>(at) * rounded_.row_bytes;
      if (glu) RunRoundedTile(rounded, gate_data, row, rows, scratch.gate_tile);
      RunRoundedTile(rounded, data, row, rows, scratch.tile);
    } else {
      const TileRows tile_rows{row, rows, i, tiles};
      if (glu) RunTile(args, parts_[0], gate_data, tile_rows, scratch.gate_tile);
      RunTile(args, main, data, tile_rows, scratch.tile);
    }
    Finish(args, part, panel, row, rows, scratch);
  }
}

const uint8_t* LinearPlan::PanelData(const Bound& part, size_t expert, size_t panel,
                                     const Scratch& scratch) const {
  const PackedWeight& weight = *part.weight;
  const bool gate = glu_ != Glu::kNone && &part == &parts_[0];
  if (weight.form() == PackForm::kDecode) {
    float* decoded = gate ? scratch.gate_panel : scratch.panel;
    const int64_t channel = static_cast<int64_t>(panel) * kPanelWidth;
    DecodePanel(weight.source(expert), part.decode, channel, scratch.chunk, decoded);
    return reinterpret_cast<const uint8_t*>(decoded);
  }
  const size_t i = expert * weight.panels() + panel;
  if (weight.in_use()) return weight.panel(i);
  uint8_t* fresh = gate ? scratch.gate_fresh : scratch.fresh;
  weight.PackPanel(i, fresh);
  return fresh;
}

const float* LinearPlan::PanelBias(const Bound& part, size_t expert, size_t panel) {
  if (part.bias.empty()) return nullptr;
  return part.bias.data() + (expert * part.weight->panels() + panel) * kPanelWidth;
}

size_t LinearPlan::TileBytes() { return 2 * kTileFloats * sizeof(float); }

// A row begins with its first scale that counts.
const uint8_t* LinearPlan::RowOf(const LinearArgs& args, int row) {
  return static_cast<const uint8_t*>(args.x) + static_cast<size_t>(row) * args.x_stride +
         static_cast<size_t>(args.x_first / kStep) * 4;
}

LinearPlan::RowOffsets LinearPlan::OffsetsOf(const LinearArgs& args) const {
  const QuantizedRowLayout at = QuantizedRow(args.x_columns == 0 ? width_ : args.x_columns, args.x_precise);
  // Sums are twice as many as scales, codes 32 bytes each.
  const auto group = static_cast<size_t>(args.x_first / kStep);
  const size_t sums = group * 8 - group * 4, codes = group * kStep - group * 4;
  return {at.sum_hi + sums, at.sum + sums, at.hi + codes, at.lo + codes};
}

void LinearPlan::RunTile(const LinearArgs& args, const Bound& part, const void* panel, TileRows rows,
                         float* tile) const {
  const auto index = static_cast<size_t>(rows.count - 1);
  if (part.ints != nullptr) {
    const RowOffsets at = OffsetsOf(args);
    const auto* data = static_cast<const uint8_t*>(panel);
    const Fetch fetch = FetchOf(part.ints->layout, part.precise, data, width_, rows);
    const IntTileArgs tile_args{.panel = data,
                                .low = part.weight->LowOf(data),
                                .rows = RowOf(args, rows.first),
                                .row_stride = args.x_stride,
                                .sum_hi = at.sum_hi,
                                .sum = at.sum,
                                .hi = at.hi,
                                .lo = at.lo,
                                .steps = static_cast<int>(width_ / kStep),
                                .prefetch = fetch.from,
                                .prefetch_lines = fetch.lines,
                                .tile = tile};
    (part.precise ? part.ints->precise : part.ints->fast)[index](tile_args);
    return;
  }
  const auto* x = static_cast<const uint8_t*>(args.x) + static_cast<size_t>(rows.first) * args.x_stride;
  const FloatPanel type = PanelType(*part.weight);
  const size_t ahead =
      part.weight->form() == PackForm::kDecode ? 0 : PrefetchAhead(rows.first, rows.count) / kLine;
  kernels_->floats[static_cast<size_t>(type)][index]({panel, x, args.x_stride, width_, ahead, tile});
}

void LinearPlan::RunRoundedTile(const uint8_t* rounded, const void* panel, int row, int rows,
                                float* tile) const {
  rounded_.kernels->tile[rows - 1]({static_cast<const uint8_t*>(panel), rounded, rounded_.row_bytes,
                                    rounded_.codes, rounded_.pairs, PrefetchAhead(row, rows), tile});
}

void LinearPlan::Finish(const LinearArgs& args, size_t part, size_t panel, int row, int rows,
                        const Scratch& scratch) const {
  const bool glu = glu_ != Glu::kNone;
  const Bound& main = parts_[glu ? 1 : part];
  const LinearArgs::Output& out = args.outputs[part];
  const size_t channel = panel * kPanelWidth;
  EpilogueArgs e{};
  e.tile = scratch.tile;
  e.gate = scratch.gate_tile;
  e.rows = rows;
  e.channels = static_cast<int>(
      std::min<int64_t>(kPanelWidth, main.weight->channels() - static_cast<int64_t>(channel)));
  e.row_scale = args.row_scale == nullptr ? nullptr : args.row_scale + row;
  e.bias = PanelBias(main, args.expert, panel);
  e.gate_bias = glu ? PanelBias(parts_[0], args.expert, panel) : nullptr;
  e.alpha = alpha_;
  e.limit = limit_;
  if (residual_) {
    e.residual = reinterpret_cast<const float*>(reinterpret_cast<const uint8_t*>(args.residual) +
                                                static_cast<size_t>(row) * args.residual_stride) +
                 channel;
    e.residual_stride = args.residual_stride;
  }
  e.y = static_cast<uint8_t*>(out.y) + static_cast<size_t>(row) * out.stride;
  e.y_stride = out.stride;
  size_t kind = 0;
  if (output_ == Elem::kF32) {
    e.y += (panel - args.first_panel) * kPanelWidth * 4;
  } else {
    kind = output_ == Elem::kQ8 ? 1 : 2;
    const QuantizedRowLayout at = QuantizedRow(main.weight->channels(), kind == 2);
    e.scale = panel * 4;
    e.sum_hi = at.sum_hi + panel * 8;
    e.sum = at.sum + panel * 8;
    e.hi = at.hi + channel;
    e.lo = at.lo + channel;
  }
  kernels_->epilogue[static_cast<size_t>(glu_)][kind](e);
}

}  // namespace tern
