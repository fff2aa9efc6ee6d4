#include "backends/cpu/linear/screen.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "backends/cpu/linear/pack.h"
#include "ops/quantized_rows.h"

namespace tern {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr size_t kLine = 64;

// What the upper plane's kernel subtracts from codes is 16; that the lower plane's middle is counted, it
// should be 16 - 3.5 / 8 = 16 * 249 / 256. To the nearest whole number: off by a half at most.
int32_t MiddleSum(int32_t sum) { return (sum * 249 + 128) >> 8; }

}  // namespace

struct LinearScreen::Row {
  const uint8_t* exact;          // the quantized row
  uint8_t* upper;                // the same with other sums, for the upper plane's kernel
  uint8_t* panel;                // working memory
  float* values;                 // a tile, or what Threshold looks at
  float norm = 0, low_norm = 0;  // |x| and |x - x'|, or a little more
};

LinearScreen::LinearScreen(std::shared_ptr<const PackedWeight> weight, uint32_t isa, int threads)
    : weight_(std::move(weight)), steps_(static_cast<int>(weight_->width()) / kStep) {
  const LinearKernels& kernels = LinearKernelsOf(isa);
  upper_ = FindInts(kernels, kUpperPlane)->fast[0];
  exact_ = FindInts(kernels, LayoutOfFormat(*weight_->source().format))->precise[0];
  panel_most_.resize(panels());
  guesses_.resize(static_cast<size_t>(threads));
  for (Guesses& g : guesses_) {
    g.promising.reserve(kMaxScreened);
    g.exact.reserve(kMaxScreened);
  }
}

size_t LinearScreen::scratch_bytes() const {
  const size_t values = std::max<size_t>(kPanelWidth, guesses_.size() * kMaxScreened);
  return QuantizedRow(weight_->width(), true).row_bytes +
         LayoutOfFormat(*weight_->source().format).panel_bytes(weight_->width()) + values * sizeof(float);
}

LinearScreen::Row LinearScreen::MakeRow(const void* x, void* scratch) const {
  const QuantizedRowLayout layout = QuantizedRow(weight_->width(), true);
  Row row{};
  row.exact = static_cast<const uint8_t*>(x);
  row.upper = static_cast<uint8_t*>(scratch);
  row.panel = row.upper + layout.row_bytes;
  const size_t panel_bytes = LayoutOfFormat(*weight_->source().format).panel_bytes(weight_->width());
  row.values = reinterpret_cast<float*>(row.panel + panel_bytes);
  std::memcpy(row.upper, x, layout.row_bytes);
  const auto* scales = reinterpret_cast<const float*>(row.upper);
  auto* sums = reinterpret_cast<int32_t*>(row.upper + layout.sum_hi);
  const auto* hi = reinterpret_cast<const int8_t*>(row.upper + layout.hi);
  const auto* lo = reinterpret_cast<const int8_t*>(row.upper + layout.lo);
  double squares = 0, low_squares = 0;
  for (size_t step = 0; step < static_cast<size_t>(steps_); ++step) {
    sums[2 * step] = MiddleSum(sums[2 * step] + sums[2 * step + 1]);
    sums[2 * step + 1] = 0;
    int64_t group = 0;
    int low_group = 0;
    for (size_t i = step * kStep; i < (step + 1) * kStep; ++i) {
      const int code = 128 * hi[i] + lo[i];
      group += code * code;
      low_group += lo[i] * lo[i];
    }
    const double scale = static_cast<double>(scales[step]) / 128;
    squares += scale * scale * static_cast<double>(group);
    low_squares += scale * scale * low_group;
  }
  row.norm = static_cast<float>(std::sqrt(squares) * (1 + 0x1p-20));
  row.low_norm = static_cast<float>(std::sqrt(low_squares) * (1 + 0x1p-20));
  return row;
}

void LinearScreen::RunTile(IntTileFn tile, const uint8_t* panel, const uint8_t* row, float* values) const {
  const QuantizedRowLayout layout = QuantizedRow(weight_->width(), true);
  tile({.panel = panel,
        .low = nullptr,
        .rows = row,
        .row_stride = layout.row_bytes,
        .sum_hi = layout.sum_hi,
        .sum = layout.sum,
        .hi = layout.hi,
        .lo = layout.lo,
        .steps = steps_,
        .prefetch = nullptr,
        .prefetch_lines = 0,
        .tile = values});
}

void LinearScreen::Bound(const Args& args, size_t begin, size_t end, void* scratch) {
  const Row row = MakeRow(args.x, scratch);
  const size_t errors = PlanesOfForm(weight_->source().format->int_form).steps_bytes(weight_->width());
  const auto channels = static_cast<size_t>(weight_->channels());
  for (size_t panel = begin; panel < end; ++panel) {
    const uint8_t* data = weight_->panel(panel);
    RunTile(upper_, data, row.upper, row.values);
    const auto* error = reinterpret_cast<const float*>(data + errors);
    const float* low_error = error + kPanelWidth;
    const size_t first = panel * kPanelWidth, n = std::min<size_t>(kPanelWidth, channels - first);
    float panel_most = -kInfinity;
    for (size_t c = 0; c < n; ++c) {
      float most = 8 * row.values[c] + error[c] * row.norm + low_error[c] * row.low_norm;
      if (!(most < kInfinity)) most = kInfinity;  // NaN says nothing about a bound
      args.y[first + c] = most;
      panel_most = std::max(panel_most, most);
    }
    panel_most_[panel] = panel_most;
  }
}

// Multiplies channels exactly, a panel of them at a time.
class LinearScreen::Exactly {
 public:
  Exactly(const LinearScreen& screen, const Row& row) : screen_(screen), row_(row) {}
  template <class Take>  // take(channel, value)
  void Add(int32_t channel, const Take& take) {
    const Tensor& weight = screen_.weight_->source();
    const auto* row = static_cast<const uint8_t*>(weight.row(channel));
    for (size_t at = 0; at < weight.row_bytes(); at += kLine) __builtin_prefetch(row + at);
    rows_[count_] = row;
    channels_[count_] = channel;
    if (++count_ == kPanelWidth) Finish(take);
  }
  template <class Take>
  void Finish(const Take& take) {
    if (count_ == 0) return;
    std::fill(rows_ + count_, rows_ + kPanelWidth, rows_[0]);
    PackQ8Rows(rows_, static_cast<size_t>(screen_.weight_->width()), row_.panel);
    screen_.RunTile(screen_.exact_, row_.panel, row_.exact, row_.values);
    for (size_t i = 0; i < count_; ++i) take(channels_[i], row_.values[i]);
    count_ = 0;
  }

 private:
  const LinearScreen& screen_;
  const Row& row_;
  const uint8_t* rows_[kPanelWidth];
  int32_t channels_[kPanelWidth];
  size_t count_ = 0;
};

// Those of panels [begin, end) that can be the largest, but for args.always.
void LinearScreen::FindPromising(const Args& args, size_t begin, size_t end, Guesses& guesses) const {
  std::vector<Promising>& heap = guesses.promising;  // the least on top
  const auto more = [](const Promising& a, const Promising& b) { return a.most > b.most; };
  const auto channels = static_cast<size_t>(weight_->channels());
  heap.clear();
  for (size_t panel = begin; panel < end; ++panel) {
    if (heap.size() == args.count && panel_most_[panel] <= heap.front().most) continue;
    const size_t last = std::min(channels, (panel + 1) * kPanelWidth);
    for (size_t c = panel * kPanelWidth; c < last; ++c) {
      const auto channel = static_cast<int32_t>(c);
      if (heap.size() == args.count && args.y[c] <= heap.front().most) continue;
      if (std::binary_search(args.always.begin(), args.always.end(), channel)) continue;
      if (heap.size() == args.count) {
        std::pop_heap(heap.begin(), heap.end(), more);
        heap.pop_back();
      }
      heap.push_back({args.y[c], channel});
      std::push_heap(heap.begin(), heap.end(), more);
    }
  }
}

void LinearScreen::Guess(const Args& args, size_t begin, size_t end, void* scratch) {
  const Row row = MakeRow(args.x, scratch);
  for (size_t part = begin; part < end; ++part) {
    Guesses& guesses = guesses_[part];
    const size_t parts = guesses_.size();
    FindPromising(args, panels() * part / parts, panels() * (part + 1) / parts, guesses);
    guesses.exact.clear();
    Exactly exactly(*this, row);
    const auto take = [&](int32_t, float value) {
      if (std::isfinite(value)) guesses.exact.push_back(value);
    };
    for (const Promising& p : guesses.promising) exactly.Add(p.channel, take);
    exactly.Finish(take);
  }
}

// The count-th largest of what was guessed: that many channels are no less. -inf where there are not so many.
float LinearScreen::Threshold(size_t count, float* values) const {
  float* end = values;
  for (const Guesses& g : guesses_) end = std::copy(g.exact.begin(), g.exact.end(), end);
  if (static_cast<size_t>(end - values) < count) return -kInfinity;
  std::nth_element(values, values + count - 1, end, std::greater<>());
  return values[count - 1];
}

void LinearScreen::Settle(const Args& args, size_t begin, size_t end, void* scratch) {
  const Row row = MakeRow(args.x, scratch);
  const float threshold = Threshold(args.count, row.values);
  const size_t first = begin * kPanelWidth;
  const size_t last = std::min(static_cast<size_t>(weight_->channels()), end * kPanelWidth);
  const auto from = std::lower_bound(args.always.begin(), args.always.end(), static_cast<int32_t>(first));
  for (auto id = from; id != args.always.end() && static_cast<size_t>(*id) < last; ++id) {
    const auto c = static_cast<size_t>(*id);
    args.y[c] = panel_most_[c / kPanelWidth] = kInfinity;
  }
  Exactly exactly(*this, row);
  const auto take = [&](int32_t channel, float value) { args.y[channel] = value; };
  size_t settled = 0;
  for (size_t panel = begin; panel < end; ++panel) {
    const size_t stop = std::min(last, (panel + 1) * kPanelWidth);
    if (panel_most_[panel] < threshold) {
      std::fill(args.y + panel * kPanelWidth, args.y + stop, -kInfinity);
      continue;
    }
    for (size_t c = panel * kPanelWidth; c < stop; ++c) {
      const bool below = args.y[c] < threshold;
      args.y[c] = -kInfinity;
      if (below) continue;
      exactly.Add(static_cast<int32_t>(c), take);
      ++settled;
    }
  }
  exactly.Finish(take);
  settled_.fetch_add(settled, std::memory_order_relaxed);
}

}  // namespace tern
