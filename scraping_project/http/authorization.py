"""The login in a request's URL as a header of the request."""

from base64 import b64encode
from urllib.parse import unquote_to_bytes

from scrapy import Request

from scraping_project import logins


def from_url(request: Request) -> Request:
    """The request with the login in its URL as an Authorization header, as curl sends it; itself without one.

    So it stands in nothing that is made of the URL, and Scrapy takes it to no other origin when a page
    redirects there. A request that brings an Authorization of its own keeps that.
    """
    url, login = logins.split(request.url)
    if login is None:
        return request
    user, _, password = login.partition(":")
    headers = request.headers.copy()
    if user or password:
        pair = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
        headers.setdefault("Authorization", b"Basic " + b64encode(pair))
    return request.replace(url=url, headers=headers)
