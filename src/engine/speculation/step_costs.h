#pragma once
// StepCosts: what a step takes by how many rows it has, learned from the steps that were taken. All steps may
// become slower or faster together, as contexts grow or others use the machine: what is kept apart is the
// shape, which changes little. Not thread-safe; allocates nothing.

#include <array>
#include <cstddef>
#include <cstdint>

namespace tern {

class StepCosts {
 public:
  static constexpr int kMostRows = 64;  // of steps that are told apart

  // A step of 1 to kMostRows rows took so long.
  void Add(int rows, double seconds);
  // Where no such step was taken: between its neighbours; beyond them, in proportion to its rows.
  double Seconds(int rows) const;
  // The least that it may take: as long as one of fewer rows that was.
  double LeastSeconds(int rows) const;
  // Whether a step of so many rows or more was measured a few times, and not long ago.
  bool IsBounded(int rows) const;
  // Whether a step of just so many rows was.
  bool IsKnown(int rows) const;

 private:
  struct Entry {
    double shape = 0;  // seconds, at scale_ 1
    int samples = 0;
    uint64_t at = 0;  // the step that it was measured in last
  };
  const Entry& at(int rows) const { return entries_[static_cast<size_t>(rows)]; }

  std::array<Entry, kMostRows + 1> entries_{};
  double scale_ = 1;
  uint64_t steps_ = 0;
};

}  // namespace tern
