#pragma once
// Text as machines have it: plain, gzipped, in manual pages (roff), in catalogues of translations (.mo).

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tern {

// All regular files below a folder, sorted; links are not followed, names that begin with a dot left out.
// What cannot be read is no error: fewer files.
std::vector<std::string> FilesBelow(const std::string& folder);

// The text of a file, at most about `max_bytes` of it: what is gzipped, a manual page or a catalogue is
// turned into plain text. An error where it is no UTF-8 text.
Result<std::string> ReadTextFile(const std::string& path, size_t max_bytes);

// The words of a manual page's source: without requests, macros' names and font changes.
std::string TextOfRoff(std::string_view source);
// The translations in a gettext catalogue that are sentences, a line each; an error where it is none.
Result<std::string> TextOfCatalogue(std::string_view bytes);

}  // namespace tern
