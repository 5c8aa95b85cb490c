from django.urls import path

from commerce.views import approvals, contracts, invoices, orders, payments, plans, quotes, usage, webhooks

app_name = "commerce"

urlpatterns = [
    path("plans/", plans.plans, name="plans"),
    path("plans/configure/", plans.configure, name="configure"),
    path("plans/configure/price/", plans.configure_price, name="configure-price"),
    path("quotes/", quotes.quote_list, name="quotes"),
    path("quotes/create/", quotes.create_quote, name="create-quote"),
    path("quotes/<uuid:public_id>/", quotes.quote, name="quote"),
    path("quotes/<uuid:public_id>/accept/", quotes.accept_quote, name="accept-quote"),
    path("quotes/<uuid:public_id>/refresh/", quotes.refresh_quote, name="refresh-quote"),
    path("contracts/", contracts.contract_list, name="contracts"),
    path("contracts/<str:number>/", contracts.contract, name="contract"),
    path("usage/", usage.usage, name="usage"),
    path("usage/export/", usage.export_usage, name="export-usage"),
    path("orders/", orders.order_list, name="orders"),
    path("orders/<str:number>/", orders.order, name="order"),
    path("orders/<str:number>/cancel/", orders.cancel_order, name="cancel-order"),
    path("approvals/", approvals.approval_list, name="approvals"),
    path("approvals/card/", approvals.approvals_card, name="approvals-card"),
    path("approvals/<uuid:public_id>/", approvals.approval, name="approval"),
    path("approvals/<uuid:public_id>/approve/", approvals.approve, name="approve"),
    path("approvals/<uuid:public_id>/refuse/", approvals.refuse, name="refuse"),
    path("approvals/<uuid:public_id>/withdraw/", approvals.withdraw, name="withdraw-approval"),
    path("company/purchase-limits/", approvals.purchase_limits, name="purchase-limits"),
    path("invoices/", invoices.invoice_list, name="invoices"),
    path("invoices/<slug:number>/", invoices.invoice, name="invoice"),
    path("invoices/<slug:number>/pdf/", invoices.invoice_pdf, name="invoice-pdf"),
    path("invoices/<slug:number>/pay/", payments.pay, name="pay"),
    path("invoices/<slug:number>/pay/start/", payments.start_payment, name="start-payment"),
    path("payments/<uuid:public_id>/", payments.payment, name="payment"),
    path("payments/<uuid:public_id>/finish/", payments.finish_payment, name="finish-payment"),
    path("webhooks/stripe/", webhooks.stripe_webhook, name="stripe-webhook"),
]
