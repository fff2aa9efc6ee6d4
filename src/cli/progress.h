#pragma once
// Progress: one line on stderr for long work: what, a bar, how far, rate, time left. Draws only if stderr is
// a terminal, at most ten times a second. Single thread.
//
//   Progress progress("pulling smollm2", Progress::Unit::kBytes);
//   progress.Update(done, total);
//   progress.Finish();       // the line goes away; say what came of it on a line of your own

#include <chrono>
#include <cstdint>
#include <string>

namespace tern {

class Progress {
 public:
  enum class Unit { kBytes, kCount, kShare };  // kShare: of what is estimated, only the bar and the time left
  Progress(std::string label, Unit unit);
  ~Progress() { Finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // total 0: unknown. Both may change from call to call.
  void Update(uint64_t done, uint64_t total);
  void SetLabel(std::string label) { label_ = std::move(label); }
  void Finish();

  // The line that Update draws, for a terminal `columns` wide; for tests.
  static std::string Line(const std::string& label, Unit unit, uint64_t done, uint64_t total, double rate,
                          int columns);

 private:
  using Clock = std::chrono::steady_clock;
  void Measure(uint64_t done, Clock::time_point now);

  std::string label_;
  Unit unit_;
  bool draws_, drawn_ = false, started_ = false;
  Clock::time_point last_draw_{}, last_sample_{};
  uint64_t last_done_ = 0;
  double rate_ = 0;  // per second, smoothed
};

}  // namespace tern
