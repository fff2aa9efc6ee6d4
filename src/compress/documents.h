#pragma once
// Documents: texts to calibrate and to measure with, each of one domain. From a file or a folder that the
// user names, or from what lies on most machines anyway. The same files give the same documents in the same
// order.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tern {

enum class Domain : uint8_t { kProse, kCode, kMultilingual, kGenerated };
inline constexpr int kDomains = 4;
std::string_view DomainName(Domain domain);

struct Document {
  std::string name;  // for messages: a path, or what it was made from
  Domain domain = Domain::kProse;
  std::string text;
};

// Code: files with the suffix of a programming language or a markup of data, and scripts that begin with #!.
// Multilingual: what else has letters outside ASCII, more than one in a hundred; or a language below
// /usr/share/man or /usr/share/locale. Prose: the rest. (Generated text is never told by its looks.)
Domain DomainOf(std::string_view path, std::string_view text);

// A file as one document, whatever is in it; of a folder all text files below it, .gz included, in the order
// of DocumentOrder. Folders that begin with a dot, links and files that are no UTF-8 text are left out, and
// of each file what is beyond 1 MiB. Errors: cannot be read, no text in the folder.
Result<std::vector<Document>> ReadDocuments(const std::string& path);

// README files, manual pages, licences; headers and Python's library; translations: what this machine has of
// them, at most `domain_bytes` per domain, taken from as many files as possible. Nothing found: none.
std::vector<Document> LocalDocuments(size_t domain_bytes);

// Cuts each document at empty lines, or else at ends of lines, into pieces of about `bytes`.
std::vector<Document> CutDocuments(const std::vector<Document>& documents, size_t bytes);

// Sorts by a hash of the contents, and drops what occurs twice: neighbours have nothing to do with each
// other, and where a document comes does not depend on where it lay.
void OrderDocuments(std::vector<Document>* documents);
uint64_t DocumentHash(const Document& document);

}  // namespace tern
