#include "io/http.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

TEST(Origin, IsSchemeHostAndPort) {
  EXPECT_EQ(OriginOf("https://Host.example/a?b").value(), "https://host.example:443");
  EXPECT_EQ(OriginOf("https://host:443/").value(), OriginOf("https://host").value());
  EXPECT_NE(OriginOf("https://host:444/").value(), OriginOf("https://host").value());
  EXPECT_EQ(OriginOf("http://127.0.0.1:80").value(), "http://127.0.0.1:80");
  EXPECT_EQ(OriginOf("http://[::1]:81").value(), "http://[::1]:81");
}

TEST(Origin, HttpOnlyToThisMachine) {
  for (const char* url :
       {"http://host/", "http://127.evil.example/", "http://localhost.evil/", "http://10.0.0.1/",
        "file:///etc/passwd", "ftp://127.0.0.1/", "", "https://", "http://127.0.0.1@evil/"}) {
    EXPECT_FALSE(OriginOf(url).ok()) << url;
  }
}

TEST(Url, ForMessageHidesSecrets) {
  EXPECT_EQ(UrlForMessage("https://user:key@host/a?token=1#x"), "https://host/a");
  EXPECT_EQ(UrlForMessage("https://host/a@b"), "https://host/a@b");
}

TEST(Url, Escape) {
  EXPECT_EQ(UrlEscape("a b/c%?#", true), "a%20b/c%25%3F%23");
  EXPECT_EQ(UrlEscape("refs/pr/1", false), "refs%2Fpr%2F1");
}

}  // namespace
}  // namespace tern
