"""Reads the demo vendor's help centre: Markdown files with a few lines of front matter."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

ARTICLES_DIR = Path(__file__).parent / "articles"

CATEGORIES = {
    "getting-started": "Getting started",
    "sign-in-and-access": "Sign-in and access",
    "users-and-seats": "Users and seats",
    "scheduling-and-routes": "Scheduling and routes",
    "automations": "Automations",
    "integrations-and-api": "Integrations and API",
    "mobile-app": "Mobile app",
    "reports-and-exports": "Reports and exports",
    "billing-and-contracts": "Billing and contracts",
    "troubleshooting": "Troubleshooting",
}
"""Folder name to the name a reader sees, in the order of the help centre's menu."""

VISIBILITIES = frozenset({"public", "customer", "segment", "internal"})
TIERS = frozenset({"essential", "growth", "premier", "strategic"})
ROLES = frozenset({"administrator", "buyer", "billing", "support"})
TOPICS = frozenset(
    {
        "billing",
        "access",
        "integrations",
        "performance",
        "data",
        "mobile",
        "automation",
        "reporting",
        "planning",
    }
)
PLANS = frozenset({"team", "business", "enterprise"})
ADD_ONS = frozenset(
    {
        "sso",
        "audit_log",
        "sandbox",
        "api_boost",
        "storage_pack",
        "automation_pack",
        "premium_support",
        "analytics",
        "ai_assist",
        "route_planner",
    }
)
PRODUCTS = PLANS | ADD_ONS | {"onboarding"}

_REQUIRED_KEYS = frozenset({"title", "summary", "category", "visibility", "review_by", "topic"})
_OPTIONAL_KEYS = frozenset({"tiers", "roles", "products", "feature"})


class ArticleFileInvalid(ValueError):
    """The file cannot become an article; the message names the file and what to change in it."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path.parent.name}/{path.name}: {problem}")


@dataclass(frozen=True, slots=True)
class ArticleFile:
    """One help article as written on disk. The body is Markdown without a first-level heading."""

    slug: str
    category_slug: str
    category: str
    title: str
    summary: str
    visibility: str
    tiers: tuple[str, ...]
    """Account tiers that may read it; filled exactly when the visibility is `segment`."""
    roles: tuple[str, ...]
    """Membership roles that may read it; empty means every role."""
    products: tuple[str, ...]
    feature: str | None
    """Code of the add-on a reader of this article may want next."""
    review_by: date
    topic: str
    body: str


def load_articles(directory: Path = ARTICLES_DIR) -> list[ArticleFile]:
    """Every article, ordered by category as in the menu and then by slug. Raises ArticleFileInvalid."""
    paths = sorted(path for category in CATEGORIES for path in (directory / category).glob("*.md"))
    articles = [parse_article(path) for path in paths]
    menu_order = list(CATEGORIES)
    return sorted(
        articles,
        key=lambda article: (menu_order.index(article.category_slug), article.slug),
    )


def parse_article(path: Path) -> ArticleFile:
    """Read one file. Raises ArticleFileInvalid for a missing, unknown or contradictory front matter value."""
    fields, body = _split_front_matter(path)
    missing = _REQUIRED_KEYS - fields.keys()
    unknown = fields.keys() - _REQUIRED_KEYS - _OPTIONAL_KEYS
    if missing or unknown:
        raise ArticleFileInvalid(path, f"missing keys {sorted(missing)}, unknown keys {sorted(unknown)}")

    category_slug = path.parent.name
    if CATEGORIES.get(category_slug) != fields["category"]:
        raise ArticleFileInvalid(
            path,
            f"category {fields['category']!r} does not belong in folder {category_slug!r}",
        )

    visibility = _one_of(path, "visibility", fields["visibility"], VISIBILITIES)
    tiers = _several_of(path, "tiers", fields.get("tiers", ""), TIERS)
    roles = _several_of(path, "roles", fields.get("roles", ""), ROLES)
    if bool(tiers) != (visibility == "segment"):
        raise ArticleFileInvalid(path, "tiers belong to visibility segment, and segment needs tiers")
    if roles and visibility in {"public", "internal"}:
        raise ArticleFileInvalid(path, f"roles mean nothing for visibility {visibility}")

    try:
        review_by = date.fromisoformat(fields["review_by"])
    except ValueError:
        raise ArticleFileInvalid(path, f"review_by {fields['review_by']!r} is not a date like 2027-03-31") from None

    feature = fields.get("feature")
    return ArticleFile(
        slug=path.stem,
        category_slug=category_slug,
        category=fields["category"],
        title=fields["title"],
        summary=fields["summary"],
        visibility=visibility,
        tiers=tiers,
        roles=roles,
        products=_several_of(path, "products", fields.get("products", ""), PRODUCTS),
        feature=_one_of(path, "feature", feature, ADD_ONS) if feature else None,
        review_by=review_by,
        topic=_one_of(path, "topic", fields["topic"], TOPICS),
        body=body,
    )


def _split_front_matter(path: Path) -> tuple[dict[str, str], str]:
    opening, *rest = path.read_text(encoding="utf-8").split("---\n", 2)
    if opening or len(rest) != 2:
        raise ArticleFileInvalid(path, "front matter must open on the first line with --- and close with ---")
    head, body = rest
    fields: dict[str, str] = {}
    for line in head.splitlines():
        key, separator, value = line.partition(":")
        if not separator or not value.strip():
            raise ArticleFileInvalid(path, f"front matter line {line!r} is not `key: value`")
        if key in fields:
            raise ArticleFileInvalid(path, f"front matter key {key!r} occurs twice")
        fields[key] = value.strip()
    return fields, body.strip()


def _one_of(path: Path, key: str, value: str, known: frozenset[str]) -> str:
    if value not in known:
        raise ArticleFileInvalid(path, f"{key} {value!r} is not one of {', '.join(sorted(known))}")
    return value


def _several_of(path: Path, key: str, value: str, known: frozenset[str]) -> tuple[str, ...]:
    codes = tuple(code.strip() for code in value.split(",") if code.strip())
    return tuple(_one_of(path, key, code, known) for code in codes)
