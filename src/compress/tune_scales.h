#pragma once
// Scales that fit the codes: where each weight has its code, the scales and minimums of a row's groups are
// moved to where the row's output loses least, d^T H d with d what is lost of the weights and H the Hessian
// of the input: least squares, one small system per row.
//
// Two scales of one row make up for each other's errors as far as H ties their inputs together; choosing them
// one by one, by weights or by energies, cannot.

#include "compress/gptq.h"
#include "compress/rows_on_grid.h"

namespace tern {

// The scheme with a scale, and perhaps a minimum, of its own for each group; of a format with as much in each
// block, the same in groups of a block. No group: its scales are not free (super-blocks, tables).
Scheme WithFreeScales(const Scheme& scheme);

// Moves the grids of all rows; a row that loses no less keeps its own. `damping`: what is added to H's
// diagonal, as a share of its mean, so that few tokens do not decide too much.
void TuneScales(const GptqInput& input, float damping, RowsOnGrid* rows);

}  // namespace tern
