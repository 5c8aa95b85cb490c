"""What marketing has set up: offers with their reasons, and the pieces of Home per industry, tier and stage."""

from dataclasses import dataclass

from recommendations.models import ContentBlock, Offer
from sandbox.demo.company import Company
from sandbox.demo.world import World
from tracking.models import Meter


@dataclass(frozen=True)
class Block:
    """A piece of Home, and who sees it; a part left empty does not restrict."""

    title: str
    body: str
    link: tuple[str, str]  # Its words, and a path of the portal.
    icon: str
    industries: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()


def add_marketing(world: World, company: Company) -> None:
    """Offers by use and by industry; blocks so that each industry, stage and tier sees its own."""
    for code, meter, threshold, industries, headline, reason, weight in OFFERS:
        world.add(
            Offer(
                product=company.products[code],
                meter=meter,
                threshold_percent=threshold,
                industries=list(industries),
                headline=headline,
                reason=reason,
                weight=weight,
            )
        )
    for position, block in enumerate(BLOCKS, start=1):
        label, path = block.link
        world.add(
            ContentBlock(
                title=block.title,
                body=block.body,
                link_label=label,
                link_url=path,
                icon=block.icon,
                industries=list(block.industries),
                tiers=list(block.tiers),
                stages=list(block.stages),
                position=position * 10,
            )
        )


_FULL = 85
# product, meter, threshold in percent, industries (none: all), headline, reason, weight
OFFERS: tuple[tuple[str, str, int, tuple[str, ...], str, str, int], ...] = (
    ("business", Meter.SEATS, _FULL, (), "Room for the next people you hire", "{used} of {limit} seats used", 30),
    ("enterprise", Meter.SEATS, 92, (), "One contract for all your sites", "{used} of {limit} seats used", 20),
    (
        "api_boost",
        Meter.API_CALLS,
        _FULL,
        (),
        "Keep your integrations running to the end of the month",
        "{used} of {limit} API calls used this month",
        25,
    ),
    (
        "storage_pack",
        Meter.STORAGE_GB,
        _FULL,
        (),
        "More room for photos and documents",
        "{used} of {limit} GB used",
        22,
    ),
    (
        "automation_pack",
        Meter.AUTOMATION_RUNS,
        _FULL,
        (),
        "No automation has to wait for next month",
        "{used} of {limit} automation runs used this month",
        22,
    ),
    (
        "route_planner",
        "",
        0,
        ("logistics",),
        "Plan the whole day's tours in one go",
        "Teams in {industry} plan their stops with it each morning",
        14,
    ),
    (
        "premium_support",
        "",
        0,
        ("healthcare", "energy"),
        "An answer within 30 minutes, at any hour",
        "In {industry} work does not stop at night",
        13,
    ),
    (
        "analytics",
        "",
        0,
        ("retail", "manufacturing"),
        "See which sites need help before they ask",
        "Compares all your sites; made for {industry}",
        13,
    ),
    (
        "ai_assist",
        "",
        0,
        ("construction",),
        "Job notes written before the van leaves the site",
        "Crews in {industry} save the evening's paperwork",
        12,
    ),
    ("sso", "", 0, (), "One sign-in for everybody", "Leavers lose access the same day, and nobody resets passwords", 8),
)

BLOCKS = (
    Block(
        "For logistics: tours that survive the morning traffic",
        "Dispatchers who lock the first stop of each tour and let the planner arrange the rest need a third "
        "of the changes during the day. The article shows how to set it up for twenty stops and more.",
        link=("Plan routes for many stops", "/help/plan-routes-for-many-stops/"),
        icon="rocket",
        industries=("logistics",),
    ),
    Block(
        "For manufacturing: maintenance before the line stops",
        "Repeating jobs with a counter of operating hours bring the technician a week early instead of a day "
        "late. Start with the five machines that stopped you most last year.",
        link=("Create repeating jobs", "/help/repeat-jobs-for-maintenance/"),
        icon="settings",
        industries=("manufacturing",),
    ),
    Block(
        "For healthcare: know who saw what",
        "Auditors ask for access lists first. With guests kept on their own boards and leavers deactivated "
        "the same day, the list is short and right.",
        link=("Deactivate a leaver", "/help/deactivate-or-delete-a-person/"),
        icon="shield-check",
        industries=("healthcare",),
    ),
    Block(
        "For retail: one report for all stores",
        "Store managers open a report that shows only their own site. Built once, it answers the question "
        "that fills most Monday mornings: what is open, and since when.",
        link=("Build a report", "/help/build-a-report/"),
        icon="chart-column",
        industries=("retail",),
    ),
    Block(
        "For energy: work where there is no network",
        "Crews on turbines and in substations keep their jobs of the next seven days on the phone. What two "
        "people changed at the same time is settled when they are back, field by field.",
        link=("Work without a connection", "/help/work-offline/"),
        icon="zap",
        industries=("energy",),
    ),
    Block(
        "For construction: subcontractors without a seat",
        "Guests see the board of their own site and nothing else, report progress with photos, and take no "
        "seat. Invite the next subcontractor in two minutes.",
        link=("Share a board with guests", "/help/guests-for-customers-and-subcontractors/"),
        icon="building-2",
        industries=("construction",),
    ),
    Block(
        "Your first four weeks",
        "Import your sites, invite the planners, send the first job to a phone: companies that do these three "
        "in the first week ask half as many questions in the second.",
        link=("Set up a workspace in one day", "/help/set-up-a-workspace-in-a-day/"),
        icon="rocket",
        stages=("onboarding",),
    ),
    Block(
        "The second team is the one that counts",
        "Most companies begin with one team. Crews and skills let the next one join without planning everything twice.",
        link=("Organise crews and skills", "/help/crews-and-skills/"),
        icon="users",
        stages=("adopting",),
    ),
    Block(
        "Growing? Add seats in the middle of the month",
        "You pay only for the days that are left, and the price of what you have stays what it was.",
        link=("How proration works", "/help/how-proration-works/"),
        icon="trending-up",
        stages=("growing",),
    ),
    Block(
        "Your renewal, without surprises",
        "See the notice date, what you own and what it costs, and tell us what should change before the term ends.",
        link=("Notice period and renewal", "/help/notice-period-and-renewal/"),
        icon="calendar-clock",
        stages=("renewing",),
    ),
    Block(
        "Something not working for you?",
        "Tell us what stands in the way. Your success manager reads every answer, and calls you if you like.",
        link=("Open a case", "/cases/"),
        icon="life-buoy",
        stages=("at_risk",),
    ),
    Block(
        "Your half-yearly review",
        "Bring three questions and one number you would like to change. We bring your usage, your cases and ideas.",
        link=("Prepare the review", "/help/prepare-a-business-review/"),
        icon="handshake",
        tiers=("premier", "strategic"),
    ),
)
