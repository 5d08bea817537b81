from demo.answer import contents, page

TITLE = "Addresses"

BROKEN = """\
<ul>
<li><a href="/addresses/good/first">good</a></li>
<li><a href="http://[::1">a bracket left open</a></li>
<li><a href="http://">no host</a></li>
<li><a href="http://two words/">a space in the host</a></li>
<li><a href="http://{host}:port/">a port that is no number</a></li>
<li><a href="javascript:void(0)">a script</a>, <a href=" JavaScript:void(0)">another</a></li>
<li><a href="mailto:someone@offsite.invalid">a mail address</a>, <a href="tel:+100">a telephone</a></li>
<li><a href="data:text/html,hello">data</a>, <a href="ftp://offsite.invalid/">another protocol</a></li>
<li><a href="   ">spaces only: this page</a></li>
<li><a href="
\t/addresses/good/se\tco
nd
">tabs and line ends, which do not count</a></li>
<li><a href="\\addresses\\good\\third">backslashes, which browsers read as slashes</a></li>
<li><a href="/addresses/good/fourth">good</a></li>
</ul>"""

ENCODED = """\
<ul>
<li><a href="/addresses/encoded/two words">a space</a>,
<a href="/addresses/encoded/two%20words">the same page</a></li>
<li><a href="/addresses/encoded/a%2Fb">an encoded slash, which is no slash</a></li>
<li><a href="/addresses/encoded/100%">a percent sign alone</a></li>
<li><a href="/addresses/encoded/%7Etilde">encoded without need</a></li>
<li><a href="/addresses/encoded/caf%c3%a9">encoded in lower case</a></li>
<li><a href="/addresses/encoded/naïve">not ASCII</a></li>
<li><a href='/addresses/item?quotes="a"'>quotes</a>, <a href="/addresses/item?quotes='b'">others</a></li>
<li><a href="/addresses/item?plus=a+b">a plus sign</a></li>
<li><a href="/addresses/encoded/x/../dots">dots</a>,
<a href="/addresses/encoded/%2e/%2E%2e/self">encoded dots</a></li>
</ul>"""

RELATIVE = """\
<ul>
<li><a href="sibling">in the same folder</a></li>
<li><a href="./page?size=2">the same page, another query</a></li>
<li><a href="?size=2">the same again</a></li>
<li><a href="../parent">a folder up</a></li>
<li><a href="../../../../addresses/above">more folders up than there are</a></li>
<li><a href="//{host}/addresses/schemeless">without a scheme</a></li>
<li><a href="HTTP://{host}/addresses/absolute">whole</a></li>
<li><a href="">nothing: this page</a></li>
</ul>"""

FRAGMENTS = """\
<p><a href="#here">Here</a>, <a href="/addresses/sections#one">one</a>,
<a href="/addresses/sections#two">two</a>, <a href="/addresses/sections">all of it</a>,
<a href="/addresses/sections?part=3#three">a query and a fragment</a>.</p>"""

QUERIES = """\
<p><a href="/addresses/item?a=1&amp;b=2">a and b</a>, <a href="/addresses/item?b=2&amp;a=1">b and a</a>,
<a href="/addresses/item?a=1">a alone</a>, <a href="/addresses/item">neither</a>.</p>
<p>The first two are one request to a crawler that sorts a query before it compares.</p>"""

OFFSITE = """\
<p><a href="http://offsite.invalid/">Another site</a>, <a href="https://offsite.invalid/secure">with
encryption</a>, <a href="http://127.0.0.1:9/">another port</a>,
<a href="/addresses/item?next=http://offsite.invalid/">another site in a query</a>.</p>"""

POPULAR = " ".join(f'<a href="/addresses/popular#{number}">{number}</a>' for number in range(1, 31))

PAGES = {
    "/addresses/": contents(
        TITLE,
        "The same address can be written in many ways, and some that look like one are none.",
        {
            "/addresses/broken": "Broken addresses among good ones",
            "/addresses/encoded": "Spaces, percent signs, quotes, accents",
            "/addresses/relative/page": "Every kind of relative address",
            "/addresses/fragments": "Fragments, which are no part of an address",
            "/addresses/queries": "The same query in two orders",
            "/addresses/self": "A page that links to itself",
            "/addresses/offsite": "Links that leave the site",
            "/addresses/thirty": "Thirty links to one page",
        },
    ),
    "/addresses/broken": page("Broken addresses", BROKEN),
    "/addresses/good/first": page("The first good one", "<p>Nothing broken came before.</p>"),
    "/addresses/good/second": page("The second good one", "<p>Its address was broken over lines.</p>"),
    "/addresses/good/third": page("The third good one", "<p>Its address had backslashes.</p>"),
    "/addresses/good/fourth": page("The fourth good one", "<p>The broken ones before it did no harm.</p>"),
    "/addresses/encoded": page("Encoded addresses", ENCODED),
    "/addresses/encoded/two%20words": page("Two words", "<p>A space became %20.</p>"),
    "/addresses/encoded/a%2Fb": page("An encoded slash", "<p>Decoded, it would be another page.</p>"),
    "/addresses/encoded/100%": page("A percent sign", "<p>It stays as it is.</p>"),
    "/addresses/encoded/%7Etilde": page("A tilde", "<p>The address stays as it was written.</p>"),
    "/addresses/encoded/caf%c3%a9": page("Lower case", "<p>The address stays as it was written.</p>"),
    "/addresses/encoded/na%C3%AFve": page("Not ASCII", "<p>A path is encoded as UTF-8.</p>"),
    "/addresses/encoded/dots": page("Dots", "<p>Two dots took away a folder.</p>"),
    "/addresses/relative/page": page("Relative addresses", RELATIVE),
    "/addresses/relative/sibling": page("A sibling", "<p>In the same folder.</p>"),
    "/addresses/parent": page("A folder up", "<p>Two dots led here.</p>"),
    "/addresses/above": page("Above the root", "<p>There is nothing above the root.</p>"),
    "/addresses/schemeless": page("Without a scheme", "<p>The scheme was that of the page.</p>"),
    "/addresses/absolute": page("Absolute", "<p>The scheme was in capitals.</p>"),
    "/addresses/fragments": page("Fragments", FRAGMENTS),
    "/addresses/sections": page("Sections", "<p>One page, whichever its part.</p>"),
    "/addresses/queries": page("Queries", QUERIES),
    "/addresses/item": page("An item", "<p>The same page for every query.</p>"),
    "/addresses/self": page("Itself", '<p>See <a href="/addresses/self">this page</a>.</p>'),
    "/addresses/offsite": page("Leaving the site", OFFSITE),
    "/addresses/thirty": page("Thirty links", f"<p>{POPULAR}</p>"),
    "/addresses/popular": page("Popular", "<p>To be asked for once.</p>"),
}
