#include "compress/documents.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "compress/text_files.h"

namespace tern {
namespace {

namespace fs = std::filesystem;

class Documents : public testing::Test {
 protected:
  Documents() : folder_(fs::temp_directory_path() / ("tern_documents_" + std::to_string(getpid()))) {
    fs::create_directories(folder_ / "sub");
    fs::create_directories(folder_ / ".hidden");
  }
  ~Documents() override { fs::remove_all(folder_); }
  void Write(const std::string& name, std::string_view bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }

  fs::path folder_;
};

TEST_F(Documents, DomainsAreToldBySuffixAndLetters) {
  EXPECT_EQ(DomainOf("a/README.md", "The quick brown fox \xe2\x80\x94 it jumps \xe2\x86\x92 there."),
            Domain::kProse);
  EXPECT_EQ(DomainOf("x/vector.HPP", "words"), Domain::kCode);
  EXPECT_EQ(DomainOf("x/zip.zig.gz", "words"), Domain::kCode);
  EXPECT_EQ(DomainOf("bin/start", "#!/bin/sh\n"), Domain::kCode);
  EXPECT_EQ(DomainOf("v1.c/notes", "words"), Domain::kProse);
  EXPECT_EQ(DomainOf("brief.txt",
                     "Der Zug f\xc3\xa4hrt sp\xc3\xa4ter \xc3\xbc"
                     "ber die Br\xc3\xbc"
                     "cke."),
            Domain::kMultilingual);
  EXPECT_EQ(DomainOf("a.txt", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"), Domain::kMultilingual);
  EXPECT_EQ(DomainOf("/usr/share/man/id/man1/ls.1.gz", "daftar isi"), Domain::kMultilingual);
  EXPECT_EQ(DomainOf("/usr/share/man/man1/ls.1.gz", "list"), Domain::kProse);
}

TEST_F(Documents, AFolderGivesItsTextsInAnOrderOfItsOwn) {
  Write("a.txt", "first");
  Write("sub/b.py", "print(1)\n");
  Write("sub/same.txt", "first");
  Write("picture.png", std::string("\x89PNG\0\1", 6));
  Write(".hidden/secret.txt", "no");
  const auto documents = ReadDocuments(folder_.string());
  ASSERT_TRUE(documents.ok()) << documents.error().what;
  ASSERT_EQ(documents.value().size(), 2u);  // the third says what the first does
  EXPECT_LT(DocumentHash(documents.value()[0]), DocumentHash(documents.value()[1]));
  const auto empty = ReadDocuments((folder_ / ".hidden").string());
  ASSERT_TRUE(empty.ok());
  fs::remove(folder_ / ".hidden/secret.txt");
  const auto none = ReadDocuments((folder_ / ".hidden").string());
  ASSERT_FALSE(none.ok());
  EXPECT_TRUE(none.error().what.ends_with("a folder without text files, expected at least one"));
}

TEST_F(Documents, AFileIsReadWhateverIsInIt) {
  Write("broken.txt", "caf\xe9");
  const auto documents = ReadDocuments((folder_ / "broken.txt").string());
  ASSERT_TRUE(documents.ok());
  EXPECT_EQ(documents.value()[0].text, "caf\xe9");
  EXPECT_FALSE(ReadDocuments((folder_ / "missing.txt").string()).ok());
}

TEST_F(Documents, PiecesEndAtEmptyLinesAndLoseNothing) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "A line of some forty letters, more or so.\nAnd another.\n\n";
  const auto pieces = CutDocuments({{"a", Domain::kProse, text}}, 300);
  ASSERT_GT(pieces.size(), 5u);
  std::string joined;
  for (const Document& piece : pieces) {
    EXPECT_TRUE(piece.text.ends_with("\n\n"));
    joined += piece.text;
  }
  EXPECT_EQ(joined, text);
  const std::string letters(1000, 'x');
  EXPECT_EQ(CutDocuments({{"a", Domain::kProse, letters}}, 300).size(), 3u);
}

TEST_F(Documents, ManualPagesAndCataloguesBecomeText) {
  EXPECT_EQ(
      TextOfRoff(".TH LS 1\n.SH NAME\nls \\- list \\fBthings\\fP\\\" note\n.PP\n.B bold words\n'\\\" x\n"),
      "\nNAME\nls - list things\n\nbold words\n");
  const std::string text =
      "Die Datei konnte nicht ge\xc3\xb6"
      "ffnet werden, weil sie fehlt.";
  std::string mo("\xde\x12\x04\x95", 4);
  const auto word = [&](uint32_t value) { mo.append(reinterpret_cast<const char*>(&value), 4); };
  for (const uint32_t value : {0u, 2u, 28u, 28u, 0u, 0u}) word(value);
  word(0), word(44), word(static_cast<uint32_t>(text.size())), word(44);
  mo += text;
  EXPECT_EQ(TextOfCatalogue(mo).value(), text + "\n");
  EXPECT_FALSE(TextOfCatalogue("no").ok());
  for (size_t bytes = 0; bytes < mo.size(); ++bytes) {
    const auto cut = TextOfCatalogue(std::string_view(mo).substr(0, bytes));
    EXPECT_TRUE(!cut.ok() || cut.value().empty()) << bytes;
  }
  fs::create_directories(folder_ / "man1");
  const std::string path = (folder_ / "man1/x.1.gz").string();
  gzFile file = gzopen(path.c_str(), "wb");
  gzputs(file, ".SH NAME\nx \\- does it\n");
  gzclose(file);
  EXPECT_EQ(ReadTextFile(path, 1000).value(), "\nNAME\nx - does it\n");
}

}  // namespace
}  // namespace tern
