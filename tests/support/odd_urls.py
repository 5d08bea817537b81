"""URLs and links as they are found, plain and odd."""

from hypothesis import strategies as st

BASE = "http://a.example/b/c?d#e"
PIECES = [
    *"abz019:/?#[]@!$&'()*+,;=%|\\^`{}<>\" \t\n\r\0~._-éü日\ud800\x7f\x80\u200b",
    *("http:", "https:", "//", "..", "%2e", "%zz", "%41", "[::1]", "xn--", "127.1", "mailto:", ":80", ":443"),
    "a" * 64,
]
SOUP = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
HREFS = st.one_of(st.text(), SOUP, SOUP.map("http://{}".format), SOUP.map("http://h.example/{}".format))
# What most links are made of: the shortest way to a URL must be the standard's.
PLAIN_PIECES = [*"aZ09_~-./?#=&:;@%+", "..", "./", "//", "a/b", "index.html", "?a=1", "xn--", " ", "é", "%2e"]
PLAIN_HREFS = st.lists(st.sampled_from(PLAIN_PIECES), max_size=8).map("".join)
CORPUS = [
    *(
        "",
        "#x",
        "x",
        "/x",
        "?q",
        "//h.example/x",
        "http:///x.example/y",
        "http:x",
        "https:x.example",
        "\\x\\y",
    ),
    *(
        "x?",
        "x??",
        "x?#",
        "x?a=1&b=%20&c",
        "x?a=[1]&b={2}|3^4`5\\6",
        "[x]|{y}^`z'\"<>",
        "x%zz%41%",
        "x y",
        "é?ü",
    ),
    *(
        "http://Bücher.example/ü",
        "http://☃.example",
        "http://日本.example/日本?日本",
        "http://a_b.example/",
        "http://x.example.",
    ),
    *(
        "http://x.example:80/",
        "https://x.example:443",
        "http://x.example:8080",
        "http://[::1]:80/[x]",
        "http://0x7f.1/",
    ),
    *(
        "HTTP://X.EXAMPLE/A/../B/./C",
        "http://u@x.example/",
        "http://u:p@x.example/",
        "http://xn--bcher-kva.example/",
    ),
    *(
        " \n/x\ty\r\n ",
        "x;p=1?q;r",
        "x\x00y",
        "x\x7fy",
        "http://" + "a" * 64 + ".example/",
        "x?'",
        "x/%2e%2e/y",
    ),
]
