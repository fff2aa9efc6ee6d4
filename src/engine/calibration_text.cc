// Written for this purpose: a little of everything that models are asked to read.
#include "engine/error_budget.h"

namespace tern {

std::string_view CalibrationText() {
  return R"(The harbour master had kept the same ledger for thirty-one years. Every vessel that came in got a line: the
date, the name, what she carried, and how long she stayed. On the last page he wrote that the fishing had been
poor since the spring, that the new crane was a wonder, and that somebody should repaint the lighthouse before
the winter storms. Nobody read it until his granddaughter, looking for something else, opened the drawer.

"Did you know about this?" she asked.
"I knew he wrote things down," said her mother, "but I never asked what they were."

Question: A train leaves at 9:40 and arrives at 11:25. How long does the journey take?
Answer: From 9:40 to 11:00 are 80 minutes, and 25 more make 105 minutes, which is 1 hour and 45 minutes.

How to make a simple tomato soup:
1. Heat two spoons of oil in a pot and soften one chopped onion in it.
2. Add garlic, 800 g of tomatoes, and half a litre of stock; let it simmer for twenty minutes.
3. Blend until smooth. Season with salt, pepper and a little sugar. Serve hot, with bread.

def moving_average(values, window):
    """Return the mean of each run of `window` neighbouring values."""
    if window < 1 or window > len(values):
        raise ValueError(f"window {window}, expected 1 to {len(values)}")
    total = sum(values[:window])
    averages = [total / window]
    for i in range(window, len(values)):
        total += values[i] - values[i - window]
        averages.append(total / window)
    return averages

{"name": "Ada", "languages": ["en", "fr"], "age": 36, "active": true, "address": {"city": "London"}}

Water expands when it freezes because its molecules settle into an open lattice. Ice therefore floats, lakes
freeze from the top down, and fish survive beneath the surface. Most other liquids shrink as they become solid.

Der Zug nach Hamburg hat heute leider zwanzig Minuten Verspätung; bitte achten Sie auf die Durchsagen.
Le marché ouvre à sept heures, mais les meilleurs fruits sont déjà partis à huit heures et demie.
La biblioteca cierra los domingos, así que devolveremos los libros el lunes por la mañana.

The committee agreed on three points. First, that the budget for the coming year would not exceed 2.4 million;
second, that maintenance of the northern road must begin in April; third, that the minutes be published within
ten days. A proposal to move the meeting to Thursdays was rejected by five votes to four.

User: Can you explain what a hash table is, in two sentences?
Assistant: A hash table stores pairs of keys and values in an array and computes, from each key, the place where
its value belongs. Because that place is found directly, looking something up takes about the same time however
many entries there are.
)";
}

}  // namespace tern
