"""XML from outside: small, UTF-8, without a document type, so without entities to expand or files to fetch."""

from django.utils.translation import gettext as _
from lxml import etree

MAX_BYTES = 256 * 1024


class XmlRefused(Exception):
    """The document is too large, no XML, or declares what no document of ours needs; the message says which."""


def parse(content: bytes, *, most_bytes: int = MAX_BYTES) -> etree._Element:
    """The root element. Raises `XmlRefused`."""
    if len(content) > most_bytes:
        raise XmlRefused(
            _("The document has %(size)d KB. At most %(limit)d KB are read.")
            % {"size": len(content) // 1024, "limit": most_bytes // 1024}
        )
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise XmlRefused(_("The document is not UTF-8.")) from error
    # Looked for before any parser sees the document: declaring entities is the attack, expanding them only its harm.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise XmlRefused(_("The document declares a document type or entities, which we don't read."))
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )
    try:
        return etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise XmlRefused(_("The document is not well-formed XML: %(error)s.") % {"error": str(error)[:200]}) from error
