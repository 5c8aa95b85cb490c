"""Who may what: the one table behind rules, pages, the admin and their tests.

Customers act through the roles of their membership in a company; staff through their groups. Pages ask for a
permission, never for a role.
"""

from collections.abc import Iterable

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a person does for their company. A membership holds a set of these."""

    ADMINISTRATOR = "administrator", _("Administrator")
    BUYER = "buyer", _("Buyer")
    APPROVER = "approver", _("Approver")
    BILLING = "billing", _("Billing contact")
    SUPPORT = "support", _("Support contact")
    VIEWER = "viewer", _("Viewer")


class Permission(models.TextChoices):
    """What a customer may do."""

    VIEW_HOME = "view_home", _("See the home page")
    READ_ARTICLES = "read_articles", _("Read help articles")
    VIEW_CASES = "view_cases", _("See cases")
    OPEN_CASES = "open_cases", _("Open and answer cases")
    VIEW_CONTRACTS = "view_contracts", _("See contracts and dates")
    VIEW_USAGE = "view_usage", _("See usage and limits")
    VIEW_PRICES = "view_prices", _("See prices, plans and quotes")
    BUY = "buy", _("Configure and accept quotes")
    VIEW_ORDERS = "view_orders", _("See orders")
    VIEW_LICENCES = "view_licences", _("See licence keys and downloads of what was bought")
    VIEW_INVOICES = "view_invoices", _("See and download invoices")
    PAY_INVOICES = "pay_invoices", _("Pay invoices")
    MANAGE_BILLING = "manage_billing", _("Change what invoices say of the company")
    VIEW_TEAM = "view_team", _("See colleagues and the account team")
    MANAGE_COMPANY = "manage_company", _("Change the company profile")
    APPROVE_PURCHASES = "approve_purchases", _("Approve colleagues' purchases")
    MANAGE_MEMBERS = "manage_members", _("Invite colleagues and change their roles")
    MANAGE_SECURITY = "manage_security", _("Set sign-in rules and single sign-on")
    VIEW_AUDIT = "view_audit", _("See the company's audit log")


_ALL = frozenset(Role)
_ADMIN = Role.ADMINISTRATOR

CUSTOMER_TABLE: dict[Permission, frozenset[Role]] = {
    Permission.VIEW_HOME: _ALL,
    Permission.READ_ARTICLES: _ALL,
    Permission.VIEW_CASES: frozenset({_ADMIN, Role.SUPPORT, Role.VIEWER}),
    Permission.OPEN_CASES: frozenset({_ADMIN, Role.SUPPORT}),
    Permission.VIEW_CONTRACTS: _ALL - {Role.SUPPORT},
    Permission.VIEW_USAGE: _ALL,
    Permission.VIEW_PRICES: frozenset({_ADMIN, Role.BUYER, Role.APPROVER, Role.BILLING}),
    Permission.BUY: frozenset({_ADMIN, Role.BUYER}),
    Permission.VIEW_ORDERS: frozenset({_ADMIN, Role.BUYER, Role.APPROVER, Role.BILLING}),
    Permission.VIEW_LICENCES: frozenset({_ADMIN, Role.BUYER, Role.SUPPORT}),
    Permission.VIEW_INVOICES: frozenset({_ADMIN, Role.BUYER, Role.BILLING}),
    Permission.PAY_INVOICES: frozenset({_ADMIN, Role.BUYER, Role.BILLING}),
    Permission.MANAGE_BILLING: frozenset({_ADMIN, Role.BILLING}),
    Permission.VIEW_TEAM: _ALL,
    Permission.MANAGE_COMPANY: frozenset({_ADMIN}),
    Permission.APPROVE_PURCHASES: frozenset({_ADMIN, Role.APPROVER}),
    Permission.MANAGE_MEMBERS: frozenset({_ADMIN}),
    Permission.MANAGE_SECURITY: frozenset({_ADMIN}),
    Permission.VIEW_AUDIT: frozenset({_ADMIN}),
}


# What changes nothing: all that a parent company's people, or staff who look on, may do.
VIEW_PERMISSIONS = frozenset(
    permission for permission in Permission if permission.startswith("view_") or permission == Permission.READ_ARTICLES
)


def allowed(roles: Iterable[str], permission: Permission) -> bool:
    """Whether any of the roles grants the permission."""
    return not CUSTOMER_TABLE[permission].isdisjoint(roles)


class StaffGroup(models.TextChoices):
    """What a member of the vendor's staff does. Names of Django groups."""

    SUPPORT_AGENT = "Support agent", _("Support agent")
    CUSTOMER_SUCCESS = "Customer success", _("Customer success")
    SALES = "Sales", _("Sales")
    MARKETING = "Marketing", _("Marketing")
    FINANCE = "Finance", _("Finance")
    REVENUE_MANAGER = "Revenue manager", _("Revenue manager")
    EXECUTIVE = "Executive", _("Executive")
    SYSTEM_ADMINISTRATOR = "System administrator", _("System administrator")


_G = StaffGroup
_EVERYONE = frozenset(StaffGroup)
_COMMERCIAL = frozenset({_G.CUSTOMER_SUCCESS, _G.SALES, _G.FINANCE, _G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR})
_INSIGHT = frozenset({_G.REVENUE_MANAGER, _G.EXECUTIVE, _G.SYSTEM_ADMINISTRATOR})
_SUPPORT = frozenset({_G.SUPPORT_AGENT, _G.CUSTOMER_SUCCESS, _G.SYSTEM_ADMINISTRATOR})
_SYSTEM = frozenset({_G.SYSTEM_ADMINISTRATOR})

# Django permissions ("app.codename") of the staff groups: the admin's pages and the Insights pages ask for these.
# "app.model" stands for view, add and change of the model; history and money have no delete.
STAFF_TABLE: dict[str, frozenset[StaffGroup]] = {
    "accounts.view_account": _EVERYONE,
    "accounts.change_account": frozenset({_G.CUSTOMER_SUCCESS, _G.SALES, _G.SYSTEM_ADMINISTRATOR}),
    "accounts.reassign_accounts": _SYSTEM,  # Other people's portfolios; one's own by change_account.
    "accounts.view_data_quality": frozenset({_G.CUSTOMER_SUCCESS, _G.SALES}) | _INSIGHT,
    "accounts.view_installation": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "accounts.change_installation": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "accounts.view_membership": _EVERYONE,
    "accounts.view_invitation": _SUPPORT | _COMMERCIAL,
    "accounts.send_claim_link": frozenset({_G.CUSTOMER_SUCCESS, _G.SALES, _G.SYSTEM_ADMINISTRATOR}),
    "accounts.view_user": _SUPPORT | _COMMERCIAL,
    "accounts.view_as_customer": _SUPPORT | {_G.SALES},
    "accounts.act_for_customer": _SUPPORT,
    "accounts.view_viewing": _EVERYONE,
    "accounts.view_brand": _EVERYONE,
    "accounts.add_brand": frozenset({_G.MARKETING, _G.SYSTEM_ADMINISTRATOR}),
    "accounts.change_brand": frozenset({_G.MARKETING, _G.SYSTEM_ADMINISTRATOR}),
    "accounts.view_menurule": _EVERYONE,
    **{
        f"accounts.{action}_menurule": frozenset({_G.MARKETING, _G.SYSTEM_ADMINISTRATOR})
        for action in ("add", "change", "delete")
    },
    "accounts.merge_people": frozenset({_G.CUSTOMER_SUCCESS, _G.SYSTEM_ADMINISTRATOR}),
    "accounts.view_personmerge": _SUPPORT,
    "accounts.view_tier": _EVERYONE,
    "accounts.view_entitlement": _EVERYONE,
    "accounts.view_outgoingmail": _SUPPORT,
    "accounts.change_outgoingmail": _SUPPORT,
    **{
        f"accounts.{action}_{model}": frozenset({_G.MARKETING, _G.SYSTEM_ADMINISTRATOR})
        for action in ("view", "add", "change", "delete")
        for model in ("announcement", "announcementtext")
    },
    "accounts.view_inboundmail": _SUPPORT,
    "accounts.change_inboundmail": _SUPPORT,
    "accounts.view_mailreport": _SUPPORT,
    "accounts.view_storedfile": _SUPPORT,
    "accounts.view_identityprovider": _SUPPORT,
    "accounts.view_ssoidentity": _SUPPORT,
    "accounts.view_domain": _SUPPORT | _COMMERCIAL,
    "accounts.change_domain": _SUPPORT,
    "accounts.view_auditentry": _SUPPORT | frozenset({_G.FINANCE, _G.REVENUE_MANAGER}),
    "accounts.view_auditseal": _SYSTEM,
    "accounts.view_dataexport": _SYSTEM,
    "accounts.view_erasure": _SYSTEM,
    "accounts.change_erasure": _SYSTEM,
    "accounts.start_erasure": _SYSTEM | frozenset({_G.CUSTOMER_SUCCESS}),
    "accounts.view_retentionrule": _SYSTEM,
    "accounts.change_retentionrule": _SYSTEM,
    "accounts.view_retentionrun": _SYSTEM,
    "accounts.view_termsversion": _EVERYONE,
    "accounts.add_termsversion": _SYSTEM,
    "accounts.change_termsversion": _SYSTEM,
    "cases.view_case": _EVERYONE - {_G.MARKETING},
    "cases.change_case": _SUPPORT,
    "cases.view_casemessage": _EVERYONE - {_G.MARKETING},
    "cases.add_casemessage": _SUPPORT,
    "cases.view_casevisibility": _EVERYONE - {_G.MARKETING},
    "cases.add_casevisibility": _SUPPORT,
    "cases.change_casevisibility": _SUPPORT,
    "cases.view_caserule": _EVERYONE - {_G.MARKETING},
    "cases.add_caserule": _SUPPORT,
    "cases.change_caserule": _SUPPORT,
    "knowledge.view_article": _EVERYONE,
    "knowledge.add_article": _SUPPORT | {_G.MARKETING},
    "knowledge.change_article": _SUPPORT | {_G.MARKETING},
    "knowledge.view_category": _EVERYONE,
    "knowledge.add_category": _SUPPORT,
    "knowledge.change_category": _SUPPORT,
    "knowledge.view_articleversion": _EVERYONE,
    "knowledge.view_deflection": _EVERYONE,
    "commerce.view_product": _EVERYONE,
    "commerce.add_product": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.change_product": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.preview_catalogue": _COMMERCIAL,  # It shows a company's prices.
    "commerce.view_productgrant": _EVERYONE,
    "commerce.add_productgrant": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.change_productgrant": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_productfile": _EVERYONE,
    **{
        f"commerce.{action}_productfile": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR})
        for action in ("add", "change", "delete")
    },
    **{
        f"commerce.view_{model}": _EVERYONE
        for model in ("featuregroup", "bundleoption", "configurationrule", "configurationruletext")
    },
    **{
        f"commerce.{action}_{model}": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR})
        for action in ("add", "change", "delete")
        for model in ("featuregroup", "bundleoption", "configurationruletext")
    },
    "commerce.add_configurationrule": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.change_configurationrule": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_pricebook": _COMMERCIAL,
    "commerce.add_pricebook": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.change_pricebook": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_contractedprice": _COMMERCIAL,
    "commerce.add_contractedprice": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.change_contractedprice": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_discountschedule": _COMMERCIAL,
    "commerce.add_discountschedule": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.change_discountschedule": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_pricerule": _COMMERCIAL,
    "commerce.add_pricerule": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.change_pricerule": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    # What things cost the vendor is for those who set prices and keep the books.
    "commerce.view_productcost": frozenset({_G.FINANCE, _G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.add_productcost": frozenset({_G.FINANCE, _G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.change_productcost": frozenset({_G.FINANCE, _G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_price": _COMMERCIAL,
    "commerce.change_price": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.add_price": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_taxrate": _COMMERCIAL,
    "commerce.add_taxrate": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.change_taxrate": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_legalentity": _COMMERCIAL,
    "commerce.add_legalentity": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.change_legalentity": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_amounts": _COMMERCIAL | {_G.EXECUTIVE},  # Prices, totals and ledgers on the pages one may see.
    "commerce.view_deal": _EVERYONE,
    "commerce.view_quote": _COMMERCIAL,
    "commerce.add_quote": frozenset({_G.CUSTOMER_SUCCESS, _G.SALES, _G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.give_discounts": frozenset({_G.SALES, _G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_quotecomment": _COMMERCIAL,
    "commerce.view_savedconfiguration": _COMMERCIAL,
    "commerce.view_quoterequest": _COMMERCIAL,
    "commerce.change_quoterequest": _COMMERCIAL,
    "commerce.view_purchaseapproval": _COMMERCIAL,
    "commerce.view_purchaselimit": _COMMERCIAL,
    "commerce.view_quoteapproval": _COMMERCIAL | {_G.EXECUTIVE},  # The deal desk; who is asked may decide.
    "commerce.view_approvalrule": _COMMERCIAL | {_G.EXECUTIVE},
    "commerce.view_approvalstep": _COMMERCIAL | {_G.EXECUTIVE},
    **{
        f"commerce.{action}_{model}": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR})
        for action in ("add", "change", "delete")
        for model in ("approvalrule", "approvalstep")
    },
    "commerce.view_selfservicelimit": _COMMERCIAL,
    **{
        f"commerce.{action}_selfservicelimit": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR})
        for action in ("add", "change", "delete")
    },
    **{f"commerce.{action}_delegation": _COMMERCIAL | {_G.EXECUTIVE} for action in ("view", "add", "change", "delete")},
    "commerce.delegate_for_others": _SYSTEM,
    "commerce.view_contract": _EVERYONE,
    "commerce.view_pendingchange": _EVERYONE,
    "commerce.amend_contracts": frozenset({_G.CUSTOMER_SUCCESS, _G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_contractpaper": _EVERYONE,
    **{
        f"commerce.{action}_contractpaper": frozenset(
            {_G.CUSTOMER_SUCCESS, _G.SALES, _G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}
        )
        for action in ("add", "change")
    },
    "commerce.view_goal": _EVERYONE,
    "commerce.view_goalversion": _EVERYONE,
    "commerce.add_goal": frozenset({_G.CUSTOMER_SUCCESS, _G.SALES, _G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_retentionoffer": _COMMERCIAL,
    "commerce.add_retentionoffer": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.change_retentionoffer": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_retentionanswer": _COMMERCIAL,
    "commerce.view_renewal": _EVERYONE,
    "commerce.view_renewalnotice": _EVERYONE,
    "commerce.renew_contracts": frozenset({_G.CUSTOMER_SUCCESS, _G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_renewalterms": _COMMERCIAL,
    "commerce.add_renewalterms": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.change_renewalterms": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_order": _COMMERCIAL | {_G.SUPPORT_AGENT},
    "commerce.change_order": frozenset({_G.FINANCE, _G.SALES, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_provisioningstep": _COMMERCIAL | {_G.SUPPORT_AGENT},
    "commerce.change_provisioningstep": frozenset({_G.CUSTOMER_SUCCESS, _G.SUPPORT_AGENT, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_licencekey": _COMMERCIAL | {_G.SUPPORT_AGENT},  # That there is one: nobody of ours reads it.
    "commerce.view_productstep": _EVERYONE,
    **{
        f"commerce.{action}_productstep": frozenset({_G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR})
        for action in ("add", "change", "delete")
    },
    "commerce.view_invoice": _COMMERCIAL,
    "commerce.credit_invoices": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.write_off_invoices": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.refund_payments": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_balanceentry": _COMMERCIAL,
    "commerce.view_refundattempt": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.change_refundattempt": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_daytotal": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.explain_totals": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_bankstatement": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_banktransfer": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.handle_transfers": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_storedcard": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_dunning": _COMMERCIAL,
    "commerce.view_dunningstep": _COMMERCIAL,
    "commerce.hold_dunning": frozenset({_G.FINANCE, _G.CUSTOMER_SUCCESS, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_dunningpolicy": _COMMERCIAL,
    "commerce.add_dunningpolicy": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.change_dunningpolicy": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_periodclose": _COMMERCIAL,
    "commerce.view_billingperiod": _COMMERCIAL,
    "commerce.view_usagecharge": _COMMERCIAL,
    "commerce.view_bookscheck": _COMMERCIAL,
    "commerce.import_usage": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.add_periodclose": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_paymentattempt": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.change_paymentattempt": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.view_webhookevent": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "commerce.change_webhookevent": frozenset({_G.FINANCE, _G.SYSTEM_ADMINISTRATOR}),
    "crm.view_outboxrow": _SUPPORT | _COMMERCIAL,
    "crm.change_outboxrow": _SUPPORT | _COMMERCIAL,
    "crm.view_link": _SUPPORT | _COMMERCIAL,
    "crm.view_conflict": _SUPPORT | _COMMERCIAL,
    "crm.view_cursor": _SUPPORT | _COMMERCIAL,
    "crm.view_pause": _SUPPORT | _COMMERCIAL,
    "recommendations.view_contentblock": _EVERYONE,
    "recommendations.change_contentblock": frozenset({_G.MARKETING, _G.SYSTEM_ADMINISTRATOR}),
    "recommendations.add_contentblock": frozenset({_G.MARKETING, _G.SYSTEM_ADMINISTRATOR}),
    "recommendations.view_offer": _EVERYONE,
    "recommendations.change_offer": frozenset({_G.MARKETING, _G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "recommendations.add_offer": frozenset({_G.MARKETING, _G.REVENUE_MANAGER, _G.SYSTEM_ADMINISTRATOR}),
    "analytics.view_insights": _INSIGHT,
}
