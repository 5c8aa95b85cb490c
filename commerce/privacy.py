"""What quotes, orders and payments hold about people."""

from django.utils.translation import gettext_lazy as _

from accounts.law.personal import Fate, PersonalData

_BOOKS = _("Commercial and tax law ask for ten years: who accepted what stays as it was signed.")

PERSONAL = (
    PersonalData(
        "commerce.Quote", "created_by", _("Quotes you made"),
        ("serial", "account__name", "total_minor", "currency", "status", "created_at"), Fate.KEEP, _BOOKS,
    ),
    PersonalData(
        "commerce.Quote", "accepted_by", _("Quotes you accepted"),
        ("serial", "version", "accepted_at", "accepted_name", "accepted_role", "accepted_ip"), Fate.KEEP, _BOOKS,
    ),
    PersonalData(
        "commerce.Quote", "submitted_by", _("Quotes you submitted"), ("serial", "version", "submitted_at"),
        Fate.KEEP, _BOOKS,
    ),
    PersonalData(
        "commerce.Quote", "closed_by", _("Quotes you declined or withdrew"),
        ("serial", "version", "closed_at", "closing_note"), Fate.KEEP, _BOOKS,
    ),
    PersonalData(
        "commerce.QuoteComment", "author", _("What you wrote about quotes"),
        ("quote__serial", "created_at", "text"), Fate.KEEP,
        _("What was agreed about an offer is part of it, and kept as long."), only={"is_internal": False},
    ),
    PersonalData(
        "commerce.PurchaseApproval", "requested_by", _("Purchases you asked to have approved"),
        ("amount_minor", "currency", "status", "requested_at", "consent_name", "consent_ip"), Fate.KEEP, _BOOKS,
    ),
    PersonalData(
        "commerce.PurchaseApproval", "decided_by", _("Purchases you decided about"), ("status", "decided_at", "note"),
        Fate.KEEP, _BOOKS,
    ),
    PersonalData(
        "commerce.QuoteApproval", "decided_by", _("Quotes you decided about for the vendor"),
        ("status", "decided_at", "note"), Fate.KEEP, _BOOKS,
    ),
    PersonalData(
        "commerce.Order", "placed_by", _("Orders you placed"), ("serial", "total_minor", "currency", "placed_at"),
        Fate.KEEP, _BOOKS,
    ),
    PersonalData(
        "commerce.PaymentAttempt", "created_by", _("Payments you began"),
        ("invoice__number", "amount_minor", "currency", "created_at"), Fate.KEEP, _BOOKS,
    ),
    PersonalData(
        "commerce.StoredCard", "added_by", _("Cards you stored for your company"),
        ("account__name", "brand", "last4", "exp_month", "exp_year", "added_at", "removed_at"), Fate.KEEP, _BOOKS,
    ),
    PersonalData(
        "commerce.AutoPay", "agreed_by", _("That you let us charge your company's invoices"),
        ("account__name", "agreed_at", "ended_at"), Fate.KEEP, _BOOKS,
    ),
    PersonalData(
        "commerce.AutoPay", "ended_by", _("That you no longer let us charge your company's invoices"),
        ("account__name", "ended_at"), Fate.KEEP, _BOOKS,
    ),
    PersonalData(
        "commerce.SavedConfiguration", "created_by", _("Configurations you put together"),
        ("name", "configuration", "source", "created_at", "updated_at"), Fate.DELETE,
        lasts="working papers: what was typed goes a year after its last change, what was saved stays until deleted",
    ),
    PersonalData(
        "commerce.ConfigurationShare", "user", _("Configurations shared with you"),
        ("configuration__name", "shared_at"), Fate.DELETE, lasts="as the configuration that is shared",
    ),
    PersonalData(
        "commerce.PendingChange", "requested_by", _("Changes of contracts you decided"),
        ("kind", "effective_date", "reason", "words", "requested_at"), Fate.KEEP, _BOOKS,
    ),
    PersonalData(
        "commerce.PendingChange", "closed_by", _("Changes of contracts you took back or carried out"),
        ("kind", "status", "closed_at"), Fate.KEEP, _BOOKS,
    ),
    PersonalData(
        "commerce.RetentionAnswer", "answered_by", _("What you said to an offer to stay"),
        ("headline", "is_taken", "words", "answered_at"), Fate.KEEP, _BOOKS,
    ),
    PersonalData(
        "commerce.GoalVersion", "said_by", _("What you said about the goals of a contract"),
        ("title", "baseline", "target", "target_date", "words", "said_at"), Fate.KEEP,
        _("What was agreed about a contract is part of it, and kept as long."),
    ),
    PersonalData(
        "commerce.QuoteRequest", "requested_by", _("Quotes you asked us for"),
        ("summary", "message", "status", "created_at"), Fate.KEEP, _BOOKS,
    ),
)  # fmt: skip

EXEMPT = {
    "commerce.ContractPaper": "names the vendor's people who add papers",
    "commerce.Deal": "names the vendor's people who sell",
    "commerce.LegalEntity": "the vendor's own companies, and where to write to them",
    "commerce.Invoice": "names the vendor's people who saw its money on the bank account",
    "commerce.RefundAttempt": "names the vendor's people who pay back",
    "commerce.DayTotal": "names the vendor's people who explain totals",
    "commerce.BankStatement": "names the vendor's people who read it in",
    "commerce.BankTransfer": "a payment between companies, and who of the vendor's people handled it",
    "commerce.DunningStep": "names the vendor's people who hold dunning",
    "commerce.PeriodClose": "names the vendor's people who close the books",
    "commerce.ApprovalStep": "names the vendor's people who are asked about quotes",
    "commerce.QuotePricing": "names the vendor's people who make quotes",
    "commerce.Delegation": "names the vendor's people who decide about quotes while others are away",
}
