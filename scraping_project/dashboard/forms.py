"""Forms of the pages: read with tolerance, and never without the session's token."""

from typing import Any, Self

from litestar.connection import Request
from litestar.datastructures import FormMultiDict, UploadFile
from litestar.exceptions import PermissionDeniedException

from scraping_project.dashboard.admission import door_of, session_of


class Form:
    """The fields of a form that was sent."""

    def __init__(self, fields: FormMultiDict) -> None:
        self._fields = fields

    @classmethod
    async def of(cls, request: Request[Any, Any, Any]) -> Self:
        return cls(await request.form())

    @classmethod
    async def checked(cls, request: Request[Any, Any, Any]) -> Self:
        """The same for whoever was admitted.

        Raises:
            PermissionDeniedException: It does not come from a page of this session.
        """
        form = await cls.of(request)
        if not door_of(request).sessions.is_form_token(session_of(request).id, form.text("form_token")):
            raise PermissionDeniedException(
                "this form is too old, or not one of ours: go back, reload, and send it again"
            )
        return form

    def text(self, name: str) -> str:
        """The last value of a field; empty when there is none."""
        values = self.texts(name)
        return values[-1] if values else ""

    def texts(self, name: str) -> list[str]:
        """All values of a field."""
        return [value for value in self._fields.getall(name, []) if isinstance(value, str)]

    def upload(self, name: str) -> UploadFile | None:
        """A file that was sent; None where none was chosen."""
        values = [value for value in self._fields.getall(name, []) if isinstance(value, UploadFile)]
        return values[-1] if values and values[-1].filename else None
