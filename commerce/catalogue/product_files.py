"""Pictures of products and papers about them: what is taken, how it is kept, and how it is handed out."""

from dataclasses import dataclass
from pathlib import PurePath

from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse

from accounts.pictures import MOST_BYTES, PictureRefused, drawn_anew
from accounts.services import FileRefused, check_upload
from commerce.models import FileKind, ProductFile

DOCUMENTS = (".pdf", ".docx", ".xlsx")
DOWNLOADS = (".zip", ".pdf", ".txt", ".json", ".csv")
PICTURE_SIZE = (960, 720)
KEPT_FOR = 24 * 60 * 60  # Seconds in the browser of the person who asked. Other bytes have another address.


@dataclass(frozen=True, slots=True)
class Taken:
    """An upload as it is kept."""

    content: bytes
    content_type: str
    suffix: str


def taken(upload: UploadedFile[bytes], kind: FileKind) -> Taken:
    """The bytes to keep of an upload: a picture drawn anew, a document or download of a kind we take.

    Raises `FileRefused`.
    """
    if kind is not FileKind.IMAGE:
        checked = check_upload(upload, suffixes=DOCUMENTS if kind is FileKind.DOCUMENT else DOWNLOADS)
        return Taken(upload.read(), checked.content_type, PurePath(upload.name or "").suffix.lower())
    try:
        picture = drawn_anew(upload.read(MOST_BYTES + 1), within=PICTURE_SIZE, kept_as="WEBP")
    except PictureRefused as refused:
        raise FileRefused(str(refused)) from refused
    return Taken(picture, "image/webp", ".webp")


def file_response(file: ProductFile) -> FileResponse:
    """The bytes: pictures for our own pages, documents to be downloaded. A browser runs nothing in either."""
    response = FileResponse(
        file.content.open("rb"),
        as_attachment=not file.is_picture,
        filename=file.file_name,
        content_type=file.content_type,
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = f"private, max-age={KEPT_FOR}"
    return response
