from django.urls import URLPattern, path, register_converter

from cases import views


class CaseNumber:
    """CS-10482 in an address; the view gets 10482."""

    regex = "CS-[0-9]{1,15}"

    def to_python(self, value: str) -> int:
        return int(value.removeprefix("CS-"))

    def to_url(self, value: str | int) -> str:
        return value if isinstance(value, str) else f"CS-{value}"


register_converter(CaseNumber, "case_number")

app_name = "cases"

urlpatterns: list[URLPattern] = [
    path("", views.case_list, name="list"),
    path("new/", views.new, name="new"),
    path("<case_number:serial>/", views.detail, name="detail"),
    path("<case_number:serial>/reply/", views.reply, name="reply"),
    path("<case_number:serial>/close/", views.close, name="close"),
]
