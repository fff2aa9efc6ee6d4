#pragma once
// What the terminal can do, and text shaped for it. Output that is not a terminal gets no colours, no bars.

#include <cstdint>
#include <string>
#include <string_view>

namespace tern {

// File descriptors 1 and 2. Colours: a terminal, NO_COLOR unset or empty, TERM not "dumb".
bool IsTerminal(int fd);
bool HasColors(int fd);
int TerminalColumns(int fd);  // 80 when unknown

enum class Style { kPlain, kBold, kDim, kRed, kGreen, kCyan };
// `text` in `style` where fd has colours, else as it is.
std::string Styled(int fd, Style style, std::string_view text);

// Columns that UTF-8 text takes, taking every code point as one.
size_t Columns(std::string_view utf8);
// "98.4 MB" (powers of 1000), "1:05" or "2:03:10".
std::string HumanBytes(uint64_t bytes);
std::string HumanSeconds(double seconds);

// Control characters (names from a server or a file may hold escape sequences) become '?'.
std::string Printable(std::string_view text);

}  // namespace tern
