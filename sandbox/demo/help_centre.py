"""The help centre: the written articles with their history, and what readers thought of them."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from accounts.permissions import StaffGroup
from knowledge.models import Article, ArticleState, ArticleVersion, ArticleVote, Category, Visibility
from sandbox.demo.accounts import Customer
from sandbox.demo.article_files import CATEGORIES, ArticleFile, load_articles
from sandbox.demo.company import Company
from sandbox.demo.world import World, in_office_hours, working_day

# The day as of which the files' review dates were chosen; they move with the day of the demo.
WRITTEN_DATE = date(2026, 11, 20)
SHELVES = {
    "getting-started": ("rocket", "From an empty workspace to the first job on a phone."),
    "sign-in-and-access": ("key-round", "Passwords, two-step verification and single sign-on."),
    "users-and-seats": ("users", "Inviting people, their roles, and what takes a seat."),
    "scheduling-and-routes": ("calendar", "Planning days, weeks and tours."),
    "automations": ("zap", "Rules that work while nobody looks."),
    "integrations-and-api": ("link", "API, webhooks and other systems."),
    "mobile-app": ("phone", "Jobs, photos and signatures in the field."),
    "reports-and-exports": ("chart-column", "Figures, files and schedules."),
    "billing-and-contracts": ("receipt", "Invoices, changes and renewals."),
    "troubleshooting": ("life-buoy", "When something does not do what it should."),
}


def add_articles(world: World, company: Company) -> list[Article]:
    """Shelves and published articles. They were written from two months before the portal opened on."""
    shelves = {
        slug: world.add(
            Category(slug=slug, name=name, description=SHELVES[slug][1], icon=SHELVES[slug][0], position=position)
        )
        for position, (slug, name) in enumerate(CATEGORIES.items(), start=1)
    }
    return [_add_article(world, company, shelves[file.category_slug], file) for file in load_articles()]


def _add_article(world: World, company: Company, shelf: Category, file: ArticleFile) -> Article:
    chance = world.random(file.slug, "article")
    calendar = world.calendar
    opening = calendar.go_live_date - timedelta(days=60)
    span = (calendar.today - opening).days - 20
    # Two thirds stood when the portal opened; the others came since.
    offset = chance.randrange(50) if chance.random() < 0.66 else chance.randrange(50, span)
    published_at = in_office_hours(chance, working_day(opening + timedelta(days=offset)))
    first_body = _first_version(file.body) if chance.random() < 0.3 else ""
    revised_at = _later(world, published_at) if first_body else published_at
    article = world.add(
        Article(
            slug=file.slug,
            category=shelf,
            title=file.title,
            summary=file.summary,
            body=file.body,
            state=ArticleState.PUBLISHED,
            visibility=file.visibility,
            tiers=list(file.tiers),
            roles=list(file.roles),
            topic=file.topic,
            products=list(file.products),
            feature=file.feature or "",
            version=2 if first_body else 1,
            review_date=file.review_by + (calendar.today - WRITTEN_DATE),
            published_at=published_at,
            updated_at=revised_at,
        )
    )
    author = chance.choice(company.staff[StaffGroup.SUPPORT_AGENT])
    texts = [(first_body, published_at), (file.body, revised_at)] if first_body else [(file.body, published_at)]
    for number, (body, created_at) in enumerate(texts, start=1):
        world.add(
            ArticleVersion(
                article=article,
                number=number,
                title=file.title,
                summary=file.summary,
                body=body,
                author=author,
                created_at=created_at,
            )
        )
    return article


def _first_version(body: str) -> str:
    """How the article read before its last part was added; empty where it has only one part."""
    head, mark, _tail = body.rpartition("\n## ")
    return head.strip() if mark else ""


def _later(world: World, published_at: datetime) -> datetime:
    """Half way to today."""
    return published_at + (world.calendar.now - published_at) / 2


def readable_by(articles: list[Article], tier: str, roles: Iterable[str]) -> list[Article]:
    """What a member with these roles, of a company in this tier, may read: as ArticleQuerySet.visible_to decides."""
    held = set(roles)
    return [
        article
        for article in articles
        if article.visibility == Visibility.PUBLIC
        or (
            article.visibility in (Visibility.CUSTOMER, Visibility.SEGMENT)
            and (not article.roles or held & set(article.roles))
            and (article.visibility == Visibility.CUSTOMER or not article.tiers or tier in article.tiers)
        )
    ]


def cast_votes(world: World, customers: list[Customer], articles: list[Article]) -> None:
    """What readers of active companies thought of some articles; most were helped."""
    for customer in customers:
        if not customer.is_active_on(world.calendar.yesterday):
            continue
        chance = world.random(customer.name, "votes")
        start = customer.profile.first_login_date or world.calendar.go_live_date
        for member in customer.members:
            readable = readable_by(articles, customer.account.tier.code, member.roles)
            for article in chance.sample(readable, min(len(readable), chance.randrange(1, 7))):
                earliest = max(start, article.published_at.date() if article.published_at else start)
                span = (world.calendar.today - earliest).days
                if span < 2:
                    continue
                voted_date = earliest + timedelta(days=chance.randrange(1, span))
                world.add(
                    ArticleVote(
                        account=customer.account,
                        user=member.user,
                        article=article,
                        is_helpful=chance.random() < 0.86,
                        updated_at=in_office_hours(chance, voted_date),
                    )
                )
