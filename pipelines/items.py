import json
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from itemadapter import ItemAdapter
from scrapy import signals
from scrapy.http import Response
from scrapy.utils.conf import build_component_list
from scrapy.utils.misc import load_object
from scrapy.utils.serialize import ScrapyJSONEncoder

from scraping_project.attempts.log import AttemptLog
from scraping_project.attempts.registry import utc_now
from scraping_project.items import StoredItem
from scraping_project.worker.session import session_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from twisted.python.failure import Failure

    from scraping_project.storage.writing.writer import Writer


class ItemsPipeline:
    """Stores every item that no other pipeline stores in the table items, as JSON.

    A pipeline that stores items itself says which in a class attribute, ``stores = (Quote,)``. An item is
    stored once it has passed all pipelines, as it left them; one that was dropped is not.
    """

    def __init__(self, writer: "Writer", log: AttemptLog, others: tuple[type, ...]) -> None:
        self._writer = writer
        self._log = log
        self._others = others
        self._from_start = count(1)

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        session = session_of(crawler)
        pipelines = build_component_list(crawler.settings.getwithbase("ITEM_PIPELINES"))
        others = tuple(kind for path in pipelines for kind in getattr(load_object(path), "stores", ()))
        pipeline = cls(session.writer, session.log, others)
        crawler.signals.connect(pipeline.item_scraped, signal=signals.item_scraped)
        return pipeline

    def item_scraped(self, item: Any, response: "Response | Failure | None") -> None:
        if isinstance(item, self._others):
            return
        attempt = self._log.attempts.of(getattr(response, "request", None))
        try:
            data = as_json(item)
        except (TypeError, ValueError, RecursionError) as error:
            self._log.unstored(item, response, error)
            return
        # A redelivered attempt counts its items again from the first. One from start() has no attempt.
        task = f"{attempt.request_id}:{attempt.number}" if attempt else f"start:{self._log.run_id}"
        self._writer.append(
            StoredItem(
                task_id=f"{self._log.crawl_id}:{task}",
                number=attempt.records if attempt else next(self._from_start),
                crawl_id=self._log.crawl_id,
                run_id=self._log.run_id,
                url=_url(response),
                type=type(item).__name__,
                data=data,
                scraped_at=utc_now(),
            )
        )


def _url(response: "Response | Failure | None") -> str:
    """The URL of the answer that an item comes from, or of the failed request whose errback yielded it."""
    source = response if isinstance(response, Response) else getattr(response, "request", None)
    return source.url.partition("#")[0] if source is not None else ""


class _Encoder(ScrapyJSONEncoder):
    def default(self, o: Any) -> Any:
        try:
            return super().default(o)
        except TypeError:
            return o.decode(errors="replace") if isinstance(o, bytes) else str(o)


def as_json(item: Any) -> str:
    """The item as Scrapy's feeds write it; what JSON has no form for is a text, NaN and infinity are null."""
    fields = ItemAdapter(item).asdict()
    try:
        return json.dumps(fields, cls=_Encoder, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(fields, cls=_Encoder, ensure_ascii=False)
        return json.dumps(json.loads(text, parse_constant=lambda _: None), ensure_ascii=False)
