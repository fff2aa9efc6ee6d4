#include "backends/cpu/linear/screen.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "ops/quantized_rows.h"

namespace tern {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr size_t kLine = 64;

size_t UpToLine(size_t n) { return (n + kLine - 1) / kLine * kLine; }

// What the upper plane's kernel subtracts from codes is 16; that the lower plane's middle is counted, it should
// be 16 - 3.5 / 8 = 16 * 249 / 256. To the nearest whole number: off by a half at most.
int32_t MiddleSum(int32_t sum) { return (sum * 249 + 128) >> 8; }

}  // namespace

struct LinearScreen::Row {
  uint8_t* upper;     // the quantized row with other sums, for the upper plane's kernel
  int16_t* codes;     // 128 hi + lo
  const float* scales;
  float* values;      // working memory: a tile, or what Threshold looks at
  float norm = 0;     // |x|, or a little more
};

LinearScreen::LinearScreen(std::shared_ptr<const PackedWeight> weight, uint32_t isa, int threads)
    : weight_(std::move(weight)), kernels_(&LinearKernelsOf(isa)), steps_(static_cast<int>(weight_->width()) / kStep) {
  tile_ = FindInts(*kernels_, kUpperPlane)->precise[0];
  file_rows_ = FindFileRows(*kernels_, weight_->source().format->name);
  panel_most_.resize(panels());
  guesses_.resize(static_cast<size_t>(threads));
  for (Guesses& g : guesses_) {
    g.promising.reserve(kMaxScreened);
    g.exact.reserve(kMaxScreened);
  }
}

size_t LinearScreen::scratch_bytes() const {
  const size_t values = std::max<size_t>(kPanelWidth, guesses_.size() * kMaxScreened);
  return QuantizedRow(weight_->width(), true).row_bytes + UpToLine(static_cast<size_t>(weight_->width()) * 2) +
         UpToLine(values * sizeof(float));
}

size_t LinearScreen::upper_bytes() const {
  const PanelLayout layout = PlanesOfForm(weight_->source().format->int_form);
  return panels() * (layout.steps_bytes(weight_->width()) + layout.error_bytes());
}

LinearScreen::Row LinearScreen::MakeRow(const void* x, void* scratch) const {
  const QuantizedRowLayout layout = QuantizedRow(weight_->width(), true);
  Row row{};
  row.upper = static_cast<uint8_t*>(scratch);
  std::memcpy(row.upper, x, layout.row_bytes);
  row.codes = reinterpret_cast<int16_t*>(row.upper + layout.row_bytes);
  const auto width = static_cast<size_t>(weight_->width());
  row.values = reinterpret_cast<float*>(row.upper + layout.row_bytes + UpToLine(width * 2));
  row.scales = reinterpret_cast<const float*>(row.upper);
  auto* sums = reinterpret_cast<int32_t*>(row.upper + layout.sum);
  const auto* hi = reinterpret_cast<const int8_t*>(row.upper + layout.hi);
  const auto* lo = reinterpret_cast<const int8_t*>(row.upper + layout.lo);
  double squares = 0;
  for (size_t step = 0; step < static_cast<size_t>(steps_); ++step) {
    sums[2 * step] = MiddleSum(sums[2 * step] + sums[2 * step + 1]);
    sums[2 * step + 1] = 0;
    int64_t group = 0;
    for (size_t i = step * kStep; i < (step + 1) * kStep; ++i) {
      row.codes[i] = static_cast<int16_t>(128 * hi[i] + lo[i]);
      group += int64_t{row.codes[i]} * row.codes[i];
    }
    const double scale = static_cast<double>(row.scales[step]) / 128;
    squares += scale * scale * static_cast<double>(group);
  }
  row.norm = static_cast<float>(std::sqrt(squares) * (1 + 0x1p-20));
  return row;
}

void LinearScreen::Bound(const Args& args, size_t begin, size_t end, void* scratch) {
  const Row row = MakeRow(args.x, scratch);
  const QuantizedRowLayout layout = QuantizedRow(weight_->width(), true);
  const size_t errors = PlanesOfForm(weight_->source().format->int_form).steps_bytes(weight_->width());
  const auto channels = static_cast<size_t>(weight_->channels());
  for (size_t panel = begin; panel < end; ++panel) {
    const uint8_t* data = weight_->panel(panel);
    tile_({data, row.upper, layout.row_bytes, layout.sum_hi, layout.sum, layout.hi, layout.lo, steps_, 0,
           row.values});
    const auto* error = reinterpret_cast<const float*>(data + errors);
    const size_t first = panel * kPanelWidth, n = std::min<size_t>(kPanelWidth, channels - first);
    float panel_most = -kInfinity;
    for (size_t c = 0; c < n; ++c) {
      float most = 8 * row.values[c] + error[c] * row.norm;
      if (!(most < kInfinity)) most = kInfinity;  // NaN says nothing about a bound
      args.y[first + c] = most;
      panel_most = std::max(panel_most, most);
    }
    panel_most_[panel] = panel_most;
  }
}

// Multiplies channels exactly, as many at a time as the kernel takes.
class LinearScreen::Exactly {
 public:
  Exactly(const LinearScreen& screen, const Row& row) : screen_(screen) {
    args_.x = row.codes;
    args_.scales = row.scales;
    args_.steps = screen.steps_;
  }
  template <class Take>  // take(channel, value)
  void Add(int32_t channel, const Take& take) {
    const auto* row = static_cast<const uint8_t*>(screen_.weight_->source().row(channel));
    const size_t bytes = screen_.weight_->source().row_bytes();
    for (size_t at = 0; at < bytes; at += kLine) __builtin_prefetch(row + at);
    args_.rows[count_] = row;
    channels_[count_] = channel;
    if (++count_ == kFileRows) Finish(take);
  }
  template <class Take>
  void Finish(const Take& take) {
    if (count_ == 0) return;
    float y[kFileRows];
    for (size_t i = count_; i < kFileRows; ++i) args_.rows[i] = args_.rows[0];
    args_.y = y;
    screen_.file_rows_(args_);
    for (size_t i = 0; i < count_; ++i) take(channels_[i], y[i]);
    count_ = 0;
  }

 private:
  const LinearScreen& screen_;
  FileRowsArgs args_{};
  int32_t channels_[kFileRows] = {};
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
