from django.urls import path

from analytics import views

app_name = "analytics"

urlpatterns = [
    path("", views.insights, name="insights"),
    path("engagement/", views.how_home_is_used, name="engagement"),
    path("configurator/", views.configurator, name="configurator"),
    path("approvals/", views.approvals, name="approvals"),
    path("approvals.csv", views.approvals_csv, name="approvals-csv"),
    path("influenced-revenue/", views.influenced_revenue, name="influenced-revenue"),
    path("influenced-revenue/<uuid:public_id>/", views.influenced_deal, name="influenced-deal"),
    path("definitions/<slug:metric>/", views.definition, name="definition"),
]
