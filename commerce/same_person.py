"""What commerce holds that follows a person whose entries are joined."""

from django.utils.translation import gettext_lazy as _

from accounts.merging import Follows

FOLLOWS = (
    Follows("commerce.Quote", "created_by", _("Quotes")),
    Follows("commerce.Quote", "submitted_by", _("Quotes submitted")),
    Follows("commerce.Quote", "closed_by", _("Quotes declined or withdrawn")),
    Follows("commerce.QuoteComment", "author", _("Comments on quotes")),
    Follows("commerce.Order", "placed_by", _("Orders")),
    Follows("commerce.PaymentAttempt", "created_by", _("Payments")),
    Follows("commerce.StoredCard", "added_by", _("Stored cards")),
    Follows("commerce.AutoPay", "agreed_by", _("Automatic payments agreed to")),
    Follows("commerce.AutoPay", "ended_by", _("Automatic payments ended")),
    Follows("commerce.SavedConfiguration", "created_by", _("Configurations"), once_per=("contract", "name")),
    Follows(
        "commerce.ConfigurationShare", "user", _("Configurations shared"), once_per=("configuration",),
        deletes_second=True,
    ),
    Follows("commerce.QuoteRequest", "requested_by", _("Quotes asked for")),
    Follows("commerce.PendingChange", "requested_by", _("Changes of contracts decided")),
    Follows("commerce.PendingChange", "closed_by", _("Changes of contracts taken back or carried out")),
    Follows("commerce.GoalVersion", "said_by", _("What was said about goals")),
    Follows("commerce.RetentionAnswer", "answered_by", _("Answers to offers to stay")),
    # So that nobody approves their own purchase under another address, nor seems to have done so.
    Follows("commerce.PurchaseApproval", "requested_by", _("Approvals asked for"), apart_from="decided_by"),
    Follows("commerce.PurchaseApproval", "decided_by", _("Approvals decided"), apart_from="requested_by"),
)  # fmt: skip
STAYS = {
    "commerce.Deal.owner": "names somebody of the vendor's staff, and staff are never joined",
    **{
        f"commerce.{column}": "names somebody of the vendor's staff, and staff are never joined"
        for column in (
            "ContractPaper.added_by",
            "ApprovalStep.approver",
            "ApprovalStep.escalate_to",
            "Delegation.absentee",
            "Delegation.stand_in",
            "QuoteApproval.approver",
            "QuoteApproval.escalate_to",
            "QuoteApproval.decided_by",
            "QuoteApproval.on_behalf_of",
            "QuotePricing.started_by",
            "Invoice.marked_paid_by",
            "RefundAttempt.created_by",
            "PeriodClose.closed_by",
            "DunningStep.made_by",
            "DayTotal.explained_by",
            "BankStatement.imported_by",
            "BankTransfer.handled_by",
        )
    },
    "commerce.QuoteRequest.answered_by": "names somebody of the vendor's staff, and staff are never joined",
    "commerce.Quote.accepted_by": "a signature stands as it was given, with the entry that gave it",
}
