from demo.answer import contents, page, redirect

TITLE = "Redirects"

PAGES = {
    "/redirects/": contents(
        TITLE,
        "An answer may send the reader elsewhere. What is stored is the address that answered in the end.",
        {
            "/redirects/moved": "Moved for good, with a 301",
            "/redirects/found": "Found elsewhere, with a 302 whose target carries a fragment",
            "/redirects/chain": "A chain of three redirects, one of them relative",
            "/redirects/loop": "Two addresses that send the reader back and forth for ever",
            "/redirects/private": "A redirect to an address that robots.txt forbids",
            "/redirects/refresh": "A page that moves on by itself after a while",
        },
    ),
    "/redirects/moved": redirect(301, "/redirects/new-address"),
    "/redirects/new-address": page("The new address", "<p>Reached through a 301 only.</p>"),
    "/redirects/found": redirect(302, "/redirects/elsewhere#part"),
    "/redirects/elsewhere": page(
        "Found elsewhere", '<p id="part">The fragment is no part of the stored address.</p>'
    ),
    "/redirects/chain": redirect(301, "/redirects/chain/2"),
    "/redirects/chain/2": redirect(302, "3"),
    "/redirects/chain/3": redirect(307, "/redirects/chain/end"),
    "/redirects/chain/end": page("The end of the chain", "<p>Three redirects lie behind you.</p>"),
    "/redirects/loop": redirect(302, "/redirects/loop/back"),
    "/redirects/loop/back": redirect(302, "/redirects/loop"),
    "/redirects/private": redirect(302, "/private/behind-a-redirect"),
    "/private/behind-a-redirect": page(
        "Behind a redirect", "<p>robots.txt is asked again after a redirect: no crawler should read this.</p>"
    ),
    "/redirects/refresh": page(
        "This page moves on",
        "<p>After half a minute a browser shows another page, to which nothing else links.</p>",
        head='<meta http-equiv="refresh" content="30; url=/redirects/refreshed">',
    ),
    "/redirects/refreshed": page("Moved on", "<p>A meta refresh is a link of its page, not a redirect.</p>"),
}
