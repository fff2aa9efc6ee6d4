#pragma once
// How a weight lies in a panel: 32 output channels, all K inputs, as one forward stream of 64-byte lines.
//
// The unit is a step of 32 inputs, one activation group. With two_level, every 8 steps (256 inputs) start
// with
//   f16 d[32] | (has_min) f16 dmin[32]
// Then per step, padded to a line, the scales, and where has_min the minimums, of its one or two groups
//   f16 scale[groups][32] | f16 min[groups][32]       flat; bf16 where wide_scale
//   i8  sc[groups][32]    | u8  mn[groups][32]        two_level
// then the codes. A k-quad is 4 consecutive inputs of all channels; byte 4c+i of a line is channel c, input
// i:
//   4 bits  per quad a line: low nibbles are channels 0-15, high nibbles channels 16-31; they may stand for
//           levels, which the kernels look up
//   5 bits  per 4 quads a line of fifth bits, bit 2q+h of each byte for half h of quad q, then 4 nibble lines
//   6 bits  per 2 quads a line of upper bits, bits 4q+2h..+1 likewise, then 2 nibble lines
//   8 bits  per quad two lines: channels 0-15, channels 16-31
//           in planes: the upper 5 bits as above, and behind the last step f32 [2][32], the channels' errors
//           (screen.h). Behind the last panel the lower 3 bits of all panels: per 4 quads a line for each
//           bit, bit 2q+h of each byte for half h of quad q
//   2 of 4  (sparse) of each quad two signed bytes, and where among its four inputs each belongs. The panel
//           starts with f32 d[32], steps have no scales. Per step two lines of places, of channels 0-15 and
//           16-31; then per pair of quads p two lines of weights likewise: byte 4c+i is channel c's, of the
//           first quad for i < 2, else of the second. Bits 2p, 2p+1 of the same byte of the line of places
//           say which input it is multiplied with; both of a quad's differ
// Nothing is lost against the file's format; bytes per weight are the file's, up to the 6-bit scales of K
// formats, which take 8 bits here.
//
// Plain C++: included by the files that are compiled per ISA.

#include <cstddef>
#include <cstdint>

#include "tensor/int_form.h"

namespace tern {

// Members are folded at compile time or inlined: no symbol of theirs may differ by ISA.
#define TERN_FOLDED [[gnu::always_inline]] constexpr

inline constexpr int kStep = 32;        // inputs per step
inline constexpr int kSuperSteps = 8;   // steps per d and dmin
inline constexpr int kPanelWidth = 32;  // channels

struct PanelLayout {
  int bits;   // 4, 5, 6, 8
  int group;  // 16, 32
  int zero;   // the code that stands for 0: a power of two; 0 with minimums
  bool has_min;
  bool two_level;
  bool wide_scale;     // d is bf16, not f16
  bool sparse;         // 2 of 4
  bool planes;         // 8 bits as 5 and 3; flat, one group per step
  uint8_t levels[16];  // what codes of 4 bits stand for; all 0: themselves

  TERN_FOLDED int most_level() const {
    int most = 0;
    for (const uint8_t level : levels) most = level > most ? level : most;
    return most;
  }
  TERN_FOLDED bool has_levels() const { return most_level() != 0; }
  // How many bits hold what is multiplied: a code, or its level.
  TERN_FOLDED int value_bits() const {
    const int most = most_level();
    return most == 0 ? bits : most < 16 ? 4 : most < 32 ? 5 : most < 64 ? 6 : 8;
  }
  TERN_FOLDED int groups() const { return kStep / group; }
  TERN_FOLDED size_t scale_bytes() const {  // of one kind, per step
    return sparse ? 0 : static_cast<size_t>(groups()) * kPanelWidth * (two_level ? 1 : 2);
  }
  TERN_FOLDED size_t header_bytes() const { return ((has_min ? 2 : 1) * scale_bytes() + 63) / 64 * 64; }
  // What lies in a step; the lower planes lie behind all panels.
  TERN_FOLDED size_t code_bytes() const {
    return static_cast<size_t>(kStep * kPanelWidth * (planes || sparse ? 5 : bits) / 8);
  }
  TERN_FOLDED size_t low_step_bytes() const { return planes ? kStep * kPanelWidth * 3 / 8 : 0; }
  TERN_FOLDED size_t error_bytes() const { return planes ? 2 * kPanelWidth * sizeof(float) : 0; }
  TERN_FOLDED size_t step_bytes() const { return header_bytes() + code_bytes(); }
  TERN_FOLDED size_t super_bytes() const { return two_level ? (has_min ? 128 : 64) : 0; }  // before 8 steps
  TERN_FOLDED size_t lead_bytes() const { return sparse ? kPanelWidth * sizeof(float) : 0; }  // before all
  // K is a multiple of kStep. Of all steps; of what lies together; of the lower plane.
  TERN_FOLDED size_t steps_bytes(int64_t k) const {
    const size_t steps = static_cast<size_t>(k) / kStep;
    return steps * step_bytes() + (steps + kSuperSteps - 1) / kSuperSteps * super_bytes();
  }
  TERN_FOLDED size_t panel_bytes(int64_t k) const { return lead_bytes() + steps_bytes(k) + error_bytes(); }
  TERN_FOLDED size_t low_bytes(int64_t k) const { return static_cast<size_t>(k) / kStep * low_step_bytes(); }
  friend constexpr bool operator==(const PanelLayout&, const PanelLayout&) = default;
};

// The layout that holds a form's integers without loss.
TERN_FOLDED PanelLayout LayoutOfForm(const IntForm& f) {
  PanelLayout layout{f.bits, f.group, f.zero, f.has_min, f.two_level, f.wide_scale, f.sparse, false, {}};
  for (int i = 0; i < 16; ++i) layout.levels[i] = f.levels[i];
  return layout;
}

// Whether codes of the form can lie in planes.
TERN_FOLDED bool HasPlanes(const IntForm& f) {
  return f.bits == 8 && f.group == kStep && f.zero == 128 && !f.has_min && !f.two_level && !f.wide_scale &&
         !f.sparse;
}
TERN_FOLDED PanelLayout PlanesOfForm(const IntForm& f) {
  PanelLayout layout = LayoutOfForm(f);
  layout.planes = true;
  return layout;
}
// A code is 8 times its upper bits, and on average this much.
inline constexpr double kPlaneMiddle = 3.5;
// What the upper plane is by itself.
inline constexpr PanelLayout kUpperPlane{5, kStep, 16, false, false, false, false, false, {}};

}  // namespace tern
