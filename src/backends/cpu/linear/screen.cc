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
// Bytes from what is multiplied to what is fetched meanwhile, where rows are so many that hardware does not.
constexpr size_t kFetchAhead = 8192, kFetchFrom = kUpperPlane.bits;

// What the upper plane's kernel subtracts from codes is 16; that the lower plane's middle is counted, it
// should be 16 - 3.5 / 8 = 16 * 249 / 256. To the nearest whole number: off by a half at most.
int32_t MiddleSum(int32_t sum) { return (sum * 249 + 128) >> 8; }

}  // namespace

LinearScreen::LinearScreen(std::shared_ptr<const PackedWeight> weight, uint32_t isa, int threads)
    : weight_(std::move(weight)),
      steps_(static_cast<int>(weight_->width()) / kStep),
      threads_(static_cast<size_t>(threads)),
      row_layout_(QuantizedRow(weight_->width(), true)),
      prepared_(kMaxScreenedRows * row_layout_.row_bytes),
      norms_(kMaxScreenedRows),
      panel_most_(kMaxScreenedRows * weight_->panels()),
      guesses_(kMaxScreenedRows * threads_) {
  const LinearKernels& kernels = LinearKernelsOf(isa);
  upper_ = FindInts(kernels, kUpperPlane)->fast;
  upper_rows_ = static_cast<size_t>(kernels.fast_rows);
  exact_ = FindInts(kernels, LayoutOfFormat(*weight_->source().format))->precise[0];
  for (Guesses& g : guesses_) {
    g.promising.reserve(kMaxScreened);
    g.exact.reserve(kMaxScreened);
  }
}

// A panel of exact rows, then a tile or what Threshold looks at.
size_t LinearScreen::scratch_bytes() const {
  const size_t values = std::max<size_t>(kMaxFastRows * kPanelWidth, threads_ * kMaxScreened);
  return LayoutOfFormat(*weight_->source().format).panel_bytes(weight_->width()) + values * sizeof(float);
}

void LinearScreen::Prepare(const Args& args, size_t begin, size_t end) {
  for (size_t r = begin; r < end; ++r) {
    auto* row = static_cast<uint8_t*>(prepared_.data()) + r * row_layout_.row_bytes;
    std::memcpy(row, args.x + r * args.x_stride, row_layout_.row_bytes);
    const auto* scales = reinterpret_cast<const float*>(row);
    auto* sums = reinterpret_cast<int32_t*>(row + row_layout_.sum_hi);
    const auto* hi = reinterpret_cast<const int8_t*>(row + row_layout_.hi);
    const auto* lo = reinterpret_cast<const int8_t*>(row + row_layout_.lo);
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
    norms_[r] = {static_cast<float>(std::sqrt(squares) * (1 + 0x1p-20)),
                 static_cast<float>(std::sqrt(low_squares) * (1 + 0x1p-20))};
  }
}

void LinearScreen::RunTile(IntTileFn tile, const uint8_t* panel, const uint8_t* rows, bool fetches,
                           float* values) const {
  tile({.panel = panel,
        .low = nullptr,
        .rows = rows,
        .row_stride = row_layout_.row_bytes,
        .sum_hi = row_layout_.sum_hi,
        .sum = row_layout_.sum,
        .hi = row_layout_.hi,
        .lo = row_layout_.lo,
        .steps = steps_,
        .prefetch = fetches ? panel + kFetchAhead : nullptr,
        .prefetch_lines = fetches ? kUpperPlane.step_bytes() / kLine : 0,
        .tile = values});
}

void LinearScreen::Bound(const Args& args, size_t begin, size_t end, void* scratch) {
  auto* tile = static_cast<float*>(scratch);
  const size_t rows = args.wanted.size(), tiles = (rows + upper_rows_ - 1) / upper_rows_;
  for (size_t panel = begin; panel < end; ++panel) {
    for (size_t i = 0; i < tiles; ++i) {
      const size_t first = rows * i / tiles, count = rows * (i + 1) / tiles - first;
      const auto* prepared = static_cast<const uint8_t*>(prepared_.data()) + first * row_layout_.row_bytes;
      RunTile(upper_[count - 1], weight_->panel(panel), prepared, i == 0 && rows >= kFetchFrom, tile);
      BoundPanel(args, panel, tile, first, count);
    }
  }
}

void LinearScreen::BoundPanel(const Args& args, size_t panel, const float* tile, size_t first_row,
                              size_t rows) {
  const size_t errors = PlanesOfForm(weight_->source().format->int_form).steps_bytes(weight_->width());
  const auto* error = reinterpret_cast<const float*>(weight_->panel(panel) + errors);
  const float* low_error = error + kPanelWidth;
  const auto channels = static_cast<size_t>(weight_->channels());
  const size_t first = panel * kPanelWidth, n = std::min<size_t>(kPanelWidth, channels - first);
  for (size_t r = 0; r < rows; ++r) {
    const Norms norms = norms_[first_row + r];
    float* y = args.y + (first_row + r) * channels + first;
    float panel_most = -kInfinity;
    for (size_t c = 0; c < n; ++c) {
      float most = 8 * tile[r * kPanelWidth + c] + error[c] * norms.row + low_error[c] * norms.low;
      if (!(most < kInfinity)) most = kInfinity;  // NaN says nothing about a bound
      y[c] = most;
      panel_most = std::max(panel_most, most);
    }
    MostOf(first_row + r)[panel] = panel_most;
  }
}

// Multiplies channels exactly, a panel of them at a time.
class LinearScreen::Exactly {
 public:
  // Of the quantized row `x`.
  Exactly(const LinearScreen& screen, const uint8_t* x, void* scratch)
      : screen_(screen), x_(x), panel_(static_cast<uint8_t*>(scratch)) {
    const PackedWeight& weight = *screen.weight_;
    values_ = reinterpret_cast<float*>(panel_ +
                                       LayoutOfFormat(*weight.source().format).panel_bytes(weight.width()));
  }
  float* values() { return values_; }
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
    PackQ8Rows(rows_, static_cast<size_t>(screen_.weight_->width()), panel_);
    screen_.RunTile(screen_.exact_, panel_, x_, false, values_);
    for (size_t i = 0; i < count_; ++i) take(channels_[i], values_[i]);
    count_ = 0;
  }

 private:
  const LinearScreen& screen_;
  const uint8_t* x_;
  uint8_t* panel_;
  float* values_;
  const uint8_t* rows_[kPanelWidth];
  int32_t channels_[kPanelWidth];
  size_t count_ = 0;
};

// Those of panels [begin, end) that can be the largest, but for what is wanted always.
void LinearScreen::FindPromising(const Args& args, size_t row, size_t begin, size_t end,
                                 Guesses& guesses) const {
  std::vector<Promising>& heap = guesses.promising;  // the least on top
  const auto more = [](const Promising& a, const Promising& b) { return a.most > b.most; };
  const auto channels = static_cast<size_t>(weight_->channels());
  const WantedLogits& wanted = args.wanted[row];
  const float* y = args.y + row * channels;
  heap.clear();
  for (size_t panel = begin; panel < end; ++panel) {
    if (heap.size() == wanted.count && MostOf(row)[panel] <= heap.front().most) continue;
    const size_t last = std::min(channels, (panel + 1) * kPanelWidth);
    for (size_t c = panel * kPanelWidth; c < last; ++c) {
      const auto channel = static_cast<int32_t>(c);
      if (heap.size() == wanted.count && y[c] <= heap.front().most) continue;
      if (std::binary_search(wanted.always.begin(), wanted.always.end(), channel)) continue;
      if (heap.size() == wanted.count) {
        std::pop_heap(heap.begin(), heap.end(), more);
        heap.pop_back();
      }
      heap.push_back({y[c], channel});
      std::push_heap(heap.begin(), heap.end(), more);
    }
  }
}

void LinearScreen::Guess(const Args& args, size_t begin, size_t end, void* scratch) {
  for (size_t task = begin; task < end; ++task) {
    Guesses& guesses = guesses_[task];
    const size_t row = task / threads_, part = task % threads_;
    FindPromising(args, row, panels() * part / threads_, panels() * (part + 1) / threads_, guesses);
    guesses.exact.clear();
    Exactly exactly(*this, args.x + row * args.x_stride, scratch);
    const auto take = [&](int32_t, float value) {
      if (std::isfinite(value)) guesses.exact.push_back(value);
    };
    for (const Promising& p : guesses.promising) exactly.Add(p.channel, take);
    exactly.Finish(take);
  }
}

// The count-th largest of what was guessed: that many channels are no less. -inf where there are not so many.
float LinearScreen::Threshold(size_t row, size_t count, float* values) const {
  float* end = values;
  for (const Guesses& g : std::span(guesses_).subspan(row * threads_, threads_)) {
    end = std::copy(g.exact.begin(), g.exact.end(), end);
  }
  if (static_cast<size_t>(end - values) < count) return -kInfinity;
  std::nth_element(values, values + count - 1, end, std::greater<>());
  return values[count - 1];
}

void LinearScreen::Settle(const Args& args, size_t begin, size_t end, void* scratch) {
  while (begin < end) {
    const size_t row = begin / panels(), first = begin % panels();
    const size_t last = std::min(panels(), first + (end - begin));
    SettleRow(args, row, first, last, scratch);
    begin += last - first;
  }
}

void LinearScreen::SettleRow(const Args& args, size_t row, size_t begin, size_t end, void* scratch) {
  Exactly exactly(*this, args.x + row * args.x_stride, scratch);
  const WantedLogits& wanted = args.wanted[row];
  const float threshold = Threshold(row, wanted.count, exactly.values());
  const auto channels = static_cast<size_t>(weight_->channels());
  float* y = args.y + row * channels;
  float* panel_most = MostOf(row);
  const size_t first = begin * kPanelWidth, last = std::min(channels, end * kPanelWidth);
  const auto from = std::lower_bound(wanted.always.begin(), wanted.always.end(), static_cast<int32_t>(first));
  for (auto id = from; id != wanted.always.end() && static_cast<size_t>(*id) < last; ++id) {
    const auto c = static_cast<size_t>(*id);
    y[c] = panel_most[c / kPanelWidth] = kInfinity;
  }
  const auto take = [&](int32_t channel, float value) { y[channel] = value; };
  size_t settled = 0;
  for (size_t panel = begin; panel < end; ++panel) {
    const size_t stop = std::min(last, (panel + 1) * kPanelWidth);
    if (panel_most[panel] < threshold) {
      std::fill(y + panel * kPanelWidth, y + stop, -kInfinity);
      continue;
    }
    for (size_t c = panel * kPanelWidth; c < stop; ++c) {
      const bool below = y[c] < threshold;
      y[c] = -kInfinity;
      if (below) continue;
      exactly.Add(static_cast<int32_t>(c), take);
      ++settled;
    }
  }
  exactly.Finish(take);
  settled_.fetch_add(settled, std::memory_order_relaxed);
}

}  // namespace tern
