from django.urls import path

from recommendations import views

app_name = "recommendations"

urlpatterns = [path("offers/<slug:code>/open/", views.open_offer, name="open-offer")]
