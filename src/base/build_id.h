#pragma once
// What the linker wrote into this program or library to tell it from every other build of it.

#include <string>

namespace tern {

// Lower-case hexadecimal; "": linked without one.
std::string BuildId();

}  // namespace tern
