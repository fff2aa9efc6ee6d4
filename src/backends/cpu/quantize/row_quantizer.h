#pragma once
// What steps write quantized rows with.

#include "backends/cpu/quantize/quantize.h"
#include "backends/cpu/step.h"

namespace tern {

// Writes rows of output 0 from f32 rows.
class RowQuantizer {
 public:
  explicit RowQuantizer(const StepContext& c)
      : quantize_(PickQuantizeRow(c.isa)),
        precise_(c.output(0).type.elem == Elem::kQ16),
        columns_(static_cast<size_t>(c.output(0).type.shape[1])),
        row_bytes_(QuantizedRow(c.output(0).type.shape[1], precise_).row_bytes) {}

  size_t columns() const { return columns_; }
  void operator()(const float* x, const View& out, int64_t r) const {
    char* row = static_cast<char*>(out.data) + static_cast<size_t>(r) * row_bytes_;
    quantize_(x, columns_, PartsOf(row, columns_, precise_));
  }

 private:
  QuantizeRowFn quantize_;
  bool precise_;
  size_t columns_, row_bytes_;
};

}  // namespace tern
