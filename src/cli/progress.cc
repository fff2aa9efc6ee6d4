#include "cli/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cli/terminal.h"

namespace tern {
namespace {

std::string Amount(Progress::Unit unit, uint64_t n) {
  return unit == Progress::Unit::kBytes ? HumanBytes(n) : fmt::format("{}", n);
}

// A bar of `width` cells, in eighths of a cell.
std::string Bar(double share, int width) {
  constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(std::lround(share * width * 8));
  std::string bar;
  for (int i = 0; i < eighths / 8; ++i) bar += "█";
  bar += kEighths[eighths % 8];
  const int used = eighths / 8 + (eighths % 8 != 0);
  return bar + std::string(static_cast<size_t>(std::max(0, width - used)), ' ');
}

// The first `columns` columns of `text`, the last one an ellipsis if something is cut off.
std::string Shortened(const std::string& text, int columns) {
  const auto most = static_cast<size_t>(std::max(columns, 1));
  if (Columns(text) <= most) return text;
  std::string kept;
  size_t used = 0;
  for (const char c : text) {
    const bool starts = (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    if (starts && ++used == most) break;
    kept += c;
  }
  return kept + "…";
}

}  // namespace

Progress::Progress(std::string label, Unit unit)
    : label_(std::move(label)), unit_(unit), draws_(IsTerminal(2)) {}

std::string Progress::Line(const std::string& full_label, Unit unit, uint64_t done, uint64_t total,
                           double rate, int columns) {
  const bool bytes = unit == Unit::kBytes;
  std::string speed;
  if (rate > 0) {
    speed = bytes ? HumanBytes(static_cast<uint64_t>(rate)) + "/s" : fmt::format("{:.1f}/s", rate);
  }
  if (total == 0) return Shortened(fmt::format("{}  {}  {}", full_label, Amount(unit, done), speed), columns);
  // Every part keeps its width while numbers grow, so that the line stands still.
  const std::string all = Amount(unit, total);
  std::string left;
  if (rate > 0 && total > done) left = HumanSeconds(static_cast<double>(total - done) / rate) + " left";
  const std::string tail = unit == Unit::kShare ? fmt::format("{:>10}", left)
                                                : fmt::format("{:>{}}/{}{:>{}}{:>12}", Amount(unit, done),
                                                              std::max<size_t>(all.size(), bytes ? 7 : 0),
                                                              all, speed, bytes ? 11 : 10, left);
  // A bar of ten cells is worth more than the end of a long name.
  const int room = columns - static_cast<int>(tail.size()) - 19;
  const std::string label = Shortened(full_label, std::max(room, 12));
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const std::string percent = fmt::format("{:3.0f}%", std::floor(share * 100));
  const int width = std::min(30, columns - static_cast<int>(Columns(label) + tail.size()) - 9);
  if (width < 5) return Shortened(fmt::format("{} {}  {}", label, percent, tail), columns);
  return fmt::format("{}  {} {}  {}", label, Bar(share, width), percent, tail);
}

void Progress::Measure(uint64_t done, Clock::time_point now) {
  if (!started_ || done < last_done_) {
    started_ = true;
    last_sample_ = now;
    last_done_ = done;
    return;
  }
  const double seconds = std::chrono::duration<double>(now - last_sample_).count();
  if (seconds < 0.5) return;
  const double rate = static_cast<double>(done - last_done_) / seconds;
  // An average over about five seconds: steady to read, but it notices a stall.
  const double weight = 1 - std::exp(-seconds / 5);
  rate_ = rate_ == 0 ? rate : rate_ + weight * (rate - rate_);
  last_sample_ = now;
  last_done_ = done;
}

void Progress::Update(uint64_t done, uint64_t total) {
  if (!draws_) return;
  const Clock::time_point now = Clock::now();
  Measure(done, now);
  if (drawn_ && now - last_draw_ < std::chrono::milliseconds(100)) return;
  last_draw_ = now;
  drawn_ = true;
  std::fprintf(stderr, "\r\x1b[K%s", Line(label_, unit_, done, total, rate_, TerminalColumns(2)).c_str());
  std::fflush(stderr);
}

void Progress::Finish() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
  drawn_ = false;
}

}  // namespace tern
