"""Some five hundred texts that break what is careless with texts."""

import itertools

HTML = [
    "<script>alert(1)</script>",
    "</td></tr></table><h1>x",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus=alert(1) x="',
    "`onclick=alert(1)`",
    "<!-- -->",
    "<![CDATA[x]]>",
    "&lt;b&gt;",
    "&amp;amp;",
    "&#60;",
    "&notit;",
    "<a href=javascript:alert(1)>x</a>",
    "<style>*{display:none}</style>",
    "</textarea><b>",
    "</title><script>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0>",
    "<form action=//evil.example>",
    "<iframe srcdoc='<p>'>",
    "<template><p>",
]
TEMPLATES = [
    "{{ 7 * 7 }}",
    "{% for x in y %}",
    "{# x #}",
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "{{''.__class__}}",
    "%s%n",
    "%(x)s",
]
SQL = [
    "' OR 1=1 --",
    "'; DROP TABLE sites; --",
    "\\' OR 1",
    'x"; --',
    "1); DELETE FROM runs",
    "%",
    "_",
    "\\",
    "LIKE '%'",
]
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(1)",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example")',
    "\t=1",
    "\r=1",
]
SHELL = [
    "$(id)",
    "`id`",
    "; id",
    "| id",
    "&& id",
    "../../etc/passwd",
    "C:\\Windows",
    "file:///etc/passwd",
    "~root",
    "-rf",
]
HEADERS = ["x\r\nSet-Cookie: a=b", "x\nLocation: //evil.example", "x\r\n\r\n<html>"]
UNICODE = [
    "\u202egnp.exe",
    "\u2066x\u2069",
    "\u200b",
    "\ufeff",
    "\u00a0",
    "\u2028",
    "\u2029",
    "\x85",
    "e\u0301",
    "\u00e9",
    "\u0130",
    "\u017f",
    "\U0001f600",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U000e0041",
    "\ufdfd",
    "\u0e01\u0e33",
    "Z\u0351\u036b\u0343a\u0329\u0316l\u0321\u0353go",
    "\uff1cscript\uff1e",
    "\u02bcx\u02bc",
    "\u2039b\u203a",
    "\ufffd",
    "\ufffe",
    "\U0010ffff",
    "漢字",
    "العربية",
    "עברית",
    "ไทย",
]
NUMBERS = [
    "0",
    "-0",
    "NaN",
    "Infinity",
    "1e309",
    "0x10",
    "null",
    "undefined",
    "None",
    "true",
    "[]",
    "{}",
    '""',
    "1,000",
    "01",
]
BLANK = [" ", "  x  ", "x ", " x", "a  b", "a\tb", "a\nb", "a\r\nb", "\n", "\t"]
LONG = ["x" * 450, "<" * 200, "\u202e" * 150, "&amp;" * 90, "a " * 200]
ALL = [*HTML, *TEMPLATES, *SQL, *FORMULAS, *SHELL, *HEADERS, *UNICODE, *NUMBERS, *BLANK, *LONG]
WRAPS = ["{}", "a{}b", "{} {}", "<{}>"]

#: The same for all; each differs from all others.
STRINGS = list(dict.fromkeys(wrap.replace("{}", each) for wrap, each in itertools.product(WRAPS, ALL)))
